import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import { makeKey } from '../fake_gemini/server.mjs';
import { listen } from './harness/feed.mjs';
import { ADMIN_TOKEN } from './harness/pollux.mjs';
import { openRaw, requestText } from './harness/raw.mjs';
import { keyId, MODEL, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually, pause } from './harness/wait.mjs';

const LIVE = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';

const listOf = async (pollux, query = '') => {
  const answer = await pollux.admin(`/admin/requests${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
};
const newest = async (pollux) => (await listOf(pollux, '?limit=1')).requests[0];
const one = async (pollux, id) => (await pollux.admin(`/admin/requests/${id}`)).json();

/** Asks and leaves after the first bytes, or at once. */
const askAndLeave = (pollux, path, body) => new Promise((done) => {
  const asking = request(`${pollux.url}${path}`, { method: 'POST', headers: { 'x-goog-api-key': pollux.token } }, (answer) => {
    answer.once('data', () => { asking.destroy(); done(); });
  });
  asking.on('error', () => done());
  asking.end(JSON.stringify(body));
});

describe('the request log', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one', 'two', 'three'] });
    pollux = play.pollux;
  });
  after(() => play.close());

  for (const [method, path] of [['GET', '/admin/requests'], ['DELETE', '/admin/requests?all=true'], ['GET', '/admin/requests/1'],
    ['DELETE', '/admin/requests/1'], ['GET', '/admin/requests?format=csv'], ['GET', '/admin/stats']]) {
    it(`${method} ${path} is for the administrator alone`, async () => {
      assert.equal((await pollux.call(path, { method })).status, 401);
    });
  }

  it('tells all of an exchange', async () => {
    const before_ = Date.now();
    const answer = await pollux.post(UNARY, prompt('hello'));
    assert.equal(answer.status, 200);

    const summary = await newest(pollux);

    assert.match(summary.id, /^\d{16}$/);
    assert.ok(Math.abs(new Date(summary.time) - before_) < 5000);
    assert.ok(summary.client_id.startsWith('client-'));
    assert.ok(summary.client);
    assert.equal(summary.remote_address, '127.0.0.1');
    assert.deepEqual([summary.dialect, summary.endpoint, summary.method, summary.path, summary.model, summary.upstream_model],
      ['gemini', 'generate', 'POST', UNARY, MODEL, MODEL]);
    const { key: secret } = play.upstream().at(-1);
    assert.equal(summary.key_id, keyId(secret));
    assert.ok(summary.key);
    assert.ok(summary.masked_key.endsWith(secret.slice(-4)) && !summary.masked_key.includes(secret));
    assert.deepEqual([summary.attempts, summary.streamed, summary.status, summary.outcome, summary.reason, summary.error],
      [1, false, 200, 'answered', null, null]);
    assert.ok(summary.first_byte_ms > 0 && summary.first_byte_ms <= summary.duration_ms);
    assert.ok(summary.tokens.input > 0 && summary.tokens.output > 0);
    assert.equal(summary.request_bytes, JSON.stringify(prompt('hello')).length);
    assert.equal(summary.answer_bytes, answer.text.length);
    const detail = await one(pollux, summary.id);
    assert.deepEqual({ ...detail, attempts: 1, request_body: undefined, answer_body: undefined },
      { ...summary, request_body: undefined, answer_body: undefined });
    assert.deepEqual([detail.request_body, detail.answer_body], [null, null]);
    assert.equal(detail.attempts.length, 1);
    const { began_ms: began, duration_ms: duration, ...attempt } = detail.attempts[0];
    assert.ok(began >= 0 && duration > 0);
    assert.deepEqual(attempt, { number: 1, key_id: summary.key_id, key: summary.key, status: 200, reason: null, message: null });
  });

  it('tells every attempt of a retried exchange, and finds it by each key', async () => {
    play.fake.clearRequests();
    play.fake.rule({ row: 'quota_minute' });
    assert.equal((await pollux.post(UNARY, prompt('again'))).status, 200);
    const keys = play.upstream().map(({ key }) => keyId(key));
    assert.equal(keys.length, 2);

    const summary = await newest(pollux);
    const { attempts } = await one(pollux, summary.id);

    assert.equal(summary.attempts, 2);
    assert.deepEqual(attempts.map(({ number, key_id: id, status }) => [number, id, status]), [[1, keys[0], 429], [2, keys[1], 200]]);
    assert.equal(attempts[0].reason, 'http');
    assert.ok(attempts[0].message);
    assert.ok(attempts[1].began_ms >= attempts[0].began_ms + attempts[0].duration_ms);
    for (const key of keys) assert.equal((await listOf(pollux, `?key=${key}&limit=1`)).requests[0].id, summary.id);
    assert.equal((await pollux.admin('/admin/reset', { method: 'POST', body: {} })).status, 200);
  });

  it('tells what was refused: unknown tokens, paths that are none, models that fail', async () => {
    await pollux.post(UNARY, prompt('x'), { token: 'wrong' });
    const stranger = await newest(pollux);
    assert.deepEqual([stranger.status, stranger.outcome, stranger.client, stranger.key, stranger.attempts, stranger.tokens],
      [401, 'failed', null, null, 0, null]);
    assert.equal(stranger.reason, 'unauthorized');
    assert.ok(stranger.error && stranger.answer_bytes > 0);

    await pollux.call('/wp-login.php');
    assert.deepEqual([(await newest(pollux)).status, (await newest(pollux)).path], [404, '/wp-login.php']);

    const bad = await pollux.post('/v1beta/models/no-such-model:generateContent', prompt('x'));
    const summary = await newest(pollux);
    assert.deepEqual([summary.status, summary.outcome, summary.model], [bad.status, 'failed', 'no-such-model']);
    assert.equal((await one(pollux, summary.id)).attempts.at(-1).status, bad.status);
  });

  it('tells streams, and clients who leave', async () => {
    const whole = await pollux.post(STREAM, prompt('stream'));
    const summary = await newest(pollux);
    assert.deepEqual([summary.streamed, summary.endpoint, summary.status, summary.outcome, summary.answer_bytes],
      [true, 'stream', 200, 'answered', Buffer.byteLength(whole.text)]);
    assert.ok(summary.tokens.output > 0);

    play.fake.rule({ fault: 'cut_in_stream' });
    await pollux.post(STREAM, prompt('cut'));
    const cut = await newest(pollux);
    assert.deepEqual([cut.status, cut.outcome, cut.reason, cut.attempts], [200, 'failed', 'truncated', 1]);
    assert.ok(cut.error);
    assert.deepEqual((await one(pollux, cut.id)).attempts.map(({ status, reason }) => [status, reason]), [[200, 'truncated']]);

    play.fake.rule({ fault: 'stall_in_stream' });
    await askAndLeave(pollux, STREAM, prompt('leave'));
    const left = await eventually(async () => {
      const found = await newest(pollux);
      return found.id !== cut.id && found;
    });
    assert.deepEqual([left.status, left.outcome, left.error], [200, 'client_gone', null]);
    assert.deepEqual((await listOf(pollux, '?status=error&limit=2')).requests.map(({ id }) => id), [left.id, cut.id]);
  });

  it('tells a session of the Live API once it is over', async () => {
    const connection = await openRaw(pollux.url);
    connection.send(requestText(`${pollux.url}${LIVE}?key=${pollux.token}`, { headers: { Connection: 'Upgrade', Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } }));
    assert.equal((await connection.readHead()).status, 101);
    connection.destroy();
    const session = await eventually(async () => {
      const found = await newest(pollux);
      return found.endpoint === 'live' && found;
    });
    assert.deepEqual([session.status, session.method, session.attempts, session.path], [101, 'GET', 1, LIVE]);
    assert.ok(!JSON.stringify(await one(pollux, session.id)).includes(pollux.token));
  });

  it('tells of another dialect as it was asked', async () => {
    const answer = await pollux.call('/v1/chat/completions', { method: 'POST', token: null,
      headers: { Authorization: `Bearer ${pollux.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] }) });
    assert.equal(answer.status, 200, answer.text);
    const summary = await newest(pollux);
    assert.deepEqual([summary.dialect, summary.path, summary.model, summary.attempts, summary.status],
      ['openai', '/v1/chat/completions', MODEL, 1, 200]);
    assert.ok(summary.tokens.output > 0);
    assert.equal(summary.answer_bytes, Buffer.byteLength(answer.text));
    assert.deepEqual((await listOf(pollux, '?dialect=openai')).requests.map(({ id }) => id), [summary.id]);
  });

  it('finds by filters and words, and pages through without gaps', async () => {
    const { requests: all } = await listOf(pollux, '?limit=1000');
    assert.ok(all.length >= 7);
    const ids = [];
    for (let cursor = ''; cursor !== null;) {
      const page = await listOf(pollux, `?limit=2&cursor=${cursor}`);
      ids.push(...page.requests.map(({ id }) => id));
      assert.equal(page.searched_until === null, page.next_cursor === null);
      cursor = page.next_cursor;
    }
    assert.deepEqual(ids, all.map(({ id }) => id));
    const expectations = [
      ['status=401', ({ status }) => status === 401],
      ['status=4xx', ({ status }) => status >= 400 && status < 500],
      ['status=ok', ({ status, outcome }) => outcome === 'answered' && status < 400],
      ['status=error', ({ status, outcome }) => outcome !== 'answered' || status >= 400],
      [`model=${MODEL}`, ({ model }) => model === MODEL],
      ['model=no-such*', ({ model }) => model === 'no-such-model'],
      ['q=LOGIN', ({ path }) => path === '/wp-login.php'],
      ['q=no-such%20generate', ({ path }) => path.includes('no-such')],
      ['endpoint=stream&status=ok', ({ endpoint, outcome }) => endpoint === 'stream' && outcome === 'answered'],
      [`client=${all.at(-1).client}`, ({ client }) => client === all.at(-1).client],
      ['since=1h&until=0s', () => true],
      ['since=2020-01-01&until=1700000000', () => false],
      [`q=${all[3].id}`, ({ id }) => id === all[3].id],
      ['key=&client=&q=', () => true],
    ];
    for (const [query, fits] of expectations) {
      assert.deepEqual((await listOf(pollux, `?${query}&limit=1000`)).requests.map(({ id }) => id), all.filter(fits).map(({ id }) => id), query);
    }
  });

  it('names what is wrong with a call', async () => {
    for (const [query, field] of [['status=teapot', 'status'], ['status=9xx', 'status'], ['status=99', 'status'], ['status=4294967496', 'status'],
      ['since=yesterday', 'since'], ['until=-1', 'until'], ['limit=0', 'limit'], ['limit=1001', 'limit'], ['limit=many', 'limit'], ['cursor=x', 'cursor'],
      ['format=xml', 'format'], ['format=csv&limit=0', 'limit'], ['format=csv&cursor=5', 'cursor'], ['colour=red', 'colour'], ['all=true', 'all'],
      ['status=ok&status=error', 'status'], ['q=a%20b%20c%20d%20e%20f%20g%20h%20i', 'q'], [`key=${'x'.repeat(301)}`, 'key']]) {
      const answer = await pollux.admin(`/admin/requests?${query}`);
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], query);
    }
    for (const path of ['/admin/requests/1', '/admin/requests/nothing', '/admin/requests/9223372036854775807']) {
      for (const method of ['GET', 'DELETE']) assert.equal((await pollux.admin(path, { method })).status, 404, path);
    }
    for (const [method, path] of [['POST', '/admin/requests'], ['PUT', '/admin/requests/1'], ['POST', '/admin/stats']]) {
      assert.equal((await pollux.admin(path, { method })).status, 405);
    }
    for (const [query, field] of [['', 'all'], ['?all=maybe', 'all'], ['?all=true&status=ok', 'all'], ['?limit=5', 'limit']]) {
      const answer = await pollux.admin(`/admin/requests${query}`, { method: 'DELETE' });
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], query);
    }
    for (const [query, field] of [['window=31d', 'window'], ['window=0m', 'window'], ['window=90s', 'window'], ['window=x', 'window'], ['span=1h', 'span'], ['window=1h&window=2h', 'window']]) {
      const answer = await pollux.admin(`/admin/stats?${query}`);
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], query);
    }
  });

  it('exports what is found, as CSV that no spreadsheet runs and as JSON lines', async () => {
    await pollux.post('/v1beta/models/=1+1,"x":generateContent', prompt('x'));
    const { requests: all } = await listOf(pollux, '?limit=1000');

    const csv = await pollux.admin('/admin/requests?format=csv');
    assert.match(csv.header('content-type'), /^text\/csv/);
    assert.match(csv.header('content-disposition'), /^attachment; filename="pollux-requests-\d{8}T\d{6}Z\.csv"$/);
    const lines = csv.text.split('\r\n');
    assert.equal(lines.length, all.length + 2);
    assert.match(lines[0], /^id,time,client_id,/);
    assert.ok(lines.slice(1, -1).every((line, at) => line.startsWith(`${all[at].id},${all[at].time},`)));
    assert.ok(lines[1].includes('"\'=1+1,""x"""'), lines[1]);

    const jsonl = await pollux.admin('/admin/requests?format=jsonl&status=ok');
    const parsed = jsonl.text.trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(parsed.map(({ id }) => id), all.filter(({ status, outcome }) => outcome === 'answered' && status < 400).map(({ id }) => id));
    assert.ok(parsed.every(({ attempts }) => attempts[0].number === 1));
    const two = await pollux.admin('/admin/requests?format=csv&limit=2');
    assert.deepEqual(two.text.split('\r\n'), [...lines.slice(0, 3), '']);
  });

  it('counts for the charts what the log tells', async () => {
    const { requests: all } = await listOf(pollux, '?limit=1000');
    const answer = await pollux.admin('/admin/stats?window=1h');
    assert.equal(answer.status, 200, answer.text);
    const stats = answer.json();
    assert.equal(stats.window, '1h');
    assert.equal(stats.step_seconds, 60);
    assert.equal(stats.series.length, 60);
    assert.equal(stats.series[0].time, stats.since);
    assert.deepEqual([stats.series[0].requests, stats.series[0].p50_ms], [0, null]);
    assert.equal(stats.totals.requests, all.length);
    assert.equal(stats.series.reduce((sum, { requests }) => sum + requests, 0), all.length);
    assert.equal(stats.totals.failed, all.filter(({ outcome }) => outcome === 'failed').length);
    assert.equal(stats.totals.retries, 1);
    assert.equal(stats.totals.input_tokens, all.reduce((sum, { tokens }) => sum + (tokens?.input ?? 0), 0));
    assert.equal(stats.statuses[401], 1);
    assert.ok(stats.models.find(({ model }) => model === MODEL).requests >= 4);
    assert.ok(stats.totals.latency_ms.p50 > 0 && stats.totals.latency_ms.p99 >= stats.totals.latency_ms.p50);
    for (const [window, step, steps] of [['15m', 60, 15], ['24h', 600, 144], ['7d', 3600, 168], ['30d', 14400, 180]]) {
      const other = (await pollux.admin(`/admin/stats?window=${window}`)).json();
      assert.deepEqual([other.step_seconds, other.series.length, other.totals.requests], [step, steps, all.length], window);
    }
  });

  it('deletes one, what a filter finds, or all', async () => {
    const { requests: all } = await listOf(pollux, '?limit=1000');
    const remove = async (path) => (await pollux.admin(path, { method: 'DELETE' })).json();
    assert.deepEqual(await remove(`/admin/requests/${all[0].id}`), { deleted: 1 });
    assert.equal((await pollux.admin(`/admin/requests/${all[0].id}`)).status, 404);
    assert.deepEqual(await remove('/admin/requests?status=401'), { deleted: 1 });
    assert.deepEqual(await remove('/admin/requests?all=true'), { deleted: all.length - 2 });
    assert.deepEqual((await listOf(pollux)).requests, []);
    assert.equal((await pollux.admin('/admin/stats')).json().totals.requests, all.length, 'charts stay');
  });

  it('hides keys and tokens that a client has put into its path or its model\'s name', async (t) => {
    const [key] = play.keys;
    const feed = await listen(t, pollux);
    const ask = async (secret) => {
      await pollux.call(`/${secret}`);
      await pollux.post(`/v1beta/models/${secret}:generateContent`, prompt('hi'));
      await pollux.post('/v1/chat/completions', { model: secret, messages: [{ role: 'user', content: 'hi' }] });
    };
    await ask(key);
    await pollux.call(`/${key}`, { token: null });
    const ofPool = await Promise.all(play.keys.map((one_) => pollux.admin(`/admin/status/${keyId(one_)}`)));
    await ask(pollux.token);
    await ask(ADMIN_TOKEN);
    await eventually(() => feed.of('request').length >= 10);

    const { requests } = await listOf(pollux, '?limit=10');
    assert.ok(requests.some(({ path }) => path === `/${key.slice(0, 4)}…${key.slice(-4)}`), JSON.stringify(requests));
    const details = await Promise.all(requests.map(({ id }) => one(pollux, id)));
    const exports = await Promise.all(['requests?format=csv', 'requests?format=jsonl', 'stats'].map((path) => pollux.admin(`/admin/${path}`)));
    const told = JSON.stringify([feed.events, requests, details, exports.map(({ text }) => text)]);
    for (const secret of [key, pollux.token, ADMIN_TOKEN]) assert.ok(!told.includes(secret), secret);
    for (const { text } of ofPool) assert.ok(!text.includes(key));
  });

  it('was never told a secret', async () => {
    for (const name of ['requests.db', 'requests.db-wal']) {
      const bytes = pollux.readData(name).toString('latin1');
      for (const secret of [...play.keys, pollux.token, ADMIN_TOKEN]) assert.ok(!bytes.includes(secret), name);
    }
  });
});

