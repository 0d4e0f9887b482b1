import { html } from '../lib/ui.js';
import { countdown, dateTime, relative } from '../lib/format.js';
import { useNow } from '../lib/clock.js';
import { t } from '../lib/i18n.js';

/** How long ago, or until; the whole date on hovering. `value`: ISO text, ms, or null. */
export function Time({ value, none = t('common.never') }) {
  const now = useNow();
  if (!value) return html`<span class="muted">${none}</span>`;
  return html`<time datetime=${new Date(value).toISOString()} title=${dateTime(value)}>${relative(value, now)}</time>`;
}

/** A clock that runs down to `until`; `children` stand there once it is over. */
export function Countdown({ until, children = countdown(0) }) {
  const now = useNow(true);
  const left = new Date(until).getTime() - now;
  if (left <= 0) return children;
  return html`<time class="countdown" datetime=${new Date(until).toISOString()} title=${dateTime(until)}>${countdown(left)}</time>`;
}
