import { html } from '../lib/ui.js';
import { hasText, t } from '../lib/i18n.js';
import { number } from '../lib/format.js';

// A state is told by its word, its colour and the shape of its mark.
const KINDS = {
  ready: 'good', resting: 'warn', disabled: 'bad', probing: 'busy', failed: 'bad',
};

/** The state of a key or request: its word is the text 'states.NAME' unless children say another. */
export function Badge({ state, kind = KINDS[state] ?? 'off', title, children }) {
  const words = children ?? (hasText(`states.${state}`) ? t(`states.${state}`) : state);
  return html`<span class="badge ${kind}" title=${title}><span class="mark" aria-hidden="true" />${words}</span>`;
}

/** A status of HTTP, coloured by its class. */
export function StatusBadge({ status }) {
  const kind = status < 400 ? 'good' : status === 429 || status < 500 ? 'warn' : 'bad';
  return html`<span class="badge ${kind}"><span class="mark" aria-hidden="true" />${status}</span>`;
}

export const Tag = ({ children }) => html`<span class="tag">${children}</span>`;
export const Tags = ({ tags = [] }) => html`<span class="tags" title=${tags.join(', ')}>${tags.map((tag) => html`<${Tag}>${tag}<//>`)}</span>`;

/** How much of a limit is used: `limit` null means that there is none. */
export function Bar({ label, used, limit, note, format = number }) {
  const share = limit ? Math.min(1, used / limit) : limit === 0 ? 1 : 0;
  const kind = limit === null || limit === undefined ? 'free' : share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : 'good';
  const words = kind === 'free' ? t('common.noLimit', { used: format(used) }) : t('common.ofLimit', { used: format(used), limit: format(limit) });
  return html`<div class="bar ${kind}">
    <div class="bar-words"><span>${label}</span><span><b>${words}</b>${note && html` <span class="muted">${note}</span>`}</span></div>
    ${kind !== 'free' && html`<div class="bar-track" role="meter" aria-label=${label} aria-valuetext=${words}
        aria-valuemin="0" aria-valuemax=${limit || 1} aria-valuenow=${Math.min(used, limit || 1)}>
      <div class="bar-fill" style=${{ width: `${share * 100}%` }} /></div>`}
  </div>`;
}
