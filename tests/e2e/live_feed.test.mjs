import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { makeKey } from '../fake_gemini/server.mjs';
import { askForFeed, listen } from './harness/feed.mjs';
import { ask, inParallel, keepAliveAgent } from './harness/load.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { keyId, MODEL, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually, pause, scaled } from './harness/wait.mjs';

const CHAT = { model: MODEL, messages: [{ role: 'user', content: 'hello' }] };

/** Resident memory of the process, in MiB. */
const memoryOf = ({ pid }) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

/** A sanitizer keeps what is freed for a while. */
const isSanitized = ({ pid }) => /lib[at]san/.test(readFileSync(`/proc/${pid}/maps`, 'utf8'));

describe('the live feed', () => {
  it('greets, and then tells of each request with its summary', async (t) => {
    const { pollux, fake } = await stage(t);
    const feed = await listen(t, pollux);
    assert.equal(feed.head.status, 200);
    assert.match(feed.head.header('content-type'), /^text\/event-stream/);
    assert.equal(feed.head.header('cache-control'), 'no-store');
    const hello = await feed.until('hello');
    assert.equal(hello.version, (await pollux.call('/health')).json().version);
    assert.match(hello.time, /^\d{4}-.*Z$/);
    assert.equal(feed.events[0].name, 'hello');

    fake.rule({ row: 'quota_minute' });
    await pollux.post(UNARY, prompt('hello'));
    await pollux.post('/v1/chat/completions', { ...CHAT, stream: true }, { token: null, headers: { Authorization: `Bearer ${TOKEN}` } });
    await pollux.call('/v1beta/models/x', { token: 'unknown-token' });

    await eventually(() => feed.of('request').length === 3);
    const [native, chat, refused] = feed.of('request');
    assert.partialDeepStrictEqual?.(native, { dialect: 'gemini', endpoint: 'generate', method: 'POST', path: UNARY });
    assert.equal(native.model, MODEL);
    assert.equal(native.attempts, 2);
    assert.equal(native.status, 200);
    assert.equal(native.outcome, 'answered');
    assert.match(native.reason, /429/);
    assert.ok(native.duration_ms > 0 && native.first_byte_ms > 0 && native.tokens.input > 0 && native.answer_bytes > 0);
    assert.equal(chat.dialect, 'openai');
    assert.equal(chat.streamed, true);
    assert.equal(refused.status, 401);
    assert.equal(refused.outcome, 'failed');
    assert.equal(refused.key_id, null);
    assert.match(refused.error, /token/);
  });

  it('tells a name that is longer than any model\'s by its beginning', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);

    await pollux.post('/v1/chat/completions', { ...CHAT, model: 'ä'.repeat(100_000) });

    await eventually(() => feed.of('request').length === 1);
    const [request] = feed.of('request');
    assert.deepEqual([request.status, request.model], [400, 'ä'.repeat(150)]);
  });

  it('never tells a secret', async (t) => {
    const { pollux, fake, keys } = await stage(t);
    const feed = await listen(t, pollux);
    fake.rule({ row: 'suspended', times: 1 });
    await pollux.post(UNARY, prompt('hello'));
    await pollux.call(`/v1beta/models?key=${TOKEN}`, { token: null });
    await eventually(() => feed.of('request').length === 2);
    const text = JSON.stringify(feed.events);
    for (const secret of [...keys, TOKEN, pollux.adminToken]) assert.ok(!text.includes(secret));
  });

  it('tells each second how traffic goes', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);
    const stream = pollux.post(STREAM, prompt('hello [events=30] [pause=100]'));
    await pollux.post(UNARY, prompt('hello'));

    const busy = await feed.until('traffic', ({ requests_per_second: rate }) => rate > 0);
    for (const name of ['time', 'failed_per_second', 'in_flight', 'waiting', 'tokens_per_second', 'latency_ms', 'keys']) assert.ok(name in busy, name);
    assert.equal(busy.in_flight, 1);
    assert.ok(busy.tokens_per_second > 0 && busy.latency_ms > 0);
    assert.deepEqual(busy.keys, { ready: 2, resting: 0, disabled: 0, probing: 0 });
    assert.ok(!('dropped' in busy));

    await stream;
    await feed.until('traffic', (traffic) => traffic.in_flight === 0 && traffic.requests_per_second === 0 && traffic.latency_ms === null);
  });

  it('tells of keys that come, go, or fare otherwise, whoever did it', async (t) => {
    const { pollux, fake, keys: [one, two] } = await stage(t);
    const feed = await listen(t, pollux);
    await feed.until('traffic');
    const told = (id, state) => feed.until('key', (event) => event.id === id && event.state === state);

    await pollux.admin(`/admin/keys/${keyId(one)}`, { method: 'PATCH', body: { enabled: false } });
    await told(keyId(one), 'disabled');
    fake.rule({ row: 'suspended', times: 1 });
    await pollux.post(UNARY, prompt('hello'));
    await told(keyId(two), 'disabled');
    await pollux.admin('/admin/reset', { method: 'POST', body: { key_id: keyId(two) } });
    await told(keyId(two), 'ready');
    const third = makeKey('three');
    await pollux.admin('/admin/keys', { method: 'POST', body: { key: third } });
    await told(keyId(third), 'ready');
    await pollux.admin(`/admin/keys/${keyId(third)}`, { method: 'DELETE' });
    await told(keyId(third), 'removed');
    assert.equal(feed.of('key').length, 5);
  });

  it('tells when policies were loaded, and when they would not load', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);
    await feed.until('traffic');
    const { version } = (await pollux.admin('/admin/policies')).json();

    pollux.writePolicy('keys.lua', 'return {');
    await feed.until('policies', (event) => event.version === version && /keys\.lua:1/.test(event.error));
    pollux.writePolicy('keys.lua', 'return require "default.keys"');
    await feed.until('policies', (event) => event.version > version && event.error === null);
  });

  it('tells that clients and settings were changed, and of no change that was refused', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);
    const { id } = (await pollux.admin('/admin/clients', { method: 'POST', body: { name: 'phone' } })).json();
    await eventually(() => feed.of('clients').length === 1);
    assert.equal((await pollux.admin('/admin/clients', { method: 'POST', body: { name: 'phone' } })).status, 409);
    await pollux.admin(`/admin/clients/${id}`, { method: 'PATCH', body: { rpm: 3 } });
    await eventually(() => feed.of('clients').length === 2);
    await pollux.admin(`/admin/clients/${id}`, { method: 'DELETE' });
    await eventually(() => feed.of('clients').length === 3);

    assert.equal((await pollux.admin('/admin/settings', { method: 'PATCH', body: { MAX_RETRIES: -1 } })).status, 400);
    assert.equal((await pollux.admin('/admin/settings', { method: 'PATCH', body: { MAX_RETRIES: 1 } })).status, 200);
    await eventually(() => feed.of('settings').length === 1);
    assert.deepEqual(feed.of('settings'), [{}]);
  });

  it('is for the administrator alone', async (t) => {
    const { pollux } = await stage(t);
    for (const headers of [{ Authorization: '' }, { Authorization: 'Bearer wrong' }, { Authorization: `Bearer ${TOKEN}` }]) {
      const { connection, head } = await askForFeed(pollux, { headers });
      assert.equal(head.status, 401);
      connection.destroy();
    }
    assert.equal((await pollux.admin('/admin/events', { method: 'POST' })).status, 405);
    assert.equal((await pollux.admin('/admin/events/x')).status, 404);
    const unknown = await pollux.admin('/admin/events?since=1');
    assert.equal(unknown.status, 400);
    assert.equal(unknown.json().error.field, 'since');
  });

  it('ends with the session that it was opened by', async (t) => {
    const { pollux } = await stage(t);
    const body = JSON.stringify({ username: 'admin', password: pollux.adminToken });
    const signedIn = await pollux.call('/admin/login', { method: 'POST', token: null, body });
    const Cookie = signedIn.header('set-cookie').split(';')[0];
    const feed = await listen(t, pollux, { headers: { Authorization: '', Cookie } });
    const other = await listen(t, pollux);
    await feed.until('traffic');

    await pollux.call('/admin/logout', { method: 'POST', token: null, headers: { Cookie } });

    let end;
    feed.over.then((how) => { end = how; });
    await eventually(() => end === 'end', { what: 'the stream goes on' });
    const heard = other.of('traffic').length;
    await eventually(() => other.of('traffic').length > heard);
  });

  it('answers HEAD without a stream', async (t) => {
    const { pollux } = await stage(t);
    const answer = await pollux.admin('/admin/events', { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.match((await pollux.admin('/metrics')).text, /^pollux_live_feed_listeners 0$/m);
  });

  it('forgets a listener who leaves, and takes the next', async (t) => {
    const { pollux } = await stage(t);
    const listeners = async () => Number(/^pollux_live_feed_listeners (\d+)$/m.exec((await pollux.admin('/metrics')).text)[1]);
    const first = await listen(t, pollux);
    const second = await listen(t, pollux);
    assert.equal(await listeners(), 2);
    first.leave();
    await eventually(async () => await listeners() === 1);
    await second.until('traffic');
    second.leave();
    await eventually(async () => await listeners() === 0);
    await pollux.post(UNARY, prompt('hello'));

    const third = await listen(t, pollux);
    await third.until('traffic');
    assert.equal(third.of('request').length, 0);
  });

  it('takes fifty listeners, and no more', async (t) => {
    const { pollux } = await stage(t);
    const feeds = [];
    for (let i = 0; i < 50; ++i) feeds.push(await listen(t, pollux));
    const { connection, head } = await askForFeed(pollux);
    assert.equal(head.status, 503);
    assert.ok(Number(head.header('retry-after')) > 0);
    connection.destroy();

    await pollux.post(UNARY, prompt('hello'));
    for (const feed of feeds) await feed.until('request');
    feeds[0].leave();
    await eventually(async () => {
      const again = await askForFeed(pollux);
      again.connection.destroy();
      return again.head.status === 200;
    });
  });
});

