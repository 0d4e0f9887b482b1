// What needs attention, in words, each with the button that helps.

import { t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { html } from '../../lib/ui.js';
import { Button, Countdown, LinkButton, Notice } from '../../widgets/index.js';
import { changeKeys } from '../keys/batch.js';

function Help({ item }) {
  const link = (path, query, words) => html`<${LinkButton} small href=${href(path, query)}>${words}<//>`;
  switch (item.name) {
    case 'refused': return html`<span class="button-row">
      <${Button} small onClick=${() => changeKeys(item.ids, { action: 'check' })}>${t('overview.help.check', item.values)}<//>
      ${link('/keys', { state: 'disabled' }, t('overview.help.show', item.values))}</span>`;
    case 'allResting': return link('/keys', { state: 'resting' }, t('overview.help.show', item.values));
    case 'allDisabled': return link('/keys', {}, t('overview.help.keys'));
    case 'exhausted': case 'notGranted': return link('/keys', { add: 1 }, t('overview.help.addKeys'));
    case 'policy': return link(item.file ? `/policies/${item.file}` : '/policies', {}, t('overview.help.openPolicy'));
    case 'failing': return link('/requests', { status: 'error', since: '1h' }, t('overview.help.show', item.values));
    default: return null;
  }
}

export function AttentionList({ items }) {
  return items.length > 0 && html`<section class="notices" aria-label=${t('overview.attention.title')}>
    ${items.map((item) => html`<${Notice} key=${item.name + (item.values.model ?? item.values.text ?? '')} kind=${item.kind}
      action=${html`<${Help} item=${item} />`}>
      ${t(`overview.attention.${item.name}`, item.values)}
      ${item.until && html` ${t('overview.firstBack')} <b><${Countdown} until=${item.until} /></b>`}<//>`)}
  </section>`;
}
