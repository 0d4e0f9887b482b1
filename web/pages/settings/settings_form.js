// A group of settings with its own button to save: on the page of settings, and on a policy's.

import { api } from '../../lib/api.js';
import { hasText, t } from '../../lib/i18n.js';
import { html, useEffect, useRef, useState } from '../../lib/ui.js';
import { Button, Card, Notice, toast } from '../../widgets/index.js';
import { changesOf, isChanged } from './model.js';
import { SettingField } from './setting_field.js';

const errorWords = (setting, { error, bound }) => t(error, { bound: bound === undefined ? '' : String(bound), name: setting.name });

export const groupTitle = (name) => (hasText(`settings.group.${name}`) ? t(`settings.group.${name}`) : name);

const without = (inputs, settings) => Object.fromEntries(Object.entries(inputs)
  .filter(([name]) => !settings.some((setting) => setting.name === name)));

/** `inputs`: what was touched, by name; its owner keeps it while a search hides the group. `onSaved` gets the server's whole answer. */
export function SettingsForm({ title, settings, inputs, setInputs, onSaved }) {
  const [errors, setErrors] = useState({});
  const [failure, setFailure] = useState(null);
  const changed = settings.filter((setting) => isChanged(setting, inputs[setting.name]));
  const form = useRef(null);
  useEffect(() => form.current.querySelector('[aria-invalid]')?.focus(), [Object.values(errors).filter(Boolean).length]);
  const put = (name) => (value) => {
    setInputs((old) => ({ ...old, [name]: value }));
    setErrors((old) => ({ ...old, [name]: undefined }));
  };

  async function save(event) {
    event?.preventDefault();
    const read = changesOf(settings, inputs);
    setErrors(Object.fromEntries(settings.filter(({ name }) => read.errors[name])
      .map((setting) => [setting.name, errorWords(setting, read.errors[setting.name])])));
    setFailure(null);
    const names = Object.keys(read.changes);
    if (Object.keys(read.errors).length || !names.length) return;
    try {
      const answer = await api.patch('admin/settings', read.changes);
      setInputs((old) => without(old, settings));
      toast(t('settings.saved', { n: names.length, names: names.join(', ') }));
      onSaved(answer);
    } catch (error) {
      if (settings.some(({ name }) => name === error.field)) setErrors({ [error.field]: error.message }); else setFailure(error.message);
    }
  }

  const undo = () => { setInputs((old) => without(old, settings)); setErrors({}); setFailure(null); };
  return html`<${Card} title=${title}><form class="settings-form" ref=${form} novalidate onSubmit=${save}>
    ${settings.map((setting) => html`<${SettingField} key=${setting.name} setting=${setting} input=${inputs[setting.name]}
      error=${errors[setting.name]} onInput=${put(setting.name)} />`)}
    ${failure && html`<${Notice} kind="bad">${failure}<//>`}
    ${changed.length > 0 && html`<div class="save-bar" role="status"><span>${t('settings.unsaved', { n: changed.length })}</span>
      <div class="button-row"><${Button} onClick=${undo}>${t('settings.undo')}<//><${Button} type="submit" kind="main"
        onClick=${(event) => { event.preventDefault(); return save(); }}>${t('common.save')}<//></div></div>`}
  </form><//>`;
}
