import { html, useId, useRef, useState } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { tagsOf, Field } from './fields.js';
import { Icon } from './icon.js';

/** Several short texts: Enter or a comma makes one of what was typed, Backspace takes the last one back. `suggestions` are offered. */
export function ChipsInput({ label, hint, error, values, onChange, suggestions = [], placeholder }) {
  const [text, setText] = useState('');
  const input = useRef(null);
  const listId = useId();

  const add = (typed) => {
    onChange([...new Set([...values, ...tagsOf(typed)])]);
    setText('');
  };
  const typed = (event) => {
    const { value } = event.currentTarget;
    if (/[,，、\n]/.test(value)) add(value); else setText(value);
  };
  const pressed = (event) => {
    if (event.key === 'Enter' && text.trim()) { event.preventDefault(); add(text); }
    if (event.key === 'Backspace' && !text && values.length) onChange(values.slice(0, -1));
  };
  const drop = (value) => { onChange(values.filter((each) => each !== value)); input.current.focus(); };

  return html`<${Field} label=${label} hint=${hint} error=${error}>
    ${(attributes) => html`<div class="chips-input" onClick=${(event) => { if (event.target === event.currentTarget) input.current.focus(); }}>
      ${values.map((value) => html`<span class="chip" key=${value}>${value}<button type="button" aria-label=${t('common.remove', { what: value })}
        onClick=${() => drop(value)}><${Icon} name="close" size=${14} /></button></span>`)}
      <input type="text" ref=${input} value=${text} placeholder=${values.length ? '' : placeholder} autocomplete="off" autocapitalize="off"
        spellcheck=${false} list=${listId}
        onInput=${typed} onKeyDown=${pressed} onBlur=${() => { if (text.trim()) add(text); }} ...${attributes} />
      <datalist id=${listId}>${suggestions.filter((each) => !values.includes(each)).map((each) => html`<option value=${each} />`)}</datalist>
    </div>`}<//>`;
}
