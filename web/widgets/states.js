// What a part of the page shows while there is nothing to show.

import { html } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { Button } from './button.js';
import { Icon } from './icon.js';

export function Loading({ label = t('common.loading') }) {
  return html`<div class="state loading" role="status"><span class="spinner" /><p>${label}</p></div>`;
}

/** Nothing is there: why, and the button that changes it. */
export function Empty({ icon = 'info', title, children, action }) {
  return html`<div class="state"><${Icon} name=${icon} size=${32} /><p class="state-title">${title}</p>
    ${children && html`<div class="muted">${children}</div>`}${action}</div>`;
}

export function Failed({ error, retry }) {
  return html`<div class="state failed" role="alert"><${Icon} name="warning" size=${32} /><p class="state-title">${error.message}</p>
    ${retry && html`<${Button} icon="refresh" onClick=${retry}>${t('common.tryAgain')}<//>`}</div>`;
}

/** The usual three for what useLoaded() read; `children` is a function of the data. */
export function Loaded({ from, children }) {
  if (from.data !== null) return html`${from.error && html`<${Notice} kind="bad">${from.error.message}<//>`}${children(from.data)}`;
  return from.error ? html`<${Failed} error=${from.error} retry=${from.reload} />` : html`<${Loading} />`;
}

/** A sentence that stands out; kind: info, good, warn, bad. `action` stands at its end. */
export function Notice({ kind = 'info', action, children }) {
  const icon = { info: 'info', good: 'check' }[kind] ?? 'warning';
  return html`<div class="notice ${kind}"><${Icon} name=${icon} /><div class="notice-text">${children}</div>${action}</div>`;
}
