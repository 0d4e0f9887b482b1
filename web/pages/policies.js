// Policies: which files decide, where they come from and whether they load.

import { api } from '../lib/api.js';
import { useEvent } from '../lib/events.js';
import { t } from '../lib/i18n.js';
import { useLoaded } from '../lib/load.js';
import { go, href } from '../lib/router.js';
import { html, useState } from '../lib/ui.js';
import { Button, Card, Dialog, LinkButton, Loaded, Notice, Page, SearchInput, Table, Tabs, TextInput, Time } from '../widgets/index.js';
import { isGoodPath, placeOf } from './policies/diff.js';
import { Health, Source, purposeOf } from './policies/file_state.js';

const pagePath = (path) => `/policies/${path.split('/').map(encodeURIComponent).join('/')}`;

const card = (file) => html`<span class="row-card"><span class="row-card-head"><span class="cut mono grow">${file.path}</span><${Health} file=${file} /></span>
  <span class="row-card-foot muted"><span class="cut">${purposeOf(file.path) ?? ' '}</span></span>
  <span class="row-card-foot"><${Source} file=${file} /></span></span>`;

const columns = () => [
  { id: 'path', label: t('policies.column.file'), width: 'minmax(0, 2fr)', value: (file) => file.path, cell: (file) => html`<span class="two-lines">
    <span class="mono">${file.path}</span>
    <small class="muted">${purposeOf(file.path) ?? ''}</small></span>` },
  { id: 'source', label: t('policies.column.source'), width: 'minmax(90px, 1fr)', value: (file) => `${!file.owner}${file.path}`,
    cell: (file) => html`<${Source} file=${file} />` },
  { id: 'state', label: t('policies.column.state'), from: 480, width: '110px', cell: (file) => html`<${Health} file=${file} />` },
  { id: 'hooks', label: t('policies.column.hooks'), from: 760,
    cell: (file) => html`<span class="mono small cut">${file.hooks.join(', ') || '–'}</span>` },
  { id: 'settings', label: t('policies.column.settings'), from: 860, width: '84px', numeric: true, value: (file) => file.settings.length,
    cell: (file) => file.settings.length || '–' },
];

function LastLoad({ data }) {
  if (!data.error) {
    return html`<${Notice} kind="good">${t('policies.loaded', { version: String(data.version) })} <${Time} value=${data.loaded_at} /><//>`;
  }
  const place = placeOf(data.error);
  const link = place.path && html`<${LinkButton} small href=${href(pagePath(place.path), { line: place.line })}>${t('policies.goToLine')}<//>`;
  return html`<${Notice} kind="bad" action=${link}><p><b>${t('policies.notLoaded')}</b></p><p class="mono">${data.error}</p><//>`;
}

function NewFile({ files, onClose }) {
  const [path, setPath] = useState('');
  const [error, setError] = useState(null);
  const create = () => {
    const name = path.trim().endsWith('.lua') ? path.trim() : `${path.trim()}.lua`;
    if (!isGoodPath(name)) return setError(t('policies.new.wrong'));
    onClose();
    go(pagePath(name), files.some((file) => file.path === name) ? {} : { new: '1' });
  };
  return html`<${Dialog} title=${t('policies.new.title')} onClose=${onClose} onSubmit=${create} actions=${html`
      <${Button} onClick=${onClose}>${t('common.cancel')}<//><${Button} type="submit" kind="main">${t('policies.new.create')}<//>`}>
    <${TextInput} label=${t('policies.new.path')} hint=${t('policies.new.hint')} error=${error} value=${path} onInput=${setPath}
      placeholder="record.lua" autofocus spellcheck=${false} autocomplete="off" />
  <//>`;
}

// What is the owner's first, then what decides by hooks, then what those are made of.
const rank = (file) => (file.error ? 0 : file.owner ? 1 : file.hooks.length ? 2 : file.path.includes('/') ? 4 : 3);
const SHOWN = { main: (file) => rank(file) < 3 || purposeOf(file.path) !== null, own: (file) => file.owner, all: () => true };
const inOrder = (files) => [...files].sort((one, other) => rank(one) - rank(other) || (one.path < other.path ? -1 : 1));

const fits = (words) => (file) => [file.path, purposeOf(file.path) ?? '', ...file.hooks].join(' ').toLowerCase().includes(words.trim().toLowerCase());

export default function Policies() {
  const loaded = useLoaded(() => api.get('admin/policies'), []);
  const [words, setWords] = useState('');
  const [shown, setShown] = useState('main');
  const [isNew, setNew] = useState(false);
  useEvent('policies', loaded.reload);
  const actions = html`<${Button} kind="main" icon="plus" onClick=${() => setNew(true)}>${t('policies.new.action')}<//>`;
  return html`<${Page} title=${t('policies.title')} subtitle=${t('policies.subtitle')} actions=${actions}>
    <${Loaded} from=${loaded}>${(data) => {
      const matching = inOrder(data.files).filter(fits(words));
      const options = Object.keys(SHOWN).map((value) => ({ value, label: t(`policies.shown.${value}`),
        count: matching.filter(SHOWN[value]).length }));
      const rows = matching.filter(SHOWN[shown]);
      return html`<${LastLoad} data=${data} />
        <div class="filters spaced"><${SearchInput} label=${t('policies.search')} value=${words} onInput=${setWords} />
          <${Tabs} label=${t('policies.shown.label')} options=${options} value=${shown} onChange=${setShown} /></div>
        <${Table} label=${t('policies.title')} rows=${rows} rowId=${(file) => file.path} columns=${columns()} rowHeight=${56} card=${card}
          cardHeight=${100} href=${(file) => href(pagePath(file.path))} />
        ${isNew && html`<${NewFile} files=${data.files} onClose=${() => setNew(false)} />`}`;
    }}<//>
    <${Card} className="policy-help"><p>${t('policies.help')}</p><//>
  <//>`;
}
