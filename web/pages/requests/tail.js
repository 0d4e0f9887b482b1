// The rows of the request log that the page holds: those loaded, newest first, and what has come live since. All of
// it is a plain value that each change makes anew.

export const MAX_ROWS = 2000;
export const MAX_HELD = 500;

// `more`: how to load what is older: {cursor}, {until} or null where there is nothing. `gap`: requests are missing that
// came live; only the log has them.
export const emptyTail = () => ({ rows: [], held: [], gap: false, more: null, searchedUntil: null });

const moreOf = (page) => (page.next_cursor ? { cursor: page.next_cursor } : null);

// The newest page, in place of all.
export const begun = (page) => ({ ...emptyTail(), rows: page.requests, more: moreOf(page), searchedUntil: page.searched_until });

// An older page behind the rows; a row that is there already is not shown twice.
export function continued(tail, page) {
  const known = new Set(tail.rows.map((row) => row.id));
  const rows = [...tail.rows, ...page.requests.filter((row) => !known.has(row.id))];
  return { ...tail, rows, more: moreOf(page), searchedUntil: page.searched_until };
}

// What the cursor of a cut list pointed behind is gone: go on from the time of the last row that stayed.
function cut(tail) {
  if (tail.rows.length <= MAX_ROWS) return tail;
  const rows = tail.rows.slice(0, MAX_ROWS);
  const until = new Date(Date.parse(rows.at(-1).time) + 1).toISOString();
  return { ...tail, rows, more: { until }, searchedUntil: null };
}

// The newest first, wherever a row came from: an exchange that began earlier may be over later.
function merged(newer, older) {
  const known = new Set(newer.map((row) => row.id));
  const rows = [...newer, ...older.filter((row) => !known.has(row.id))];
  return rows.sort((one, other) => (one.time < other.time ? 1 : one.time > other.time ? -1 : 0));
}

// A request came live: shown at once, or held back while the reader is elsewhere.
export function arrived(tail, requests, hold) {
  if (hold) {
    const held = merged(requests, tail.held);
    return { ...tail, held: held.slice(0, MAX_HELD), gap: tail.gap || held.length > MAX_HELD };
  }
  return cut({ ...tail, rows: merged(requests, tail.rows) });
}

// What was held back is shown.
export const released = (tail) => cut({ ...tail, rows: merged(tail.held, tail.rows), held: [] });

// The newest page again, after the feed was broken. Where it does not reach down to the rows that are there, it takes
// their place: a list with a hole would lie.
export function caughtUp(tail, page) {
  const known = new Set(tail.rows.map((row) => row.id));
  const meets = tail.rows.length === 0 || !page.next_cursor || page.requests.some((row) => known.has(row.id));
  return meets ? cut({ ...tail, rows: merged(page.requests, tail.rows), gap: false }) : begun(page);
}

export const isFull = (tail) => tail.rows.length >= MAX_ROWS;
