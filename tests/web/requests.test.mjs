// The logic behind the page's request log: filters, the live list, the time line, curl.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { adviceFor, placeFor } from '../../web/pages/requests/advice.js';
import { bodyOf, curlOf, shellQuoted } from '../../web/pages/requests/curl.js';
import { exportAddressOf, filtersOf, isError, matches, timeOf, withFilter } from '../../web/pages/requests/filters.js';
import { MAX_HELD, MAX_ROWS, arrived, begun, caughtUp, continued, emptyTail, isFull, released } from '../../web/pages/requests/tail.js';
import { stepFor, timelineOf } from '../../web/pages/requests/timeline.js';

const now = Date.parse('2026-11-21T12:00:00.000Z');

const request = (more = {}) => ({
  id: 'r1', time: '2026-11-21T11:50:00.000Z', client_id: 'c1', client: 'phone', dialect: 'gemini', endpoint: 'generate', method: 'POST',
  path: '/v1beta/models/gemini-3.8-flash:generateContent', model: 'fast', upstream_model: 'gemini-3.8-flash', key_id: 'k1', key: 'work', attempts: 1,
  streamed: false, status: 200, outcome: 'answered', reason: null, error: null, duration_ms: 100, first_byte_ms: 50, request_body: null, ...more,
});

describe('filters of the request log', () => {
  it('takes from an address what is a filter and says something', () => {
    assert.deepEqual(filtersOf({ status: 'error', q: '  ', page: '2', client: ' phone ' }), { status: 'error', client: 'phone' });
  });

  it('sets one filter and takes it away again', () => {
    assert.deepEqual(withFilter({ status: 'ok' }, 'model', 'gemini-*'), { status: 'ok', model: 'gemini-*' });
    assert.deepEqual(withFilter({ status: 'ok' }, 'status', ''), {});
  });

  it('exports what the filters find', () => {
    assert.equal(exportAddressOf({ q: 'a b&c' }, 'csv'), 'admin/requests?q=a+b%26c&format=csv');
  });

  it('reads times as the API does', () => {
    assert.equal(timeOf('15m', now), now - 15 * 60_000);
    assert.equal(timeOf('7d', now), now - 7 * 86_400_000);
    assert.equal(timeOf('1763726400', now), 1763726400_000);
    assert.equal(timeOf('2026-11-21T12:00:00Z', now), now);
    assert.ok(Number.isNaN(timeOf('yesterday', now)));
  });

  it('calls an answer that was cut short or that nobody waited for an error', () => {
    assert.equal(isError(request()), false);
    assert.equal(isError(request({ outcome: 'failed' })), true);
    assert.equal(isError(request({ status: null, outcome: 'client_gone' })), true);
    assert.equal(isError(request({ status: 404 })), true);
  });

  const fits = (filters, more) => matches(request(more), filters, now);

  it('matches a live request as the log would', () => {
    assert.equal(fits({}), true);
    assert.equal(fits({ status: 'ok' }), true);
    assert.equal(fits({ status: '200' }), true);
    assert.equal(fits({ status: '4xx' }), false);
    assert.equal(fits({ status: '4xx' }, { status: 429 }), true);
    assert.equal(fits({ model: 'gemini-*-flash' }), true, 'also by the model that Google was asked');
    assert.equal(fits({ model: 'gemini' }), false, 'a name without * is the whole name');
    assert.equal(fits({ model: 'f.st' }), false, 'a point is a point');
    assert.equal(fits({ client: 'phone' }) && fits({ client: 'c1' }), true);
    assert.equal(fits({ since: '15m' }) && !fits({ since: '5m' }), true);
    assert.equal(fits({ until: '2026-11-21T11:50:00.000Z' }), false);
    assert.equal(fits({ q: 'GENERATECONTENT' }), true);
    assert.equal(fits({ q: 'phone flash' }) && !fits({ q: 'phone tablet' }), true, 'each word somewhere');
    assert.equal(fits({ dialect: 'openai' }), false);
  });

  it('leaves to the log whether an earlier attempt met a key', () => {
    assert.equal(fits({ key: 'k1' }), true);
    assert.equal(fits({ key: 'k2' }), false);
    assert.equal(fits({ key: 'k2' }, { attempts: 3 }), 'ask');
    assert.equal(fits({ key: 'k2', status: '4xx' }, { attempts: 3 }), false);
  });
});