describe('the request log, of who pays with a key of their own,', () => {
  it('tells the exchange, and nothing of the key', async (t) => {
    const { pollux, fake } = await stage(t, { keys: ['pooled'], env: { ALLOW_OWN_KEYS: 'true' } });
    const own = makeKey('own');
    fake.setKey({ key: own });
    assert.equal((await pollux.post(UNARY, prompt('x'), { token: own })).status, 200);

    const summary = await newest(pollux);
    const { attempts } = await one(pollux, summary.id);

    assert.deepEqual([summary.client, summary.key, summary.key_id, summary.masked_key], ['own key', 'own key', null, null]);
    assert.deepEqual(attempts.map(({ key, key_id: id, status }) => [key, id, status]), [['own key', null, 200]]);
    assert.ok(!JSON.stringify([summary, attempts]).includes(own.slice(-8)));
  });
});

describe('bodies in the request log', () => {
  const withBodies = (t, REQUEST_LOG_BODIES, more = {}) => stage(t, { env: { REQUEST_LOG_BODIES, REQUEST_LOG_BODY_BYTES: '200', ...more } });

  it('are kept of all, cut, without secrets, compressed ones and streams too', async (t) => {
    const { pollux, keys } = await withBodies(t, 'all');
    await pollux.post(UNARY, prompt(`my key is ${keys[0]}`));
    let detail = await one(pollux, (await newest(pollux)).id);
    assert.match(detail.request_body, /my key is AIza…/);
    assert.ok(!detail.request_body.includes(keys[0]));
    assert.match(detail.answer_body, /"candidates"/);
    assert.ok(detail.answer_body.endsWith('… (cut here)'));

    const long = 'x'.repeat(1000);
    const zipped = await pollux.post(STREAM, prompt(long), { headers: { 'Accept-Encoding': 'gzip' } });
    detail = await one(pollux, (await newest(pollux)).id);
    assert.ok(detail.request_body.endsWith('x… (cut here)') && detail.request_body.length < 230);
    assert.match(detail.answer_body, /candidates/, String(zipped.header('content-encoding')));

    await pollux.post(UNARY, gzipSync(JSON.stringify(prompt('zipped'))), { headers: { 'Content-Encoding': 'gzip' } });
    detail = await one(pollux, (await newest(pollux)).id);
    assert.match(detail.request_body, /zipped/);
    await pollux.post(UNARY, gzipSync(JSON.stringify(prompt('x'.repeat(100_000)))), { headers: { 'Content-Encoding': 'gzip' } });
    detail = await one(pollux, (await newest(pollux)).id);
    assert.ok(detail.request_body.endsWith('x… (cut here)') && detail.request_body.length < 230, detail.request_body);
    await pollux.post(UNARY, prompt(`${pollux.token} or ${ADMIN_TOKEN}`));
    detail = await one(pollux, (await newest(pollux)).id);
    assert.match(detail.request_body, /"clie….{4} or admi….{4}"/);
    await pollux.post(UNARY, prompt('stranger'), { token: 'wrong' });
    detail = await one(pollux, (await newest(pollux)).id);
    assert.match(detail.answer_body, /Pollux: /);
    const { requests } = await listOf(pollux);
    assert.ok(requests.every((summary) => !('request_body' in summary)));
  });

  it('are kept of failed exchanges only, where that is asked', async (t) => {
    const { pollux } = await withBodies(t, 'errors');
    await pollux.post(UNARY, prompt('good'));
    assert.equal((await one(pollux, (await newest(pollux)).id)).request_body, null);
    await pollux.post('/v1beta/models/no-such-model:generateContent', prompt('bad'));
    const detail = await one(pollux, (await newest(pollux)).id);
    assert.match(detail.request_body, /bad/);
    assert.match(detail.answer_body, /error/);
  });
});

