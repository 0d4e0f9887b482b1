// What can be done with the selected keys.

import { t } from '../../lib/i18n.js';
import { html, useState } from '../../lib/ui.js';
import { Button, Dialog, NumberInput, TextInput, confirmed, copyText, tagsOf, toast, toastError } from '../../widgets/index.js';
import { batch, keyTitle } from './key_list.js';

function tellResult(action, { done, missing, refused }) {
  toast(t(`keys.done.${action}`, { n: done }), { kind: action === 'check' ? 'info' : 'good' });
  if (refused.length) toast(t('keys.done.refused', { n: refused.length, reason: refused[0].reason }), { kind: 'bad' });
  if (missing.length) toast(t('keys.done.missing', { n: missing.length }), { kind: 'info' });
}

/** Does it and tells what came of it. */
export async function changeKeys(ids, change) {
  const result = await batch(ids, change);
  tellResult(change.action, result);
  return result;
}

/** A bar at the foot of the list; `keys` are the selected ones. */
export function BatchBar({ keys, onDone, onClear }) {
  const [dialog, setDialog] = useState(null);
  const ids = keys.map((key) => key.id);
  const n = keys.length;

  async function run(change) {
    await changeKeys(ids, change);
    if (change.action === 'delete') onClear();
    onDone();
  }
  async function ask(action, danger = false) {
    const words = { title: t(`keys.ask.${action}`, { n }), text: t(`keys.ask.${action}Text`), action: t(`keys.${action}`) };
    if (await confirmed({ ...words, danger })) await run({ action });
  }
  async function copy() {
    await copyText(keys.map((key) => `${keyTitle(key)}\t${key.masked_key}\t${key.id}`).join('\n'));
    toast(t('keys.done.copied', { n }));
  }

  return html`<div class="batch-bar" role="region" aria-label=${t('keys.selected', { n })}>
    <b>${t('keys.selected', { n })}</b>
    <div class="button-row">
      <${Button} small onClick=${() => run({ action: 'check' })}>${t('keys.check')}<//>
      <${Button} small onClick=${() => run({ action: 'enable' })}>${t('keys.enable')}<//>
      <${Button} small onClick=${() => setDialog('disable')}>${t('keys.disable')}<//>
      <${Button} small onClick=${() => ask('reset')}>${t('keys.reset')}<//>
      <${Button} small onClick=${() => setDialog('change')}>${t('keys.change')}<//>
      <${Button} small onClick=${copy}>${t('common.copy')}<//>
      <${Button} small kind="danger" onClick=${() => ask('delete', true)}>${t('keys.delete')}<//>
    </div>
    <${Button} small kind="quiet" icon="close" label=${t('keys.clear')} onClick=${onClear} />
  </div>
  ${dialog === 'disable' && html`<${DisableDialog} n=${n} onClose=${() => setDialog(null)}
    onDisable=${(reason) => run({ action: 'disable', ...reason })} />`}
  ${dialog === 'change' && html`<${ChangeDialog} n=${n} ids=${ids} onClose=${() => setDialog(null)} onDone=${onDone} />`}`;
}

/** Asks why; the reason is shown beside the key. `onDisable` gets {} or { reason }. */
export function DisableDialog({ n, onClose, onDisable }) {
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  async function submit() {
    setBusy(true);
    try {
      await onDisable(reason.trim() ? { reason: reason.trim() } : {});
      onClose();
    } catch (error) {
      toastError(error);
      setBusy(false);
    }
  }
  return html`<${Dialog} title=${t('keys.ask.disable', { n })} onClose=${onClose} onSubmit=${submit} actions=${html`
      <${Button} onClick=${onClose}>${t('common.cancel')}<//>
      <${Button} type="submit" kind="main" busy=${busy}>${t('keys.disable')}<//>`}>
    <div class="form"><p>${t('keys.ask.disableText')}</p>
      <${TextInput} label=${t('keys.reason')} hint=${t('keys.reasonHint')} value=${reason} onInput=${setReason} maxlength="200" autofocus /></div>
  <//>`;
}

function ChangeDialog({ n, ids, onClose, onDone }) {
  const [values, setValues] = useState({ tag: '', untag: '', project: '', weight: null });
  const [wrong, setWrong] = useState(null);
  const [busy, setBusy] = useState(false);
  const put = (name) => (value) => setValues((old) => ({ ...old, [name]: value }));

  async function submit() {
    const project = values.project.trim();
    const facts = { ...(project && { project_id: project }), ...(values.weight !== null && { weight: values.weight }) };
    const changes = [
      values.tag.trim() && { action: 'tag', tags: tagsOf(values.tag) },
      values.untag.trim() && { action: 'untag', tags: tagsOf(values.untag) },
      Object.keys(facts).length > 0 && { action: 'set', ...facts },
    ].filter(Boolean);
    setBusy(true);
    setWrong(null);
    try {
      for (const change of changes) await changeKeys(ids, change);
      onDone();
      onClose();
    } catch (error) {
      setWrong(error);
      setBusy(false);
    }
  }

  const of = (field) => (wrong?.field === field ? wrong.message : null);
  return html`<${Dialog} title=${t('keys.ask.change', { n })} onClose=${onClose} onSubmit=${submit} actions=${html`
      <${Button} onClick=${onClose}>${t('common.cancel')}<//>
      <${Button} type="submit" kind="main" busy=${busy}>${t('common.save')}<//>`}>
    <div class="form">
      <p class="muted">${t('keys.ask.changeText')}</p>
      <div class="form-row"><${TextInput} label=${t('keys.addTags')} hint=${t('keys.tagsHint')} value=${values.tag} onInput=${put('tag')}
          error=${of('tags')} autofocus />
        <${TextInput} label=${t('keys.removeTags')} value=${values.untag} onInput=${put('untag')} /></div>
      <div class="form-row"><${TextInput} label=${t('keys.project')} hint=${t('keys.projectHint')} value=${values.project} onInput=${put('project')}
          error=${of('project_id')} />
        <${NumberInput} label=${t('keys.weight')} hint=${t('keys.weightHint')} value=${values.weight} onInput=${put('weight')} min="0" step="any"
          error=${of('weight')} /></div>
      ${wrong && !['tags', 'project_id', 'weight'].includes(wrong.field) && html`<p class="field-error" role="alert">${wrong.message}</p>`}
    </div>
  <//>`;
}