describe('under many requests, the live feed', () => {
  const UNKNOWN = `/v1beta/nowhere/${'x'.repeat(15_000)}`;  // Each event is as large as can be.

  /** Requests that Pollux refuses by itself: cheap ones. */
  async function refusals(pollux, count) {
    const agent = keepAliveAgent(8);
    await inParallel(count, 8, () => ask(agent, pollux.url + UNKNOWN, { method: 'GET', headers: { 'x-goog-api-key': 'unknown' } }));
    agent.destroy();
  }

  it('tells fifty a second, and how many it did not tell', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);
    await feed.until('traffic');

    await refusals(pollux, 1000);

    await eventually(() => feed.accounted() >= 1000);
    assert.equal(feed.accounted(), 1000);
    const seconds = feed.of('traffic').length + 1;
    assert.ok(feed.of('request').length <= 50 * seconds);
    assert.ok(feed.of('traffic').some(({ dropped }) => dropped > 0));
  });

  it('holds no more for a reader who does not read, and tells it what it lost', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);
    await feed.until('traffic');
    feed.pause();
    await refusals(pollux, 60);
    const before = memoryOf(pollux);

    for (let second = 0; second < 12; ++second) await Promise.all([refusals(pollux, 60), pause(1000)]);

    const grown = memoryOf(pollux) - before;
    assert.ok(grown < 4 || isSanitized(pollux), `grew by ${grown} MiB`);
    feed.resume();
    await eventually(() => feed.accounted() >= 13 * 60);
    assert.equal(feed.accounted(), 13 * 60);
    assert.ok(feed.of('request').length < 10 * 50, 'nothing was lost: this test proves nothing');
    await feed.until('traffic', ({ dropped }) => dropped > 50);
    const heard = feed.events.length;
    await eventually(() => feed.events.length > heard);
  });
});

