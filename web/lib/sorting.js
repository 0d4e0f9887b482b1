// Sorting and selecting rows; nothing here draws.

/** Rows in the order of a column's `value`. What has no value comes last either way; equals keep their order. */
export function sortRows(rows, value, descending = false, locale = 'en') {
  const collator = new Intl.Collator(locale, { numeric: true, sensitivity: 'base' });
  const valued = rows.map((row) => ({ row, value: value(row) }));
  const missing = (each) => each.value === null || each.value === undefined || each.value === '';
  const compare = (a, b) => (typeof a.value === 'number' && typeof b.value === 'number'
    ? a.value - b.value : collator.compare(String(a.value), String(b.value)));
  valued.sort((a, b) => {
    if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
    return descending ? compare(b, a) : compare(a, b);
  });
  return valued.map((each) => each.row);
}

/** The rows as they were ordered before, by their ids; new ones come last. Sorting what is nearly sorted costs a fraction. */
export function inOrder(rows, ids, rowId) {
  const left = new Map(rows.map((row) => [rowId(row), row]));
  const known = [];
  for (const id of ids) {
    if (!left.has(id)) continue;
    known.push(left.get(id));
    left.delete(id);
  }
  return [...known, ...left.values()];
}

/** The selection after a click on `id`; with `from` (shift) all between the two take the state that `id` gets. */
export function toggled(selected, ids, id, from = null) {
  const next = new Set(selected);
  const on = !selected.has(id);
  const a = from === null ? -1 : ids.indexOf(from);
  const b = ids.indexOf(id);
  const range = a < 0 || b < 0 ? [id] : ids.slice(Math.min(a, b), Math.max(a, b) + 1);
  for (const each of range) {
    if (on) next.add(each); else next.delete(each);
  }
  return next;
}
