// The columns of the list of keys. `from` is the width of the table, in px, from which a column is shown.

import { compact, percent } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { html } from '../../lib/ui.js';
import { Badge, Countdown, Tags, Time } from '../../widgets/index.js';
import { keyTitle, restingModels, successShare } from './key_list.js';

const STATE_ORDER = { disabled: 0, resting: 1, probing: 2, ready: 3 };

function Name({ row }) {
  return html`<span class="two-lines"><b>${keyTitle(row)}</b><span class="muted mono small">${row.masked_key}</span></span>`;
}

function State({ row }) {
  const resting = restingModels(row).length;
  let note = null;
  if (row.state === 'resting' && row.cooldown_until) note = html`${t('keys.backIn')} <${Countdown} until=${row.cooldown_until} />`;
  else if (row.reason) note = html`<span title=${row.reason}>${row.reason}</span>`;
  else if (resting) note = t('keys.modelsResting', { n: resting, all: Object.keys(row.models).length });
  return html`<span class="two-lines"><span><${Badge} state=${row.state} /></span>${note && html`<span class="muted small">${note}</span>`}</span>`;
}

export const columns = () => [
  { id: 'name', label: t('keys.name'), width: 'minmax(84px, 2fr)', value: keyTitle, cell: (row) => html`<${Name} row=${row} />` },
  { id: 'state', label: t('keys.state'), width: 'minmax(98px, 1.5fr)', value: (row) => STATE_ORDER[row.state],
    cell: (row) => html`<${State} row=${row} />` },
  { id: 'tags', label: t('keys.tags'), from: 820, width: 'minmax(90px, 1fr)', value: (row) => row.tags.join(),
    cell: (row) => html`<${Tags} tags=${row.tags} />` },
  { id: 'project', label: t('keys.project'), from: 980, width: 'minmax(100px, 1.2fr)', value: (row) => row.project_id,
    cell: (row) => html`<span class="cut">${row.project_id ?? html`<span class="muted">–</span>`}</span>` },
  { id: 'today', label: t('keys.today'), from: 480, width: '84px', numeric: true, value: (row) => row.requests_today,
    cell: (row) => compact(row.requests_today) },
  { id: 'success', label: t('keys.success'), from: 640, width: '84px', numeric: true, value: successShare,
    cell: (row) => percent(successShare(row)) },
  { id: 'failures', label: t('keys.inARow'), from: 1080, width: '90px', numeric: true, value: (row) => row.failures_in_a_row,
    cell: (row) => row.failures_in_a_row },
  { id: 'used', label: t('keys.lastUsed'), from: 720, width: '110px', numeric: true,
    value: (row) => (row.last_used ? Date.parse(row.last_used) : null), cell: (row) => html`<${Time} value=${row.last_used} />` },
];
