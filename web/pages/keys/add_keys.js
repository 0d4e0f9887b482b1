// Adding keys: whatever is pasted or dropped, the server finds the keys in it and says beforehand what would be added.

import { api } from '../../lib/api.js';
import { bytes } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { useDebounced } from '../../lib/load.js';
import { html, useEffect, useRef, useState } from '../../lib/ui.js';
import { Button, Dialog, Notice, TextArea, TextInput, tagsOf, toast } from '../../widgets/index.js';

const LARGEST_FILE = 4 * 1024 * 1024;
const MOST_SHOWN = 12;

/** What the form holds and does; the fields and the button can stand in a dialog or on a page. */
export function useAddKeys(onAdded) {
  const [text, setText] = useState('');
  const [tags, setTags] = useState('');
  const [project, setProject] = useState('');
  const [wrong, setWrong] = useState(null);
  const [busy, setBusy] = useState(false);
  const [preview, setPreview] = useState(null);
  const settled = useDebounced(text, 300);

  useEffect(() => {
    setPreview(null);
    setWrong(null);
    if (!settled.trim()) return undefined;
    const control = new AbortController();
    api.post('admin/keys', { text: settled, preview: true }, { signal: control.signal })
      .then(setPreview, (error) => { if (!control.signal.aborted) setWrong(error); });
    return () => control.abort();
  }, [settled]);

  async function submit() {
    if (busy) return;
    setBusy(true);
    setWrong(null);
    try {
      const facts = { ...(tags.trim() && { tags: tagsOf(tags) }), ...(project.trim() && { project_id: project.trim() }) };
      const answer = await api.post('admin/keys', { text, ...facts });
      setText('');
      onAdded(answer);
    } catch (error) { setWrong(error); }
    setBusy(false);
  }

  const count = settled === text ? preview?.new.length ?? 0 : 0;
  return { text, setText, tags, setTags, project, setProject, wrong, busy, preview, count, submit };
}

/** Reads a text file that was chosen or dropped into the form. */
async function take(file, form) {
  if (!file) return;
  if (file.size > LARGEST_FILE) return toast(t('keys.add.tooLarge', { size: bytes(LARGEST_FILE) }), { kind: 'bad' });
  const text = await file.text();
  form.setText(form.text.trim() ? `${form.text.trim()}\n${text}` : text);
}

export function AddKeysFields({ form, brief }) {
  const [over, setOver] = useState(false);
  const picker = useRef(null);
  const drag = (event) => { event.preventDefault(); setOver(event.type === 'dragover'); };
  const drop = (event) => { drag(event); take(event.dataTransfer.files[0], form); };
  const choose = () => { take(picker.current.files[0], form); picker.current.value = ''; };
  return html`<div class="form">
    <div class="drop ${over ? 'over' : ''}" onDragOver=${drag} onDragLeave=${drag} onDrop=${drop}>
      <${TextArea} label=${t('keys.add.text')} hint=${t('keys.add.textHint')} value=${form.text} onInput=${form.setText}
        error=${form.wrong && ['text', 'key', null].includes(form.wrong.field) ? form.wrong.message : null}
        spellcheck="false" autocomplete="off" placeholder="AIza…" autofocus />
      <input class="unseen" type="file" tabindex="-1" ref=${picker} aria-label=${t('keys.add.file')} onChange=${choose} />
      <${Button} small icon="file" onClick=${() => picker.current.click()}>${t('keys.add.file')}<//>
    </div>
    <div aria-live="polite">${form.preview && html`<${Found} found=${form.preview} />`}</div>
    ${!brief && html`<div class="form-row">
      <${TextInput} label=${t('keys.tags')} hint=${t('keys.tagsHint')} value=${form.tags} onInput=${form.setTags}
        error=${form.wrong?.field === 'tags' ? form.wrong.message : null} />
      <${TextInput} label=${t('keys.project')} hint=${t('keys.projectHint')} value=${form.project} onInput=${form.setProject}
        error=${form.wrong?.field === 'project_id' ? form.wrong.message : null} />
    </div>`}
  </div>`;
}

export function AddButton({ form, icon }) {
  return html`<${Button} type="submit" kind="main" icon=${icon} busy=${form.busy} disabled=${form.count === 0}>
    ${form.count ? t('keys.add.submit', { n: form.count }) : t('keys.add.title')}<//>`;
}

/** What was found in the text, as the server told before or after adding. */
export function Found({ found }) {
  const fresh = found.new ?? found.added ?? [];
  const more = fresh.length - MOST_SHOWN;
  const nothing = fresh.length + found.duplicates + found.refused.length === 0;
  if (nothing) return html`<${Notice} kind="warn">${t('keys.add.nothing')}<//>`;
  return html`<div class="notices">
    ${fresh.length > 0 && html`<${Notice} kind="good"><b>${t('keys.add.new', { n: fresh.length })}</b> <span class="mono small">
      ${fresh.slice(0, MOST_SHOWN).map((key) => key.masked_key).join('  ')}</span> ${more > 0 && t('keys.add.more', { n: more })}<//>`}
    ${found.duplicates > 0 && html`<${Notice}>${t('keys.add.duplicates', { n: found.duplicates })}<//>`}
    ${found.refused.slice(0, MOST_SHOWN).map((each) => html`<${Notice} kind="warn" key=${each.masked_key}>
      ${t('keys.add.refused', { key: each.masked_key, reason: each.reason })}<//>`)}
  </div>`;
}

export function AddKeysDialog({ initialText = '', onClose, onAdded }) {
  const form = useAddKeys(onAdded);
  useEffect(() => { if (initialText) form.setText(initialText); }, []);
  return html`<${Dialog} wide title=${t('keys.add.title')} onClose=${onClose} onSubmit=${form.submit} actions=${html`
      <${Button} onClick=${onClose}>${t('common.cancel')}<//>
      <${AddButton} form=${form} />`}>
    <${AddKeysFields} form=${form} />
  <//>`;
}
