// The last requests that tried a key.

import { api } from '../../lib/api.js';
import { duration } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { useLoaded } from '../../lib/load.js';
import { href } from '../../lib/router.js';
import { html } from '../../lib/ui.js';
import { Card, Empty, LinkButton, Loaded, StatusBadge, Table, Time } from '../../widgets/index.js';

const columns = () => [
  { id: 'time', label: t('chart.time'), width: 'minmax(90px, 1fr)', cell: (row) => html`<${Time} value=${row.time} />` },
  { id: 'status', label: t('keys.requests.status'), width: '80px', cell: (row) => html`<${StatusBadge} status=${row.status} />` },
  { id: 'model', label: t('keys.requests.model'), width: 'minmax(0, 2fr)',
    cell: (row) => html`<span class="cut mono small">${row.model || row.path}</span>` },
  { id: 'client', label: t('keys.requests.client'), from: 560, cell: (row) => html`<span class="cut">${row.client}</span>` },
  { id: 'duration', label: t('keys.requests.duration'), from: 480, width: '90px', numeric: true, cell: (row) => duration(row.duration_ms) },
];

export function KeyRequests({ id }) {
  const list = useLoaded(() => api.get('admin/requests', { key: id, limit: 10 }), [id]);
  return html`<${Card} title=${t('keys.requests.title')}
      actions=${html`<${LinkButton} small href=${href('/requests', { key: id })}>${t('keys.requests.all')}<//>`}>
    <${Loaded} from=${list}>${({ requests }) => (requests.length
      ? html`<${Table} label=${t('keys.requests.title')} rows=${requests} columns=${columns()} rowHeight=${44}
          href=${(row) => `#/requests/${row.id}`} />`
      : html`<${Empty} icon="requests" title=${t('keys.requests.none')} />`)}<//>
  <//>`;
}
