// What a policy file is and how it does, in words and badges; for the list and for the file's own page.

import { hasText, t } from '../../lib/i18n.js';
import { html } from '../../lib/ui.js';
import { Badge } from '../../widgets/index.js';

export function Source({ file }) {
  if (file.overrides) return html`<${Badge} kind="busy">${t('policies.source.overrides')}<//>`;
  return html`<${Badge} kind=${file.owner ? 'busy' : 'off'}>${t(file.owner ? 'policies.source.owner' : 'policies.source.shipped')}<//>`;
}

export function Health({ file }) {
  if (file.error) return html`<${Badge} kind="bad" title=${file.error}>${t('policies.broken')}<//>`;
  return html`<${Badge} kind="good">${t('policies.active')}<//>`;
}

const nameOf = (path) => path.replace(/\.lua$/, '').replaceAll('/', '_');

/** What the file decides, in a sentence; null for files that Pollux does not know by name. */
export const purposeOf = (path) => (hasText(`policies.purpose.${nameOf(path)}`) ? t(`policies.purpose.${nameOf(path)}`) : null);