describe('the live list', () => {
  const row = (n) => ({ id: `r${n}`, time: new Date(now + n * 1000).toISOString() });
  const rows = (from, to) => Array.from({ length: from - to + 1 }, (_, i) => row(from - i));
  const ids = (tail) => tail.rows.map(({ id }) => id);
  const page = (requests, cursor = null) => ({ requests, next_cursor: cursor, searched_until: null });

  it('goes on behind a page without showing a row twice', () => {
    const tail = continued(begun(page(rows(5, 3), 'next')), page(rows(3, 1)));
    assert.deepEqual(ids(tail), ['r5', 'r4', 'r3', 'r2', 'r1']);
    assert.equal(tail.more, null);
  });

  it('puts what comes live at its place in time', () => {
    const tail = arrived(begun(page([row(5), row(1)])), [row(7), row(3), row(5)], false);
    assert.deepEqual(ids(tail), ['r7', 'r5', 'r3', 'r1']);
  });

  it('holds back what comes while the reader is elsewhere, and shows it after', () => {
    const held = arrived(begun(page(rows(2, 1))), [row(3)], true);
    assert.deepEqual(ids(held), ['r2', 'r1']);
    assert.equal(held.held.length, 1);
    assert.deepEqual(ids(released(held)), ['r3', 'r2', 'r1']);
  });

  it('holds a bounded number, and owns up to a gap', () => {
    const tail = arrived(emptyTail(), rows(MAX_HELD + 10, 1), true);
    assert.equal(tail.held.length, MAX_HELD);
    assert.equal(tail.gap, true);
  });

  it('keeps a bounded number of rows, and goes on from the last one that stayed', () => {
    const tail = arrived(begun(page(rows(MAX_ROWS, 1), 'next')), [row(MAX_ROWS + 1)], false);
    assert.equal(tail.rows.length, MAX_ROWS);
    assert.ok(isFull(tail));
    assert.deepEqual(tail.more, { until: new Date(Date.parse(tail.rows.at(-1).time) + 1).toISOString() });
  });

  it('closes the gap after the feed was broken', () => {
    const tail = caughtUp({ ...begun(page(rows(3, 1), 'old')), gap: true }, page(rows(5, 3), 'new'));
    assert.deepEqual(ids(tail), ['r5', 'r4', 'r3', 'r2', 'r1']);
    assert.deepEqual(tail.more, { cursor: 'old' });
    assert.equal(tail.gap, false);
  });

  it('begins anew where the newest page does not reach down to the rows', () => {
    const tail = caughtUp(begun(page(rows(3, 1), 'old')), page(rows(9, 8), 'new'));
    assert.deepEqual(ids(tail), ['r9', 'r8']);
    assert.deepEqual(tail.more, { cursor: 'new' });
  });
});

describe('the time line of attempts', () => {
  const attempt = (began_ms, duration_ms) => ({ number: 1, began_ms, duration_ms });

  it('puts the attempts on one axis', () => {
    const line = timelineOf({ duration_ms: 1000, first_byte_ms: 500, attempts: [attempt(0, 250), attempt(250, 750)] });
    assert.deepEqual(line.bars.map(({ left, width }) => [left, width]), [[0, 25], [25, 75]]);
    assert.equal(line.firstByte, 50);
    assert.deepEqual(line.ticks.map(({ at_ms }) => at_ms), [0, 200, 400, 600, 800, 1000]);
  });

  it('shows an attempt of no length at the very end', () => {
    const [bar] = timelineOf({ duration_ms: 1000, first_byte_ms: null, attempts: [attempt(1000, 0)] }).bars;
    assert.ok(bar.width > 0 && bar.left + bar.width <= 100.0001);
  });

  it('has an axis for a request of no length', () => {
    const line = timelineOf({ duration_ms: 0, first_byte_ms: null, attempts: [] });
    assert.equal(line.whole_ms, 1);
    assert.equal(line.firstByte, null);
  });

  it('parts the axis by round numbers', () => {
    assert.deepEqual([7, 99, 1300, 61_000].map((ms) => stepFor(ms)), [2, 20, 500, 20_000]);
  });
});

