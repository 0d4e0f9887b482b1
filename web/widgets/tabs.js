import { html } from '../lib/ui.js';
import { number } from '../lib/format.js';

/** A choice of a few, e.g. of a chart's window: [{ value, label, count? }]. */
export function Tabs({ label, options, value, onChange }) {
  return html`<div class="tabs" role="group" aria-label=${label}>
    ${options.map((option) => html`<button type="button" class="tab" key=${option.value}
      aria-pressed=${String(option.value === value)} onClick=${() => onChange(option.value)}>
      ${option.label}${option.count !== undefined && html`<span class="tab-count">${number(option.count)}</span>`}</button>`)}
  </div>`;
}
