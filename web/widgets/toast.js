// Short words on what was done, or what was not.

import { html, useEffect, useRef } from '../lib/ui.js';
import { warned } from '../lib/api.js';
import { t } from '../lib/i18n.js';
import { createStore, useStore } from '../lib/store.js';
import { Icon } from './icon.js';

const toasts = createStore([]);
const SHOWN_MS = 6000;
const SHOWN_WITH_ACTION_MS = 15_000;
const MOST = 4;
let count = 0;

const dismiss = (id) => toasts.update((list) => list.filter((each) => each.id !== id));

/** kind: 'good', 'bad' (stays until dismissed) or 'info'; `action`: { label, run }. */
export function toast(text, { kind = 'good', action } = {}) {
  const id = ++count;
  toasts.update((list) => [...list.filter((each) => each.text !== text), { id, text, kind, action }].slice(-MOST));
  if (kind !== 'bad') setTimeout(() => dismiss(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
}

/** What failed; being signed out is told by the sign-in page. */
export function toastError(error) {
  if (error.status !== 401) toast(error.message, { kind: 'bad' });
}

warned.subscribe(({ text }) => toast(text, { kind: 'bad' }));

export function Toasts() {
  const list = useStore(toasts);
  const frame = useRef(null);
  // A popover that is shown anew lies above the dialogs that are open.
  useEffect(() => {
    frame.current.hidePopover?.();
    if (list.length) frame.current.showPopover?.();
  }, [list]);
  return html`<div class="toasts" popover="manual" ref=${frame} role="status" aria-live="polite">
    ${list.map((each) => html`<div class="toast ${each.kind}" key=${each.id}>
      <${Icon} name=${each.kind === 'good' ? 'check' : each.kind === 'bad' ? 'warning' : 'info'} />
      <span class="toast-text">${each.text}</span>
      ${each.action && html`<button type="button" class="button quiet small" onClick=${() => { dismiss(each.id); each.action.run(); }}>
        ${each.action.label}</button>`}
      <button type="button" class="button quiet small alone" aria-label=${t('common.dismiss')} onClick=${() => dismiss(each.id)}>
        <${Icon} name="close" size=${16} /></button>
    </div>`)}
  </div>`;
}
