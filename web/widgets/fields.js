// Fields of forms: each has a label, may have a hint, and shows its own error.

import { html, useState } from '../lib/ui.js';
import { Icon } from './icon.js';

let count = 0;
const useName = () => useState(() => `field-${++count}`)[0];

/** The frame of a field. `children` is a function of the attributes that its control must have. */
export function Field({ label, hint, error, labelHidden, className = '', children }) {
  const name = useName();
  const about = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ') || undefined;
  return html`<div class="field ${className} ${error ? 'wrong' : ''}">
    <label for=${name} class=${labelHidden ? 'unseen' : undefined}>${label}</label>
    ${children({ id: name, 'aria-describedby': about, 'aria-invalid': error ? 'true' : undefined })}
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${error && html`<p class="field-error" id="${name}-error"><${Icon} name="warning" size=${14} /> ${error}</p>`}
  </div>`;
}

/** One line of text; `onInput` gets the text. Further attributes go to the <input>. */
export function TextInput({ label, hint, error, labelHidden, value, onInput, type = 'text', ...rest }) {
  return html`<${Field} ...${{ label, hint, error, labelHidden }}>
    ${(attributes) => html`<input type=${type} value=${value ?? ''} ...${attributes} ...${rest}
      onInput=${(event) => onInput(event.currentTarget.value)} />`}
  <//>`;
}

/** A number, or null where the field is empty. */
export function NumberInput({ onInput, ...rest }) {
  return html`<${TextInput} type="number" inputmode="decimal" onInput=${(text) => onInput(text === '' ? null : Number(text))} ...${rest} />`;
}

export function TextArea({ label, hint, error, labelHidden, value, onInput, ...rest }) {
  return html`<${Field} ...${{ label, hint, error, labelHidden }}>
    ${(attributes) => html`<textarea value=${value ?? ''} onInput=${(event) => onInput(event.currentTarget.value)} ...${attributes} ...${rest} />`}
  <//>`;
}

/** One of `options`: texts, or { value, label }. */
export function Select({ label, hint, error, labelHidden, value, options, onChange, ...rest }) {
  const pairs = options.map((option) => (typeof option === 'object' ? option : { value: option, label: option }));
  return html`<${Field} ...${{ label, hint, error, labelHidden }} className="select">
    ${(attributes) => html`<select value=${value} onChange=${(event) => onChange(event.currentTarget.value)} ...${attributes} ...${rest}>
      ${pairs.map((option) => html`<option value=${option.value} selected=${option.value === value}>${option.label}</option>`)}
    </select>`}
  <//>`;
}

export function Switch({ label, hint, checked, disabled, onChange }) {
  const name = useName();
  return html`<div class="field switch">
    <label for=${name}><input id=${name} type="checkbox" role="switch" checked=${checked} disabled=${disabled}
        aria-describedby=${hint ? `${name}-hint` : undefined} onChange=${(event) => onChange(event.currentTarget.checked)} />
      <span class="switch-track" aria-hidden="true" /><span>${label}</span></label>
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
  </div>`;
}

export function SearchInput({ label, value, onInput, ...rest }) {
  return html`<div class="search"><${Icon} name="search" size=${16} />
    <input type="search" aria-label=${label} placeholder=${label} value=${value} ...${rest}
      onInput=${(event) => onInput(event.currentTarget.value)} /></div>`;
}

/** 'free, team a' -> ['free', 'team a'] */
export const tagsOf = (text) => [...new Set(text.split(/[,，、\n]/).map((tag) => tag.trim()).filter(Boolean))];
