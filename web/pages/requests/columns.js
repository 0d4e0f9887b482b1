// The columns of the request log, and its rows as cards where there is no room for columns.

import { clockTime, compact, dateTime, duration, shortTime } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { html } from '../../lib/ui.js';
import { Badge, StatusBadge } from '../../widgets/index.js';
import { isError } from './filters.js';

const isToday = (time) => new Date(time).toDateString() === new Date().toDateString();

const When = ({ time }) => html`<time datetime=${time} title=${dateTime(time)}>${isToday(time) ? clockTime(time) : shortTime(time)}</time>`;

/** A status alone would call an answer good that was cut short, and says nothing where nobody waited for it. */
export function Outcome({ request }) {
  if (request.outcome === 'client_gone') return html`<${Badge} state="client_gone" />`;
  if (request.status !== null && request.status < 400 && isError(request)) {
    return html`<${Badge} kind="bad">${t('requests.cut', { status: request.status })}<//>`;
  }
  if (request.status === null) return html`<${Badge} state="failed" />`;
  return html`<${StatusBadge} status=${request.status} />`;
}

const upstreamOf = (request) => (request.upstream_model && request.upstream_model !== request.model ? request.upstream_model : null);

/** The model as it was asked for, and what it stands for. */
export const Model = ({ request }) => html`<span class="two-lines"><span class="cut">${request.model || request.endpoint}</span>
  ${upstreamOf(request) && html`<small class="muted cut">${upstreamOf(request)}</small>`}</span>`;

const retries = (request) => (request.attempts > 1 ? t('requests.attemptCount', { n: request.attempts }) : null);

export const tokensText = (tokens) => (tokens ? t('requests.tokensInOut',
  { input: compact(tokens.input), output: compact((tokens.output ?? 0) + (tokens.thoughts ?? 0)) }) : '–');

// Of what failed the reason says more than the numbers of its tokens.
const Last = ({ request }) => (request.error
  ? html`<span class="cut bad-words" title=${request.error}>${request.error}</span>`
  : html`<span class="muted">${tokensText(request.tokens)}</span>`);

export const columns = () => [
  { id: 'time', label: t('requests.column.time'), width: '116px', cell: (row) => html`<${When} time=${row.time} />` },
  { id: 'status', label: t('requests.column.status'), width: '112px', cell: (row) => html`<${Outcome} request=${row} />` },
  { id: 'model', label: t('requests.column.model'), width: 'minmax(150px, 1.4fr)', cell: (row) => html`<${Model} request=${row} />` },
  { id: 'client', label: t('requests.column.client'), cell: (row) => html`<span class="cut">${row.client || '–'}</span>` },
  { id: 'key', label: t('requests.column.key'), from: 860, cell: (row) => html`<span class="two-lines"><span class="cut">${row.key ?? '–'}</span>
    ${retries(row) && html`<small class="muted">${retries(row)}</small>`}</span>` },
  { id: 'last', label: t('requests.column.last'), from: 980, width: 'minmax(150px, 2fr)', cell: (row) => html`<${Last} request=${row} />` },
  { id: 'duration', label: t('requests.column.duration'), width: '92px', numeric: true, cell: (row) => duration(row.duration_ms) },
];

export const card = (row) => html`<span class="row-card">
  <span class="row-card-head"><${Outcome} request=${row} /><span class="grow cut">${row.model || row.endpoint}</span>
    <span>${duration(row.duration_ms)}</span></span>
  <span class="row-card-foot muted"><${When} time=${row.time} />
    <span class="cut">${[row.client, row.key, retries(row)].filter(Boolean).join(' · ')}</span></span>
  <span class="row-card-foot"><${Last} request=${row} /></span>
</span>`;
