// Models: what Google lists, what is hidden, names that stand for models, and what was used today.

import { api } from '../lib/api.js';
import { useEvent } from '../lib/events.js';
import { compact, number } from '../lib/format.js';
import { hasText, t } from '../lib/i18n.js';
import { throttled, useLoaded } from '../lib/load.js';
import { href } from '../lib/router.js';
import { html, useMemo, useState } from '../lib/ui.js';
import { Badge, Card, Countdown, Heads, Loaded, Notice, Page, SearchInput, Table, Tabs } from '../widgets/index.js';
import { filteredModels, findModels, rowsOf, usageByModel } from './models/usage.js';

const USAGE_MS = 15_000;  // The states of thousands of keys are much to read.
const SHOWN = ['all', 'used', 'resting', 'hidden'];

function State({ row }) {
  const { usage } = row;
  if (!row.visible) return html`<${Badge} kind="off">${t('models.state.hidden')}<//>`;
  if (usage.resting > 0) {
    const words = usage.exhausted ? t('models.state.exhausted') : t('models.state.resting', { n: usage.resting, all: usage.usable });
    return html`<span class="two-lines"><${Badge} kind=${usage.exhausted ? 'bad' : 'warn'}>${words}<//>
      ${usage.until && html`<small class="muted">${t('models.state.until')} <${Countdown} until=${usage.until} /></small>`}</span>`;
  }
  return html`<${Badge} kind="good">${t('models.state.ready')}<//>`;
}

const methodsOf = (row) => row.methods.map((method) => (hasText(`models.method.${method}`) ? t(`models.method.${method}`) : method)).join(', ');

const Name = ({ row }) => html`<span class="two-lines"><span class="cut mono">${row.name}</span>
  <small class="muted cut">${row.unlisted ? t('models.unlisted') : [row.display_name, methodsOf(row)].filter(Boolean).join(' · ')}</small></span>`;

const tokensOf = ({ usage }) => t('requests.tokensInOut', { input: compact(usage.input), output: compact(usage.output + usage.thoughts) });

const card = (row) => html`<span class="row-card"><span class="row-card-head"><span class="cut mono grow">${row.name}</span></span>
  <span class="row-card-foot"><${State} row=${row} /></span>
  <span class="row-card-foot muted">${t('models.usedToday', { n: row.usage.requests })} · ${tokensOf(row)}</span></span>`;

const columns = () => [
  { id: 'name', label: t('models.column.name'), width: 'minmax(0, 2fr)', value: (row) => row.name, cell: (row) => html`<${Name} row=${row} />` },
  { id: 'state', label: t('models.column.state'), width: 'minmax(120px, 1fr)', cell: (row) => html`<${State} row=${row} />` },
  { id: 'requests', label: t('models.column.requests'), width: '92px', numeric: true, value: (row) => row.usage.requests,
    cell: (row) => number(row.usage.requests) },
  { id: 'failures', label: t('models.column.failures'), from: 700, width: '84px', numeric: true, value: (row) => row.usage.failures,
    cell: (row) => number(row.usage.failures) },
  { id: 'tokens', label: t('models.column.tokens'), from: 560, width: '176px', numeric: true, value: (row) => row.usage.input + row.usage.output,
    cell: tokensOf },
  { id: 'limits', label: t('models.column.limits'), from: 940, width: '176px', numeric: true, value: (row) => row.input_token_limit,
    cell: (row) => (row.input_token_limit ? t('requests.tokensInOut',
      { input: compact(row.input_token_limit), output: compact(row.output_token_limit) }) : '–') },
];

function List({ rows, search }) {
  const [shown, setShown] = useState('all');
  const options = SHOWN.map((value) => ({ value, label: t(`models.shown.${value}`), count: filteredModels(rows, value).length }));
  return html`<div><div class="filters">${search}<${Tabs} label=${t('models.shown.label')} options=${options} value=${shown} onChange=${setShown} />
    </div>
    <${Table} label=${t('models.title')} rows=${filteredModels(rows, shown)} rowId=${(row) => row.name} columns=${columns()} rowHeight=${60}
      card=${card} cardHeight=${112}
      href=${(row) => href('/requests', { model: row.name })} /></div>`;
}

function Aliases({ aliases }) {
  if (!aliases.length) return null;
  return html`<${Card} title=${t('models.aliases.title')}
    actions=${html`<a href=${href('/settings', { q: 'MODEL_ALIASES' })}>${t('models.aliases.change')}</a>`}>
    <p class="muted">${t('models.aliases.text')}</p>
    <div class="scrolling-x" tabindex="0" role="group" aria-label=${t('models.aliases.title')}><table>
      <${Heads} labels=${['name', 'model', 'source'].map((name) => t(`models.aliases.${name}`))} />
      <tbody>${aliases.map((alias) => html`<tr key=${alias.name}><th scope="row" class="mono">${alias.name}</th><td class="mono">${alias.model}</td>
        <td>${alias.source === 'shipped' ? t('models.aliases.shipped') : t('models.aliases.own')}</td></tr>`)}</tbody></table></div><//>`;
}

function Endings({ endings }) {
  if (!endings.length) return null;
  return html`<${Card} title=${t('models.endings.title')}><p class="muted">${t('models.endings.text')}</p>
    <dl class="endings">${endings.map((ending) => html`<div key=${ending}><dt class="mono">${ending}</dt>
      <dd>${hasText(`models.ending.${ending}`) ? t(`models.ending.${ending}`) : t('models.endings.own')}</dd></div>`)}</dl><//>`;
}

export default function Models() {
  const list = useLoaded(() => api.get('admin/models'), []);
  const status = useLoaded(() => api.get('admin/status'), []);
  const [words, setWords] = useState('');
  const readUsage = useMemo(() => throttled(status.reload, USAGE_MS), []);
  useEvent('request', readUsage);
  useEvent('key', readUsage);
  useEvent('settings', list.reload);
  useEvent('policies', list.reload);
  const usage = useMemo(() => usageByModel(status.data?.keys ?? []), [status.data]);
  return html`<${Page} title=${t('models.title')} subtitle=${t('models.subtitle')}>
    <${Loaded} from=${list}>${(data) => {
      const rows = findModels(rowsOf(data.models, usage), words);
      const aliases = findModels(data.aliases, words);
      const search = html`<${SearchInput} label=${t('models.search')} value=${words} onInput=${setWords} />`;
      return html`<div class="stack">
          ${data.error && html`<${Notice} kind="warn">${t('models.listFailed')} ${data.error}<//>`}
          <${List} rows=${rows} search=${search} />
          <div class="grid"><${Aliases} aliases=${aliases} /><${Endings} endings=${data.endings} /></div></div>`;
    }}<//>
  <//>`;
}
