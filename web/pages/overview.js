import { t } from '../lib/i18n.js';
import { html } from '../lib/ui.js';
import { Page } from '../widgets/index.js';

export default function OverviewPage() {
  return html`<${Page} title=${t('overview.title')} />`;
}
