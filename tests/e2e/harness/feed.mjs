// A listener to the live feed, as the dashboard is one.

import { openRaw, requestText } from './raw.mjs';
import { eventually } from './wait.mjs';

const PATH = '/admin/events';

/** A connection that has asked for the feed and read the head of the answer. */
export async function askForFeed(pollux, { headers, ...request } = {}) {
  const connection = await openRaw(pollux.url);
  connection.send(requestText(pollux.url + PATH, { headers: { Authorization: `Bearer ${pollux.adminToken}`, ...headers }, ...request }));
  return { connection, head: await connection.readHead() };
}

function parsed(block) {
  const event = /^event: (.*)$/m.exec(block);
  return event ? { name: event[1], data: JSON.parse(/^data: (.*)$/m.exec(block)[1]) } : { comment: block };
}

/**
 * Listens until the test ends: `events` fills as they come, `of(name)` gives the data of those, `until(name, test)`
 * waits for one; `over` resolves once the server has ended the stream, with what it was ended by: "end" or "cut".
 */
export async function listen(t, pollux, request) {
  const { connection, head } = await askForFeed(pollux, request);
  t.after(() => connection.destroy());
  const events = [];
  let rest = '';
  const read = async () => {
    for (;;) {
      const piece = await connection.readChunk();
      if (piece.length === 0) return 'end';
      const blocks = (rest + piece.toString('utf8')).split('\n\n');
      rest = blocks.pop();
      events.push(...blocks.map(parsed));
    }
  };
  const over = read().catch(() => 'cut');
  const of = (name) => events.filter((event) => event.name === name).map(({ data }) => data);
  return {
    head, events, of, over,
    leave: () => connection.destroy(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    /** Requests of which it was told, or told that it was not told. */
    accounted: () => of('request').length + of('traffic').reduce((sum, { dropped = 0 }) => sum + dropped, 0),
    until: (name, test = () => true, limit = 5000) => eventually(() => of(name).find(test),
      { within_ms: limit, what: `no such ${name} event; there were ${JSON.stringify(events)}` }),
  };
}
