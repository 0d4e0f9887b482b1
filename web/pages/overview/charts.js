// The charts of an hour, a day or a week, and what each model had of it.

import { compact, duration, number, percent } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { html, useMemo } from '../../lib/ui.js';
import { Card, Chart, Empty, Table } from '../../widgets/index.js';

export function Charts({ stats }) {
  const { series, totals } = stats;
  const times = useMemo(() => series.map((step) => Date.parse(step.time)), [series]);
  const column = (name) => series.map((step) => step[name]);
  const lines = useMemo(() => ({
    requests: [
      { label: t('overview.answered'), values: column('answered'), colour: 'good' },
      { label: t('overview.clientGone'), values: column('client_gone'), colour: 'line-strong' },
      { label: t('overview.failed'), values: column('failed'), colour: 'bad' },
    ],
    latency: [
      { label: t('overview.p50'), values: column('p50_ms'), colour: 'accent', area: true },
      { label: t('overview.p95'), values: column('p95_ms'), colour: 'busy' },
    ],
    tokens: [
      { label: t('overview.input'), values: column('input_tokens'), colour: 'accent' },
      { label: t('overview.output'), values: series.map((step) => step.output_tokens + step.thought_tokens), colour: 'second' },
    ],
  }), [series]);
  if (totals.requests === 0) {
    return html`<${Card}><${Empty} icon="requests" title=${t('overview.noRequests')}>${t('overview.noRequestsWhy')}<//><//>`;
  }

  const sums = summaries(totals);
  const chart = (name, more) => html`<${Card} title=${t(`overview.${name}Chart`)}>
    <${Chart} title=${t(`overview.${name}Chart`)} times=${times} series=${lines[name]} summary=${sums[name]} ...${more} /><//>`;
  return html`${chart('requests', { stacked: true, format: compact })}
    <div class="grid">${chart('latency', { format: duration, height: 180 })}${chart('tokens', { stacked: true, format: compact, height: 180 })}</div>
    ${stats.models.length > 0 && html`<${Card} title=${t('overview.models')}><${Models} stats=${stats} /><//>`}`;
}

/** What each chart says, in a sentence. */
function summaries(totals) {
  const { p50, p95, p99 } = totals.latency_ms;
  const cached = totals.input_tokens ? totals.cached_tokens / totals.input_tokens : 0;
  return {
    requests: t('overview.requestsSummary', { n: totals.requests, answered: totals.answered, failed: totals.failed, retries: totals.retries }),
    latency: t('overview.latencySummary', { p50: duration(p50), p95: duration(p95), p99: duration(p99) }),
    tokens: t('overview.tokensSummary', { input: compact(totals.input_tokens), cached: percent(cached),
      output: compact(totals.output_tokens + totals.thought_tokens) }),
  };
}

const columns = () => [
  { id: 'model', label: t('overview.model'), width: 'minmax(0, 2fr)', value: (row) => row.model,
    cell: (row) => html`<span class="mono small cut">${row.model}</span>` },
  { id: 'requests', label: t('overview.requests'), width: '88px', numeric: true, value: (row) => row.requests, cell: (row) => number(row.requests) },
  { id: 'failed', label: t('overview.failed'), from: 380, width: '80px', numeric: true, value: (row) => row.failed / row.requests,
    cell: (row) => percent(row.requests ? row.failed / row.requests : 0) },
  { id: 'input', label: t('overview.input'), from: 560, width: '110px', numeric: true, value: (row) => row.input_tokens,
    cell: (row) => compact(row.input_tokens) },
  { id: 'output', label: t('overview.output'), from: 560, width: '110px', numeric: true, value: (row) => row.output_tokens,
    cell: (row) => compact(row.output_tokens) },
];

function Models({ stats }) {
  return html`<${Table} label=${t('overview.models')} rows=${stats.models} rowId=${(row) => row.model} columns=${columns()} rowHeight=${40}
    sort=${{ by: 'requests', descending: true }} href=${(row) => href('/requests', { model: row.model, since: stats.window })} />`;
}
