// The last requests that tried a key.

import { api } from '../../lib/api.js';
import { t } from '../../lib/i18n.js';
import { useLoaded } from '../../lib/load.js';
import { href } from '../../lib/router.js';
import { html } from '../../lib/ui.js';
import { Card, Empty, LinkButton, Loaded, Table } from '../../widgets/index.js';
import { card, columns } from '../requests/columns.js';

export function KeyRequests({ id }) {
  const list = useLoaded(() => api.get('admin/requests', { key: id, limit: 10 }), [id]);
  return html`<${Card} title=${t('keys.requests.title')}
      actions=${html`<${LinkButton} small href=${href('/requests', { key: id })}>${t('keys.requests.all')}<//>`}>
    <${Loaded} from=${list}>${({ requests }) => (requests.length
      ? html`<${Table} label=${t('keys.requests.title')} rows=${requests} columns=${columns()} card=${card} cardHeight=${92}
          href=${(row) => `#/requests/${row.id}`} />`
      : html`<${Empty} icon="requests" title=${t('keys.requests.none')} />`)}<//>
  <//>`;
}
