// The form of a client, for a new one and for one that is there.

import { api } from '../../lib/api.js';
import { t } from '../../lib/i18n.js';
import { html, useEffect, useRef, useState } from '../../lib/ui.js';
import { Button, ChipsInput, Dialog, Notice, Switch, TextInput, toast } from '../../widgets/index.js';
import { changedBy, createdBy, emptyForm, formOf } from './form.js';

// Names that a client may be allowed; where the list cannot be had the field is there all the same.
function useModelNames() {
  const [names, setNames] = useState([]);
  useEffect(() => {
    api.get('admin/models').then((answer) => setNames(answer.models.map((model) => model.name)), () => {});
  }, []);
  return names;
}

const inWords = (errors) => Object.fromEntries(Object.entries(errors).map(([name, text]) => [name, t(text)]));

/** `client` null: a new one. `onDone` gets what the server answered. */
export function ClientDialog({ client, onDone, onClose }) {
  const [form, setForm] = useState(client ? formOf(client) : emptyForm());
  const [errors, setErrors] = useState({});
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const fields = useRef(null);
  const models = useModelNames();
  useEffect(() => fields.current.querySelector('[aria-invalid]')?.focus(), [Object.values(errors).filter(Boolean).length]);
  const field = (name) => ({ label: t(`clients.field.${name}`), error: errors[name], value: form[name],
    onInput: (value) => { setForm((old) => ({ ...old, [name]: value })); setErrors((old) => ({ ...old, [name]: undefined })); } });

  async function save() {
    const read = client ? changedBy(form, client) : createdBy(form);
    setErrors(inWords(read.errors));
    setFailure(null);
    if (Object.keys(read.errors).length) return;
    if (client && !Object.keys(read.values).length) return onClose();
    setBusy(true);
    try {
      const answer = client ? await api.patch(`admin/clients/${client.id}`, read.values) : await api.post('admin/clients', read.values);
      toast(t(client ? 'clients.changed' : 'clients.created', { name: answer.name }));
      onDone(answer);
    } catch (error) {
      if (error.field && error.field in form) setErrors({ [error.field]: error.message }); else setFailure(error.message);
    } finally {
      setBusy(false);
    }
  }

  const chips = (name) => { const { value, onInput, ...rest } = field(name); return { ...rest, values: value, onChange: onInput }; };
  const number = { inputmode: 'numeric', autocomplete: 'off' };
  return html`<${Dialog} wide title=${client ? t('clients.edit', { name: client.name }) : t('clients.new')} onClose=${onClose} onSubmit=${save}
    actions=${html`
      <${Button} onClick=${onClose}>${t('common.cancel')}<//>
      <${Button} type="submit" kind="main" busy=${busy}>${t(client ? 'common.save' : 'clients.create')}<//>`}>
    <div class="form" ref=${fields}>
      ${failure && html`<${Notice} kind="bad">${failure}<//>`}
      <${TextInput} ...${field('name')} hint=${t('clients.hint.name')} required maxlength="100" autocomplete="off" autofocus />
      <${ChipsInput} ...${chips('models')} suggestions=${models} hint=${t('clients.hint.models')} placeholder=${t('clients.allModels')} />
      <div class="form-row">
        <${TextInput} ...${field('rpm')} ...${number} placeholder=${t('clients.noLimit')} />
        <${TextInput} ...${field('daily_requests')} ...${number} placeholder=${t('clients.noLimit')} />
        <${TextInput} ...${field('daily_tokens')} ...${number} placeholder=${t('clients.noLimit')} />
      </div>
      <p class="hint">${t('clients.hint.limits')}</p>
      <div class="form-row">
        <${ChipsInput} ...${chips('tags')} hint=${t('clients.hint.tags')} />
        <${TextInput} ...${field('expires_at')} type="datetime-local" hint=${t('clients.hint.expires_at')} />
      </div>
      <${Switch} label=${t('clients.field.enabled')} hint=${t('clients.hint.enabled')} checked=${form.enabled} onChange=${field('enabled').onInput} />
    </div>
  <//>`;
}
