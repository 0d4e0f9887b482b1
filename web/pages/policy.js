// One policy file: read, changed, checked and saved; compared with what was shipped; its settings.

import { api } from '../lib/api.js';
import { useEvent } from '../lib/events.js';
import { t } from '../lib/i18n.js';
import { useLoaded } from '../lib/load.js';
import { go, href, replaceQuery, useLeaveGuard } from '../lib/router.js';
import { html, useEffect, useRef, useState } from '../lib/ui.js';
import { Button, Empty, Loaded, Notice, Page, Tabs, confirmed, toast } from '../widgets/index.js';
import { placeOf } from './policies/diff.js';
import { Diff } from './policies/diff_view.js';
import { Editor } from './policies/editor.js';
import { Health, Source, purposeOf } from './policies/file_state.js';
import { SettingsForm } from './settings/settings_form.js';

const OVERTAKEN = 412;  // Somebody else saved it meanwhile.

const apiPath = (path) => `admin/policies/${path.split('/').map(encodeURIComponent).join('/')}`;

const templateFor = (path) => {
  const name = path.replace(/\.lua$/, '').split('/').at(-1).replace(/\W/g, '_');
  return `-- ${path}: ${t('policies.new.comment')}\nlocal ${name} = {}\n\n\nreturn ${name}\n`;
};

const newFile = (path) => ({ path, owner: true, overrides: false, error: null, hooks: [], settings: [], text: '', shipped_text: null, diff: null });

/** The text that is being written, and what it was when it was read: `base`. */
function useDraft(file, isNew) {
  const [draft, setDraft] = useState({ base: file.text, text: isNew ? templateFor(file.path) : file.text, version: 0 });
  const dirty = draft.text !== draft.base;
  const take = (text) => setDraft((old) => ({ base: text, text, version: old.version + 1 }));
  useEffect(() => { if (!isNew && !dirty && file.text !== draft.base) take(file.text); }, [file.text]);
  return { ...draft, dirty, isStale: !isNew && dirty && file.text !== draft.base, take, put: (text) => setDraft((old) => ({ ...old, text })) };
}

function Problem({ title, error, path }) {
  if (!error) return null;
  const words = error.details?.message ?? error.message;
  const place = placeOf(words);
  const isElsewhere = place.path && place.path !== path;
  return html`<div role="alert"><${Notice} kind="bad"
    action=${isElsewhere && html`<a class="button small" href=${href(`/policies/${place.path}`, { line: place.line })}>${place.path}</a>`}>
    <p><b>${title}</b></p><p class="mono">${words}</p><//></div>`;
}

function useSaving({ file, draft, loaded, setIsNew, leaving }) {
  const [error, setError] = useState(null);
  const attempt = async (action) => {
    try {
      setError(null);
      return await action();
    } catch (failure) {
      if (failure.status === 401) throw failure;
      setError(failure);
      if (failure.status === OVERTAKEN) loaded.reload();
      return null;
    }
  };
  return {
    error,
    forget: () => setError(null),
    check: () => attempt(async () => {
      await api.put(apiPath(file.path), draft.text, { params: { check: 'true' } });
      toast(t('policies.good'));
    }),
    save: () => attempt(async () => {
      const { text } = draft;
      if (!draft.dirty) return;
      const saved = await api.put(apiPath(file.path), text, { headers: file.etag ? { 'If-Match': file.etag } : { 'If-None-Match': '*' } });
      toast(t('policies.saved', { path: file.path }));
      draft.take(text);
      loaded.set(saved);
      setIsNew(false);
      replaceQuery({});
    }),
    remove: async () => {
      const kind = file.overrides ? 'reset' : 'delete';
      const sure = await confirmed({ title: t(`policies.${kind}.title`, { path: file.path }), text: t(`policies.${kind}.text`),
        action: t(`policies.${kind}.action`), danger: true });
      if (!sure) return;
      leaving.current = !file.overrides;  // What is deleted is not read again.
      const done = await attempt(async () => {
        await api.del(apiPath(file.path));
        toast(t(`policies.${kind}.done`, { path: file.path }));
        draft.take(file.shipped_text ?? draft.text);
        if (file.overrides) await loaded.reload(); else setTimeout(() => go('/policies'));
        return true;
      });
      if (!done) leaving.current = false;
    },
  };
}

const titleOf = (error) => t(error ? error.status === 400 ? 'policies.refused' : 'policies.failed' : 'policies.broken');

