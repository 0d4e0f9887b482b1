// The attempts of a request: a table whose last column is a time line, so that eyes and screen readers have the same.

import { duration } from '../../lib/format.js';
import { hasText, t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { html } from '../../lib/ui.js';
import { Badge, StatusBadge } from '../../widgets/index.js';
import { timelineOf } from './timeline.js';

/** A status where an answer came; what went wrong in one word where none did, or where it was no good. */
function Result({ attempt }) {
  const kind = hasText(`requests.kind.${attempt.reason}`) ? t(`requests.kind.${attempt.reason}`) : null;
  return html`${attempt.status !== null && html`<${StatusBadge} status=${attempt.status} />`} ${kind && html`<${Badge} kind="bad">${kind}<//>`}`;
}

const kindOf = (attempt) => (!attempt.reason && attempt.status !== null && attempt.status < 400 ? 'good' : attempt.status === 429 ? 'warn' : 'bad');

function Axis({ line }) {
  return html`<span class="axis" aria-hidden="true">${line.ticks
    .map((tick) => html`<span class="tick-label" style=${{ left: `${tick.left}%` }}>${duration(tick.at_ms)}</span>`)}</span>`;
}

function Bar({ bar, line }) {
  return html`<span class="lane" aria-hidden="true">
    ${line.ticks.map((tick) => html`<span class="lane-tick" style=${{ left: `${tick.left}%` }} />`)}
    ${line.firstByte !== null && html`<span class="lane-first" style=${{ left: `${line.firstByte}%` }} />`}
    <span class="lane-bar ${kindOf(bar)}" style=${{ left: `${bar.left}%`, width: `${bar.width}%` }} />
  </span>`;
}

export function Attempts({ request }) {
  if (!request.attempts.length) return html`<p class="muted">${t('requests.attempts.none')}</p>`;
  const line = timelineOf(request);
  return html`<table class="attempts"><thead><tr>
      <th scope="col">${t('requests.attempts.number')}</th><th scope="col">${t('requests.column.key')}</th>
      <th scope="col">${t('requests.attempts.result')}</th>
      <th scope="col" class="numeric">${t('requests.attempts.began')}</th><th scope="col" class="numeric">${t('requests.column.duration')}</th>
      <th class="lane-cell"><span class="unseen">${t('requests.attempts.line')}</span><${Axis} line=${line} /></th></tr></thead>
    <tbody>${line.bars.map((bar) => html`<tr key=${bar.number}>
      <th scope="row">${bar.number}</th>
      <td class="attempts-key">${bar.key_id ? html`<a href=${href(`/keys/${encodeURIComponent(bar.key_id)}`)}>${bar.key || bar.key_id}</a>` : bar.key || '–'}</td>
      <td><${Result} attempt=${bar} />${bar.message && html`<div class="small attempt-words">${bar.message}</div>`}</td>
      <td class="numeric" data-name=${t('requests.attempts.began')}>${duration(bar.began_ms)}</td>
      <td class="numeric" data-name=${t('requests.column.duration')}>${duration(bar.duration_ms)}</td>
      <td class="lane-cell"><${Bar} bar=${bar} line=${line} /></td></tr>`)}</tbody></table>
    ${line.firstByte !== null && html`<p class="hint lane-note"><span class="lane-first-mark" aria-hidden="true" />
      ${t('requests.attempts.firstByte', { time: duration(request.first_byte_ms) })}</p>`}`;
}
