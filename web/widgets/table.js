// A table that stays fluid with thousands of rows: only those in sight are in the document. All rows have one height.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib/ui.js';
import { language, t } from '../lib/i18n.js';
import { inOrder, sortRows, toggled } from '../lib/sorting.js';
import { Icon } from './icon.js';

const CARDS_BELOW = 600;
const SPARE_ROWS = 8;  // Drawn above and below what is in sight; the range moves in such steps.

/**
 * columns: [{ id, label, cell(row), value?(row): sorts by it, width?: a track of CSS grid, numeric?, from?: shown from this width in px }]
 * href(row): where the row leads; its link is in the first column. selected, onSelect(set): rows can be ticked.
 * rowName(row): what a screen reader calls the row's tick box.
 * sort: { by, descending } at first; order outside by giving no column a `value`.
 * card(row): what stands in place of the columns where there is no room for them, `cardHeight` high.
 */
export function Table({ label, rows, columns, rowId = (row) => row.id, rowName = rowId, href, selected, onSelect, sort: firstSort,
  rowHeight: lineHeight = 52, empty, rowClass, card, cardHeight }) {
  const frame = useRef(null);
  const body = useRef(null);
  const anchor = useRef(null);
  const order = useRef([]);
  const [sort, setSort] = useState(firstSort ?? null);
  const width = useWidth(frame);
  const sorted = useMemo(() => {
    const column = sort && columns.find((each) => each.id === sort.by);
    if (!column?.value) return rows;
    const next = sortRows(inOrder(rows, order.current, rowId), column.value, sort.descending, language.get());
    order.current = next.map(rowId);
    return next;
  }, [rows, sort, language.get()]);
  const asCards = Boolean(card) && width < CARDS_BELOW;
  const rowHeight = asCards ? cardHeight : lineHeight;
  const [first, last] = useRange(body, sorted.length, rowHeight);
  const shown = asCards ? [{ id: 'card', label, cell: card }] : columns.filter((column) => (column.from ?? 0) <= width);
  const tracks = [...(onSelect ? ['40px'] : []), ...shown.map((column) => column.width ?? 'minmax(0, 1fr)')].join(' ');

  function tick(event, id) {
    onSelect(toggled(selected, sorted.map(rowId), id, event.shiftKey ? anchor.current : null));
    anchor.current = id;
  }

  const all = onSelect && sorted.length > 0 && sorted.every((row) => selected.has(rowId(row)));
  const sizes = { '--tracks': tracks, '--row': `${rowHeight}px` };
  return html`<div class="table" ref=${frame} style=${sizes}><div role="table" aria-label=${label} aria-rowcount=${sorted.length + 1}>
    <div class="table-head ${asCards ? 'unseen' : ''}" role="rowgroup"><div class="table-row" role="row" aria-rowindex="1">
      ${onSelect && html`<span role="columnheader" class="tick"><input type="checkbox" aria-label=${t('table.all')}
        checked=${all} indeterminate=${!all && selected.size > 0} onChange=${() => onSelect(all ? new Set() : new Set(sorted.map(rowId)))} /></span>`}
      ${shown.map((column) => html`<${Head} key=${column.id} column=${column} sort=${sort} onSort=${setSort} />`)}
    </div></div>
    <div class="table-body" role="rowgroup" ref=${body} style=${{ height: `${sorted.length * rowHeight}px` }}>
      ${sorted.length > 0 && html`<div class="table-window" role="presentation" style=${{ transform: `translateY(${first * rowHeight}px)` }}>
        ${sorted.slice(first, last).map((row, i) => html`<${Row} key=${rowId(row)} index=${first + i + 2}
          ...${{ row, shown, href, rowClass, rowName }} ticked=${selected?.has(rowId(row))} onTick=${onSelect && ((event) => tick(event, rowId(row)))} />`)}
      </div>`}
    </div></div>
    ${sorted.length === 0 && (empty ?? html`<p class="table-empty muted">${t('table.empty')}</p>`)}
  </div>`;
}

/** The head of a plain table. */
export const Heads = ({ labels }) => html`<thead><tr>${labels.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead>`;

function Head({ column, sort, onSort }) {
  const direction = sort?.by === column.id ? (sort.descending ? 'descending' : 'ascending') : undefined;
  const next = () => onSort({ by: column.id, descending: direction ? !sort.descending : Boolean(column.numeric) });
  return html`<span role="columnheader" class=${column.numeric ? 'numeric' : ''} aria-sort=${direction}>
    ${column.value ? html`<button type="button" class="sort" onClick=${next}>
      ${column.label}${direction && html`<${Icon} name=${sort.descending ? 'down' : 'up'} size=${14} />`}</button>` : column.label}
  </span>`;
}

function Row({ row, shown, href, rowClass, rowName, index, ticked, onTick }) {
  return html`<div class="table-row ${ticked ? 'ticked' : ''} ${rowClass?.(row) ?? ''}" role="row" aria-rowindex=${index}>
    ${onTick && html`<span role="cell" class="tick">
      <input type="checkbox" checked=${ticked} aria-label=${t('table.one', { name: rowName(row) })} onClick=${onTick} /></span>`}
    ${shown.map((column, i) => html`<span role="cell" key=${column.id} class=${column.numeric ? 'numeric' : ''}>
      ${i === 0 && href ? html`<a class="row-link" href=${href(row)}>${column.cell(row)}</a>` : column.cell(row)}</span>`)}
  </div>`;
}

function useWidth(ref) {
  const [width, setWidth] = useState(() => globalThis.innerWidth);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    observer.observe(ref.current);
    setWidth(Math.round(ref.current.clientWidth));
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Which rows to draw: [first, last), from where the body stands in the window. */
function useRange(ref, count, rowHeight) {
  const [first, setFirst] = useState(0);
  const size = Math.ceil(globalThis.innerHeight / rowHeight) + 3 * SPARE_ROWS;
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const above = Math.floor(-ref.current.getBoundingClientRect().top / rowHeight);
      setFirst(Math.max(0, Math.floor(above / SPARE_ROWS) * SPARE_ROWS - SPARE_ROWS));
    };
    const later = () => { frame ||= requestAnimationFrame(look); };
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    look();
    return () => {
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
      cancelAnimationFrame(frame);
    };
  }, [count, rowHeight]);
  const start = Math.min(first, Math.max(0, count - 1));
  return [start, Math.min(count, start + size)];
}