function Writing({ file, draft, saving, line }) {
  const wrong = placeOf(saving.error?.details?.message);
  const wrongLine = saving.error?.details?.line ?? (wrong.path === file.path ? wrong.line : null);
  return html`<div class="stack">
    ${!file.owner && html`<${Notice}>${t('policies.shippedNote')}<//>`}
    ${draft.isStale && html`<${Notice} kind="warn" action=${html`<${Button} small
      onClick=${() => draft.take(file.text)}>${t('policies.takeTheirs')}<//>`}>${t('policies.stale')}<//>`}
    <${Problem} path=${file.path} error=${saving.error ?? (file.error && { message: file.error })} title=${titleOf(saving.error)} />
    <${Editor} label=${t('policies.editorOf', { path: file.path })} text=${draft.text} version=${draft.version} line=${line} wrongLine=${wrongLine}
      onText=${(text) => { if (text !== draft.text) { draft.put(text); saving.forget(); } }} onSave=${saving.save} />
  </div>`;
}

function File({ file, loaded, query, isNew, setIsNew, leaving }) {
  const draft = useDraft(file, isNew);
  const saving = useSaving({ file, draft, loaded, setIsNew, leaving });
  const [tab, setTab] = useState('edit');
  const [inputs, setInputs] = useState({});
  useLeaveGuard(draft.dirty, () => confirmed({ title: t('policies.leave.title'), text: t('policies.leave.text', { path: file.path }),
    action: t('policies.leave.action'), danger: true }));
  const tabs = ['edit', file.diff !== null && 'diff', file.overrides && 'shipped', file.settings.length > 0 && 'settings'].filter(Boolean)
    .map((value) => ({ value, label: t(`policies.tab.${value}`), ...(value === 'settings' && { count: file.settings.length }) }));
  const shown = tabs.some(({ value }) => value === tab) ? tab : 'edit';
  return html`<div class="policy-bar"><div class="button-row"><${Source} file=${file} />${!isNew && html`<${Health} file=${file} />`}
        ${draft.dirty && html`<span class="muted">${t('policies.unsaved')}</span>`}</div>
      <div class="button-row">
        ${file.owner && !isNew && html`<${Button} kind="danger"
          onClick=${saving.remove}>${t(file.overrides ? 'policies.reset.action' : 'policies.delete.action')}<//>`}
        <${Button} icon="check" onClick=${saving.check}>${t('policies.check')}<//>
        <${Button} kind="main" disabled=${!draft.dirty} onClick=${saving.save}>${t('common.save')}<//></div></div>
    ${tabs.length > 1 && html`<div class="filters"><${Tabs} label=${t('policies.tabs')} options=${tabs} value=${shown} onChange=${setTab} /></div>`}
    <div hidden=${shown !== 'edit'}><${Writing} ...${{ file, draft, saving }} line=${Number(query.line) || null} /></div>
    ${shown === 'diff' && html`<${Diff} diff=${file.diff} />`}
    ${shown === 'shipped' && html`<pre class="body tall" tabindex="0" aria-label=${t('policies.tab.shipped')}>${file.shipped_text}</pre>`}
    ${shown === 'settings' && html`<${SettingsForm} title=${t('policies.tab.settings')} settings=${file.settings} inputs=${inputs}
      setInputs=${setInputs} onSaved=${loaded.reload} />`}`;
}

export default function Policy({ params, query }) {
  const { path } = params;
  const [isNew, setIsNew] = useState(query.new === '1');
  const loaded = useLoaded(() => (isNew ? newFile(path) : api.get(apiPath(path))), [path]);
  const leaving = useRef(false);
  useEvent('policies', () => { if (!leaving.current) loaded.reload(); });
  useEvent('settings', loaded.reload);
  const gone = loaded.error?.status === 404 && !loaded.data;
  const again = html`<${Button} kind="main" onClick=${() => { setIsNew(true); setTimeout(loaded.reload); }}>${t('policies.new.createThis',
    { path })}<//>`;
  return html`<${Page} title=${html`<span class="mono">${path}</span>`} subtitle=${purposeOf(path)}
    back=${{ href: href('/policies'), label: t('policies.title') }}>
    ${gone ? html`<${Empty} icon="policies" title=${t('policies.gone', { path })} action=${again} />`
      : html`<${Loaded} from=${loaded}>${(file) => html`<${File} ...${{ file, loaded, query, isNew, setIsNew, leaving }} />`}<//>`}
  <//>`;
}
