// Requests: the log, newest first, going on live; filtered, exported, deleted.

import { api } from '../lib/api.js';
import { feedState } from '../lib/events.js';
import { t } from '../lib/i18n.js';
import { href, replaceQuery } from '../lib/router.js';
import { useStore } from '../lib/store.js';
import { html, useState } from '../lib/ui.js';
import { Badge, Button, Empty, Failed, LinkButton, Loading, Notice, Page, Table, Time, confirmed, toast } from '../widgets/index.js';
import { card, columns } from './requests/columns.js';
import { exportAddressOf, filtersOf, isFiltered, withFilter } from './requests/filters.js';
import { FilterBar, FilterChips, filtersInWords } from './requests/filter_bar.js';
import { isFull } from './requests/tail.js';
import { useScrolledAway, useTail } from './requests/use_tail.js';

const toTop = () => window.scrollTo({ top: 0 });

/** Whether the list goes on by itself, and the button that stops it. */
function LiveSwitch({ paused, onChange }) {
  const feed = useStore(feedState);
  const state = paused ? 'paused' : feed;
  return html`<span class="live-switch"><${Badge} state=${state} kind=${state === 'live' ? 'good' : 'off'}>${t(`feed.${state}`)}<//>
    <${Button} small icon=${paused ? 'play' : 'pause'} onClick=${() => onChange(!paused)}>
      ${t(paused ? 'requests.live.goOn' : 'requests.live.pause')}<//></span>`;
}

/** What came while the reader was elsewhere. */
function Held({ tail, onShow, onReload }) {
  if (tail.gap) {
    return html`<div class="held" role="status"><${Button} kind="main" small icon="refresh" onClick=${onReload}>${t('requests.live.gap')}<//></div>`;
  }
  if (!tail.held.length) return null;
  return html`<div class="held" role="status"><${Button} kind="main" small icon="up"
    onClick=${onShow}>${t('requests.live.held', { n: tail.held.length })}<//></div>`;
}

/** How far the log was searched, and the way on. */
function Foot({ tail, filters, onFilters }) {
  if (tail.loading) return html`<${Loading} />`;
  if (tail.error) return html`<${Failed} error=${tail.error} retry=${tail.rows.length ? tail.loadMore : tail.reload} />`;
  if (!tail.more) return tail.rows.length ? html`<p class="list-foot muted">${t('requests.end')}</p>` : null;
  if (isFull(tail)) {
    const goOn = () => { onFilters(withFilter(filters, 'until', tail.rows.at(-1).time)); toTop(); };
    return html`<div class="list-foot"><p class="muted">${t('requests.full', { n: tail.rows.length })}</p>
      <${Button} onClick=${goOn}>${t('requests.goOnFrom')}<//></div>`;
  }
  const searched = isFiltered(filters) && tail.searchedUntil;
  return html`<div class="list-foot">
    ${searched && html`<p class="muted">${t('requests.searchedUntil')} <${Time} value=${searched} /></p>`}
    <${Button} icon="down" onClick=${tail.loadMore}>${t(isFiltered(filters) ? 'requests.searchOn' : 'requests.loadMore')}<//></div>`;
}

const NoRows = ({ filters, onFilters }) => (isFiltered(filters)
  ? html`<${Empty} icon="search" title=${t('requests.none.filtered')}
    action=${html`<${Button} onClick=${() => onFilters({})}>${t('requests.filter.dropAll')}<//>`} />`
  : html`<${Empty} icon="requests" title=${t('requests.none.title')}
    action=${html`<${LinkButton} href=${href('/clients')}>${t('requests.none.action')}<//>`}>${t('requests.none.text')}<//>`);

async function deleteFiltered(filters, tail) {
  const words = filtersInWords(filters, tail.rows);
  const sure = await confirmed({
    title: t(words ? 'requests.delete.filtered' : 'requests.delete.all'),
    text: words ? t('requests.delete.filteredText', { filters: words }) : t('requests.delete.allText'),
    action: t('requests.delete.action'), danger: true,
  });
  if (!sure) return;
  const { deleted } = await api.del('admin/requests', words ? filters : { all: 'true' });
  toast(t('requests.delete.done', { n: deleted }));
  tail.reload();
}

export default function Requests({ query }) {
  const filters = filtersOf(query);
  const [paused, setPaused] = useState(false);
  const away = useScrolledAway();
  const tail = useTail(filters, paused || away);
  const isSearching = tail.loading && !tail.rows.length;
  const show = () => { setPaused(false); toTop(); };
  const actions = html`<${LiveSwitch} paused=${paused} onChange=${setPaused} />
    <${LinkButton} small icon="download" href=${exportAddressOf(filters, 'csv')} download>CSV<//>
    <${LinkButton} small icon="download" href=${exportAddressOf(filters, 'jsonl')} download>JSONL<//>
    <${Button} small icon="trash" label=${t('requests.delete.label')} onClick=${() => deleteFiltered(filters, tail)} />`;
  return html`<${Page} title=${t('requests.title')} actions=${actions}>
    <${FilterBar} filters=${filters} rows=${tail.rows} onChange=${replaceQuery} />
    <${FilterChips} filters=${filters} rows=${tail.rows} onChange=${replaceQuery} />
    <${Held} tail=${tail} onShow=${show} onReload=${() => { show(); tail.reload(); }} />
    ${tail.rows.length > 0 && html`<${Table} label=${t('requests.title')} rows=${tail.rows} columns=${columns()} card=${card} cardHeight=${92}
      href=${(row) => href(`/requests/${encodeURIComponent(row.id)}`)} />`}
    ${!isSearching && !tail.error && !tail.rows.length && !tail.more && html`<${NoRows} filters=${filters} onFilters=${replaceQuery} />`}
    ${!tail.rows.length && tail.more && !tail.loading && html`<${Notice}>${t('requests.none.yet')}<//>`}
    <${Foot} tail=${tail} filters=${filters} onFilters=${replaceQuery} />
  <//>`;
}
