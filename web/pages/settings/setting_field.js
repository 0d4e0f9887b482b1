// One setting as a field: its name and sentence, the input that fits its type, where its value comes from.

import { hasText, t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { html } from '../../lib/ui.js';
import { Badge, Button, Field, Select, Switch, TextArea, TextInput } from '../../widgets/index.js';
import { isChanged, mayChange, toInput } from './model.js';

/** The sentence in the reader's language; settings of an owner's policies have their own alone. */
export const aboutOf = (setting) => (hasText(`settings.about.${setting.name}`) ? t(`settings.about.${setting.name}`) : setting.about);

const SOURCES = { default: 'default', environment: 'environment', '.env': 'file', 'command line': 'commandLine', here: 'here' };

/** Where a value comes from; the line of .env and the name of an option are said, too. */
function sourceWords(setting) {
  const words = t(`settings.source.${SOURCES[setting.source] ?? 'default'}`);
  if (setting.source === '.env') return setting.place ?? words;
  return setting.source === 'command line' && setting.place ? `${words} (${setting.place})` : words;
}

function valueWords(setting, value) {
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && !value.length)) return t('settings.empty');
  if (setting.type === 'boolean') return t(value ? 'settings.on' : 'settings.off');
  return toInput(setting, value).replaceAll('\n', ', ');
}

function boundsOf(setting) {
  const bound = (value) => toInput(setting, value);
  const { min, max } = setting;
  if (typeof min === 'number' && typeof max === 'number') return t('settings.between', { min: bound(min), max: bound(max) });
  if (typeof min === 'number') return t('settings.from', { min: bound(min) });
  return typeof max === 'number' ? t('settings.upTo', { max: bound(max) }) : null;
}

function hintOf(setting) {
  const parts = [boundsOf(setting), setting.form && t('settings.form', { form: setting.form }),
    setting.type === 'list' && t('settings.onePerLine'), setting.type === 'bytes' && t('settings.bytesHint')];
  return parts.filter(Boolean).join(' ');
}

function Input({ setting, value, error, onInput }) {
  const common = { label: t('settings.valueOf', { name: setting.name }), labelHidden: true, error, value, onInput, hint: hintOf(setting) || undefined,
    placeholder: setting.default_text ?? valueWords(setting, setting.default), spellcheck: false, autocomplete: 'off' };
  if (setting.type === 'boolean') {
    const words = html`<span class="unseen">${common.label}: </span>${t(value ? 'settings.on' : 'settings.off')}`;
    return html`<${Switch} label=${words} checked=${value} onChange=${onInput} />`;
  }
  if (setting.type === 'choice') return html`<${Select} ...${common} options=${setting.choices} onChange=${onInput} />`;
  if (setting.type === 'list') return html`<${TextArea} ...${common} rows=${Math.min(8, Math.max(2, value.split('\n').length))} />`;
  const numeric = ['integer', 'number'].includes(setting.type);
  return html`<${TextInput} ...${common} inputmode=${numeric ? 'decimal' : undefined} />`;
}

/** What cannot be changed here is told, with the reason and the place where it can. */
function Fixed({ setting }) {
  const why = setting.pinned ? t('settings.pinned', { source: sourceWords(setting), name: setting.name })
    : t('settings.startOnly', { name: setting.name });
  return html`<${Field} label=${t('settings.valueOf', { name: setting.name })} labelHidden hint=${why}>
    ${(attributes) => html`<output class="fixed mono" ...${attributes}>${valueWords(setting, setting.value)}</output>`}<//>`;
}

export function SettingField({ setting, input, error, onInput }) {
  const value = input ?? toInput(setting);
  const changed = isChanged(setting, input);
  const standard = toInput(setting, setting.default);
  return html`<div class="setting ${changed ? 'changed' : ''}">
    <div class="setting-words"><div class="setting-head"><h3 class="mono">${setting.name}</h3>
        <${Badge} kind=${setting.source === 'here' ? 'good' : setting.pinned ? 'warn' : 'off'}>${sourceWords(setting)}<//>
        ${setting.policy && html`<a class="small mono" href=${href(`/policies/${setting.policy}`)}>${setting.policy}</a>`}
        ${!setting.changeable && html`<${Badge} kind="off">${t('settings.atStart')}<//>`}</div>
      <p>${aboutOf(setting)}</p></div>
    <div class="setting-value">
      ${mayChange(setting) ? html`<${Input} ...${{ setting, value, error: error ?? setting.error, onInput }} />`
        : html`<${Fixed} setting=${setting} />`}
      ${setting.type !== 'secret' && html`<p class="hint setting-default">
        <span>${t('settings.defaultIs', { value: setting.default_text ?? valueWords(setting, setting.default) })}</span>
        ${mayChange(setting) && value !== standard && html`<${Button} kind="quiet" small
          onClick=${() => onInput(standard)}>${t('settings.toDefault')}<//>`}</p>`}</div>
  </div>`;
}
