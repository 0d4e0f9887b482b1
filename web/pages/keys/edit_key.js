// Changing what an owner may say of a key.

import { api } from '../../lib/api.js';
import { t } from '../../lib/i18n.js';
import { html, useState } from '../../lib/ui.js';
import { Button, Dialog, NumberInput, TextInput, tagsOf, toast } from '../../widgets/index.js';

const FIELDS = ['name', 'tags', 'project_id', 'weight'];

export function EditKey({ row, onClose, onSaved }) {
  const [values, setValues] = useState({ name: row.name, tags: row.tags.join(', '), project_id: row.project_id ?? '', weight: row.weight });
  const [wrong, setWrong] = useState(null);
  const [busy, setBusy] = useState(false);
  const field = (name) => ({
    value: values[name], onInput: (value) => setValues((old) => ({ ...old, [name]: value })), error: wrong?.field === name ? wrong.message : null,
  });

  async function submit() {
    setBusy(true);
    setWrong(null);
    try {
      const { name, tags, project_id, weight } = values;
      const change = { name, tags: tagsOf(tags), project_id: project_id.trim(), ...(weight !== null && { weight }) };
      onSaved(await api.patch(`admin/keys/${row.id}`, change));
      toast(t('common.saved'));
      onClose();
    } catch (error) {
      setWrong(error);
      setBusy(false);
    }
  }

  return html`<${Dialog} title=${t('keys.edit')} onClose=${onClose} onSubmit=${submit} actions=${html`
      <${Button} onClick=${onClose}>${t('common.cancel')}<//>
      <${Button} type="submit" kind="main" busy=${busy}>${t('common.save')}<//>`}>
    <div class="form">
      <${TextInput} label=${t('keys.name')} ...${field('name')} autofocus />
      <${TextInput} label=${t('keys.tags')} hint=${t('keys.tagsHint')} ...${field('tags')} />
      <${TextInput} label=${t('keys.project')} hint=${t('keys.projectHint')} ...${field('project_id')} />
      <${NumberInput} label=${t('keys.weight')} hint=${t('keys.weightHint')} ...${field('weight')} min="0" step="any" />
      ${wrong && !FIELDS.includes(wrong.field) && html`<p class="field-error" role="alert">${wrong.message}</p>`}
    </div>
  <//>`;
}
