// The list of keys: found, sorted, selected, changed in bulk.

import { t } from '../lib/i18n.js';
import { useDebounced } from '../lib/load.js';
import { currentPlace, replaceQuery } from '../lib/router.js';
import { html, useEffect, useMemo, useState } from '../lib/ui.js';
import { Button, Empty, Loaded, Page, SearchInput, Select, Table, Tabs, toast } from '../widgets/index.js';
import { AddKeysDialog } from './keys/add_keys.js';
import { BatchBar, changeKeys } from './keys/batch.js';
import { columns } from './keys/columns.js';
import { filtered, keyTitle, surveyed, useKeys } from './keys/key_list.js';

const STATES = ['ready', 'resting', 'probing', 'disabled'];

export default function KeysPage({ query }) {
  const list = useKeys();
  const [adding, setAdding] = useState(query.add !== undefined);
  const [dropped, setDropped] = useState('');

  function added(answer) {
    setAdding(false);
    setDropped('');
    list.reload();
    const ids = answer.added.map((key) => key.id);
    const check = { label: t('keys.checkNow'), run: () => changeKeys(ids, { action: 'check' }) };
    toast(t('keys.add.done', { n: ids.length }), { action: ids.length ? check : undefined });
  }
  // A file can be dropped anywhere on the page.
  useDroppedText((text) => { setDropped(text); setAdding(true); });

  const add = html`<${Button} kind="main" icon="plus" onClick=${() => setAdding(true)}>${t('keys.add.title')}<//>`;
  return html`<${Page} title=${t('keys.title')} actions=${add}>
    <${Loaded} from=${list}>${(keys) => (keys.length
      ? html`<${KeyList} keys=${keys} reload=${list.reload} />`
      : html`<${Empty} icon="keys" title=${t('keys.empty')} action=${add}>${t('keys.emptyWhy')}<//>`)}<//>
    ${adding && html`<${AddKeysDialog} initialText=${dropped} onClose=${() => { setAdding(false); setDropped(''); }} onAdded=${added} />`}
  <//>`;
}

function KeyList({ keys, reload }) {
  const [filter, setFilter] = useState(() => currentPlace().query);
  const [selected, setSelected] = useState(new Set());
  const survey = useMemo(() => surveyed(keys), [keys]);
  const rows = useMemo(() => filtered(keys, filter), [keys, filter]);
  // What the filters hide is never changed unseen.
  const chosen = useMemo(() => rows.filter((key) => selected.has(key.id)), [rows, selected]);
  const set = (name) => (value) => setFilter((old) => ({ ...old, [name]: value }));
  const { state, tag, project } = filter;
  const q = useDebounced(filter.q ?? '');  // Browsers take only so many changes of the address.
  useEffect(() => replaceQuery({ state, tag, project, q }), [state, tag, project, q]);

  const tabs = [{ value: '', label: t('common.all'), count: keys.length },
    ...STATES.map((value) => ({ value, label: t(`states.${value}`), count: survey.states[value] }))];
  const choices = (label, values) => [{ value: '', label }, ...values.map((value) => ({ value, label: value }))];
  const showAll = html`<${Button} onClick=${() => setFilter({})}>${t('keys.showAll')}<//>`;
  return html`
    <div class="filters">
      <${Tabs} label=${t('keys.state')} options=${tabs} value=${state ?? ''} onChange=${set('state')} />
      <${SearchInput} label=${t('keys.search')} value=${filter.q ?? ''} onInput=${set('q')} />
      ${survey.tags.length > 0 && html`<${Select} labelHidden label=${t('keys.tags')} value=${tag ?? ''} onChange=${set('tag')}
        options=${choices(t('keys.anyTag'), survey.tags)} />`}
      ${survey.projects.length > 0 && html`<${Select} labelHidden label=${t('keys.project')} value=${project ?? ''} onChange=${set('project')}
        options=${choices(t('keys.anyProject'), survey.projects)} />`}
    </div>
    <${Table} label=${t('keys.title')} rows=${rows} columns=${columns()} href=${(row) => `#/keys/${row.id}`} rowName=${keyTitle} rowHeight=${58}
      selected=${selected} onSelect=${setSelected} sort=${{ by: 'name' }}
      empty=${html`<${Empty} icon="search" title=${t('keys.noneFits')} action=${showAll} />`} />
    ${chosen.length > 0 && html`<${BatchBar} keys=${chosen} onDone=${reload} onClear=${() => setSelected(new Set())} />`}`;
}

function useDroppedText(use) {
  useEffect(() => {
    const over = (event) => { if (event.dataTransfer?.types.includes('Files')) event.preventDefault(); };
    const drop = async (event) => {
      if (event.defaultPrevented || !event.dataTransfer?.files.length) return;
      event.preventDefault();
      use(await event.dataTransfer.files[0].text());
    };
    document.addEventListener('dragover', over);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', over);
      document.removeEventListener('drop', drop);
    };
  }, []);
}