describe('at the end, the live feed', () => {
  for (const workers of ['1', '4']) {
    it(`ends its streams, so that stopping does not wait for them (${workers} workers)`, async (t) => {
      const { pollux } = await stage(t, { env: { WORKERS: workers } });
      const feeds = await Promise.all(Array.from({ length: 6 }, () => listen(t, pollux)));
      await Promise.all(feeds.map((feed) => feed.until('hello')));
      const started = Date.now();

      pollux.signal('SIGTERM');

      for (const feed of feeds) assert.equal(await feed.over, 'end');
      assert.deepEqual(await pollux.exit(), { code: 0, signal: null });
      assert.ok(Date.now() - started < scaled(2000), `took ${Date.now() - started} ms`);
      pollux.checkLog();
    });
  }

  it('lets a running answer end, but takes no new listener meanwhile', async (t) => {
    const { pollux } = await stage(t);
    const feed = await listen(t, pollux);
    const answer = pollux.post(STREAM, prompt('hello [events=20] [pause=60]'));
    await eventually(async () => feed.of('traffic').some(({ in_flight: busy }) => busy === 1));
    pollux.signal('SIGTERM');
    assert.equal(await feed.over, 'end');
    assert.match((await answer).text, /"finishReason": "STOP"/);
    assert.deepEqual(await pollux.exit(), { code: 0, signal: null });
  });

  it('does not wait long for a reader who does not read', async (t) => {
    const { pollux } = await stage(t);
    const { connection } = await askForFeed(pollux);
    t.after(() => connection.destroy());
    connection.pause();
    const keys = Array.from({ length: 5000 }, (_, i) => makeKey(`many-${i}`)).join('\n');
    await pollux.admin('/admin/keys', { method: 'POST', body: { text: keys } });
    await pause(1500);
    const started = Date.now();

    pollux.signal('SIGTERM');

    assert.deepEqual(await pollux.exit(), { code: 0, signal: null });
    assert.ok(Date.now() - started < scaled(9000), `took ${Date.now() - started} ms`);
  });
});
