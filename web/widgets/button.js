import { html, useEffect, useRef, useState } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { Icon } from './icon.js';
import { toastError } from './toast.js';

/**
 * kind: 'main', 'plain' (default), 'quiet', 'danger'. `icon` stands before the words; with `label` and no children it stands alone.
 * While what `onClick` returns is pending the button is busy; if that fails, a toast says why.
 */
export function Button({ kind = 'plain', icon, label, small, busy, disabled, onClick, type = 'button', children, ...rest }) {
  const [running, setRunning] = useState(false);
  const shown = useRef(true);
  useEffect(() => () => { shown.current = false; }, []);
  const isBusy = busy || running;

  async function click(event) {
    if (isBusy) return;
    const result = onClick?.(event);
    if (typeof result?.then !== 'function') return;
    setRunning(true);
    try { await result; } catch (error) { toastError(error); } finally { if (shown.current) setRunning(false); }
  }

  const alone = icon && !children;
  return html`<button type=${type} class="button ${kind} ${small ? 'small' : ''} ${alone ? 'alone' : ''}" disabled=${disabled}
      aria-busy=${isBusy ? 'true' : undefined} aria-label=${label} title=${label} onClick=${click} ...${rest}>
    ${isBusy ? html`<span class="spinner" />` : icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
  </button>`;
}

/** A link that looks like a button. */
export function LinkButton({ kind = 'plain', icon, small, href, children, ...rest }) {
  return html`<a class="button ${kind} ${small ? 'small' : ''}" href=${href} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></a>`;
}

/** Copies `text`. Without https or localhost browsers forbid the clipboard: then an invisible field does it. */
export function CopyButton({ text, label = t('common.copy'), small = true, children }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    const timer = done && setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async (event) => {
    await copyText(typeof text === 'function' ? text() : text, event.currentTarget?.parentElement);
    setDone(true);
  };
  const now = done ? { icon: 'check', label: t('common.copied') } : { icon: 'copy', label };
  return html`<${Button} kind="quiet" small=${small} ...${now} onClick=${copy}>${children}<//>`;
}

export async function copyText(text, near = document.body) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch { /* Not a secure context, or not permitted. */ }
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'unseen';
  (near ?? document.body).append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (!copied) throw new Error(t('errors.copy'));
}