describe('a request as curl', () => {
  const origin = 'https://example.com/pollux';

  it('repeats the request with its own body and no token', () => {
    const text = curlOf(request({ request_body: '{"contents": "it\'s"}' }), origin);
    assert.match(text, /^curl 'https:\/\/example\.com\/pollux\/v1beta\/models\/gemini-3\.8-flash:generateContent'/);
    assert.match(text, /-H "x-goog-api-key: \$POLLUX_TOKEN"/);
    assert.ok(text.includes(`-d '{"contents": "it'\\''s"}'`));
  });

  it('asks for events where Google would stream an array', () => {
    const streamed = request({ path: '/v1beta/models/m:streamGenerateContent', streamed: true, endpoint: 'stream' });
    assert.match(curlOf(streamed, origin), /^curl -N '.*:streamGenerateContent\?alt=sse'/);
  });

  it('takes a sample in place of a body that was cut', () => {
    assert.equal(bodyOf(request({ request_body: '{"contents": [' })), '{"contents":[{"role":"user","parts":[{"text":"Say hello."}]}]}');
  });

  it('speaks the dialect of the client', () => {
    const openai = request({ dialect: 'openai', endpoint: 'stream', path: '/v1/chat/completions', model: 'gpt-4o', streamed: true });
    assert.match(curlOf(openai, origin), /Authorization: Bearer \$POLLUX_TOKEN/);
    assert.equal(JSON.parse(bodyOf(openai)).model, 'gpt-4o');
    assert.equal(JSON.parse(bodyOf(openai)).stream, true);
    const anthropic = request({ dialect: 'anthropic', endpoint: 'generate', path: '/v1/messages' });
    assert.match(curlOf(anthropic, origin), /anthropic-version: /);
  });

  it('sends files as a form, and nothing with a GET', () => {
    assert.match(curlOf(request({ dialect: 'openai', endpoint: 'transcriptions' }), origin),
      /-X POST[\s\S]*-F model='fast'[\s\S]*-F file=@speech\.wav/);
    assert.doesNotMatch(curlOf(request({ method: 'GET', path: '/v1beta/models' }), origin), /-X|-d/);
  });

  it('quotes for the shell', () => {
    assert.equal(shellQuoted("a'b $HOME"), "'a'\\''b $HOME'");
  });
});

describe('advice about a request that failed', () => {
  const advice = (more) => adviceFor(request({ outcome: 'failed', ...more }));

  it('has none for one that succeeded', () => assert.equal(adviceFor(request()), null));

  it('goes by the reason, then by how the attempt failed, then by the status', () => {
    assert.equal(advice({ status: 503, reason: 'no_key' }), 'no_key');
    assert.equal(advice({ status: 502, reason: 'connect' }), 'upstream_unreachable');
    assert.equal(advice({ status: 400, reason: 'http' }), 'bad_request');
    assert.equal(advice({ status: 418, reason: null }), 'other');
    assert.equal(advice({ status: 200, reason: 'truncated' }), 'upstream_broken');
    assert.equal(adviceFor(request({ outcome: 'client_gone', status: null })), 'client_gone');
    assert.equal(advice({ status: 503, reason: 'status 500' }), 'no_key', 'Pollux gave up, since no other key could pay');
    assert.equal(advice({ status: 503, reason: 'status 503' }), 'google_failed');
    assert.equal(adviceFor(request({ outcome: 'answered', status: 429 })), 'quota');
  });

  it('knows where to go', () => {
    assert.equal(placeFor('no_key'), '#/keys');
    assert.equal(placeFor('client_gone'), null);
  });
});
