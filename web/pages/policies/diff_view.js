import { t } from '../../lib/i18n.js';
import { html } from '../../lib/ui.js';
import { Heads } from '../../widgets/index.js';
import { countsOf, rowsOfDiff } from './diff.js';

const SIGNS = { added: '+', removed: '−', same: '' };

function Row({ row }) {
  if (row.kind === 'gap') return html`<tr class="diff-gap"><td colspan="4">⋯</td></tr>`;
  return html`<tr class="diff-${row.kind}"><td class="diff-number">${row.before ?? ''}</td><td class="diff-number">${row.after ?? ''}</td>
    <td class="diff-sign">${SIGNS[row.kind]}${row.kind !== 'same' && html`<span class="unseen">${t(`policies.diff.${row.kind}`)}</span>`}</td>
    <td class="diff-text">${row.text || ' '}</td></tr>`;
}

/** A unified diff from the shipped file to the owner's, as people read one. */
export function Diff({ diff }) {
  const rows = rowsOfDiff(diff);
  if (!rows.length) return html`<p class="muted">${t('policies.diff.same')}</p>`;
  return html`<p class="muted diff-counts">${t('policies.diff.counts', countsOf(rows))}</p>
    <div class="diff-frame" tabindex="0" role="region" aria-label=${t('policies.tab.diff')}><table class="diff mono">
      <${Heads} labels=${['shippedLine', 'ownLine', 'change', 'text'].map((name) => t(`policies.diff.${name}`))} />
      <tbody>${rows.map((row, i) => html`<${Row} key=${i} row=${row} />`)}</tbody></table></div>`;
}