describe('the request log\'s file', () => {
  it('survives a restart and a kill, with at most about a second lost', async (t) => {
    const play = await stage(t);
    await play.pollux.post(UNARY, prompt('one'));
    play.pollux = await (async () => { await play.pollux.stop(); return play.pollux.restart(); })();
    assert.equal((await listOf(play.pollux)).requests.length, 1);
    await play.pollux.post(UNARY, prompt('two'));
    await pause(1500);
    await play.pollux.post(UNARY, prompt('three'));
    await play.pollux.kill();
    play.pollux = await play.pollux.restart();
    assert.ok((await listOf(play.pollux)).requests.length >= 2);
    assert.ok((await play.pollux.admin('/admin/stats')).json().totals.requests >= 2);
  });

  it('keeps as many requests as the settings say, or none', async (t) => {
    const play = await stage(t, { env: { REQUEST_LOG_ROWS: '5' } });
    for (let i = 0; i < 12; i += 1) await play.pollux.post(UNARY, prompt(`${i}`));
    await eventually(async () => (await listOf(play.pollux)).requests.length === 5);
    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { REQUEST_LOG_DAYS: '0' } });
    await play.pollux.post(UNARY, prompt('gone'));
    await eventually(async () => (await listOf(play.pollux)).requests.length === 0);
  });
});

describe('a request log as large as a day', () => {
  it('is exported while a slow client takes its time, and left by one who has enough', async (t) => {
    const { pollux } = await stage(t, { fake: { } });
    for (let i = 0; i < 60; i += 1) await Promise.all(Array.from({ length: 20 }, () => pollux.call('/nothing', { token: null })));
    const whole = await pollux.admin('/admin/requests?format=jsonl');
    assert.equal(whole.text.trim().split('\n').length, 1200);
    await new Promise((done) => {
      const asking = request(`${pollux.url}/admin/requests?format=csv`, { headers: { Authorization: `Bearer ${pollux.adminToken}` } }, (answer) => {
        answer.once('data', () => { asking.destroy(); done(); });
      });
      asking.end();
    });
    assert.equal((await pollux.admin('/admin/requests?all=true', { method: 'DELETE' })).json().deleted, 1200);
    assert.deepEqual((await listOf(pollux)).requests, []);
  });
});
