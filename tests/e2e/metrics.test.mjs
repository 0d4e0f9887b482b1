import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import { TOKEN } from './harness/pollux.mjs';
import { openRaw, requestText } from './harness/raw.mjs';
import { keyId, MODEL, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually, scaled } from './harness/wait.mjs';

const PROMTOOL = '/usr/bin/promtool';

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (?<value>[-+.\deE]+|\+Inf|NaN)$/;
const labelsOf = (text = '') => Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]));

/** Every sample, after a check that the text keeps the format's rules. */
function parse(text) {
  assert.ok(text.endsWith('\n'));
  const samples = [];
  const families = new Map();
  let family;
  for (const line of text.trimEnd().split('\n')) {
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      assert.ok(!families.has(name), `${name} stands in two places`);
      family = { name };
      families.set(name, family);
    } else if (kind === 'TYPE') {
      assert.equal(name, family.name);
      family.type = rest;
      assert.equal(rest === 'counter', name.endsWith('_total'), name);
    } else {
      const found = SAMPLE.exec(line);
      assert.ok(found, `no sample: ${line}`);
      const base = family.type === 'histogram' ? found.groups.name.replace(/_(bucket|sum|count)$/, '') : found.groups.name;
      assert.equal(base, family.name, 'a sample stands in another family');
      samples.push({ name: found.groups.name, labels: labelsOf(found.groups.labels), value: Number(found.groups.value.replace('+Inf', 'Infinity')) });
    }
  }
  const seen = samples.map(({ name, labels }) => JSON.stringify([name, labels]));
  assert.equal(new Set(seen).size, seen.length, 'a series is there twice');
  return samples;
}

async function scrape(pollux) {
  const answer = await pollux.admin('/metrics');
  assert.equal(answer.status, 200, answer.text);
  const samples = parse(answer.text);
  const matching = (name, labels) => samples.filter((sample) => sample.name === name
    && Object.entries(labels).every(([label, value]) => sample.labels[label] === String(value)));
  return {
    text: answer.text,
    samples,
    answer,
    /** The sum of the series with these labels. */
    sum: (name, labels = {}) => matching(name, labels).reduce((sum, { value }) => sum + value, 0),
    labels: (name, label) => [...new Set(matching(name, {}).map(({ labels }) => labels[label]))].sort(),
  };
}

const bearer = { Authorization: `Bearer ${TOKEN}` };
const chat = (pollux, body) => pollux.post('/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content: 'hello' }], ...body },
  { token: null, headers: bearer });

describe('the metrics', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one', 'two', 'three'] });
    pollux = play.pollux;
  });
  after(() => play.close());

  it('are there before the first request, in the text format of Prometheus', async () => {
    const metrics = await scrape(pollux);
    assert.equal(metrics.answer.header('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(metrics.sum('pollux_requests_total'), 0);
    assert.equal(metrics.sum('pollux_keys', { state: 'ready' }), 3);
    assert.equal(metrics.sum('pollux_build_info', { version: (await pollux.call('/health')).json().version }), 1);
    assert.deepEqual(metrics.labels('pollux_loop_lag_seconds', 'worker'), ['1', '2']);
    assert.ok(metrics.samples.filter(({ name }) => name === 'pollux_loop_lag_seconds').every(({ value }) => value > 0 && value < scaled(1)));
    assert.ok(metrics.sum('process_resident_memory_bytes') > 1e6);
    assert.ok(metrics.sum('process_cpu_seconds_total') > 0);
    assert.ok(metrics.sum('process_open_fds') > 5 && metrics.sum('process_open_fds') < metrics.sum('process_max_fds'));
    assert.ok(Math.abs(metrics.sum('process_start_time_seconds') - Date.now() / 1000) < scaled(60));
  });

  it('are for the administrator alone', async () => {
    for (const headers of [{}, bearer, { Authorization: 'Bearer wrong' }]) {
      assert.equal((await pollux.call('/metrics', { token: null, headers })).status, 401);
    }
    assert.equal((await pollux.admin('/metrics', { method: 'POST' })).status, 405);
    assert.equal((await pollux.admin('/metrics', { method: 'HEAD' })).status, 200);
  });

  it('count requests by dialect, endpoint, model and status, and their tokens', async () => {
    assert.equal((await scrape(pollux)).sum('pollux_requests_total'), 0, 'the administration is not counted');
    assert.equal((await pollux.post(UNARY, prompt('hello'))).status, 200);
    assert.equal((await pollux.post(STREAM, prompt('hello'))).status, 200);
    assert.equal((await chat(pollux)).status, 200);
    assert.equal((await pollux.call('/v1beta/models')).status, 200);

    const metrics = await scrape(pollux);
    const requests = (labels) => metrics.sum('pollux_requests_total', labels);
    assert.equal(requests({ dialect: 'gemini', endpoint: 'generate', model: MODEL, status: 200 }), 1);
    assert.equal(requests({ dialect: 'gemini', endpoint: 'stream', model: MODEL, status: 200 }), 1);
    assert.equal(requests({ dialect: 'gemini', endpoint: 'list_models', model: '', status: 200 }), 1);
    assert.equal(requests({ dialect: 'openai', model: MODEL, status: 200 }), 1);
    assert.equal(requests({}), 4);
    assert.equal(metrics.sum('pollux_request_outcomes_total', { outcome: 'answered' }), 4);
    assert.equal(metrics.sum('pollux_attempts_total', { result: 'ok' }), 4);
    assert.equal(metrics.sum('pollux_request_log_written_total') + metrics.sum('pollux_request_log_waiting'), 4);
    for (const name of ['pollux_request_duration_seconds', 'pollux_first_byte_seconds']) {
      assert.equal(metrics.sum(`${name}_count`), 4);
      assert.equal(metrics.sum(`${name}_bucket`, { le: '+Inf' }), 4);
      assert.ok(metrics.sum(`${name}_sum`) > 0);
    }
    assert.ok(metrics.sum('pollux_tokens_total', { model: MODEL, kind: 'input' }) > 0);
    assert.ok(metrics.sum('pollux_tokens_total', { model: MODEL, kind: 'output' }) > 0);
  });

  it('count what failed, and what was cured by another key', async () => {
    const earlier = await scrape(pollux);
    play.fake.rule({ row: 'quota_minute', times: 1 });
    assert.equal((await pollux.post(UNARY, prompt('hello'))).status, 200);
    play.fake.rule({ row: 'unavailable', times: 1 });
    assert.equal((await chat(pollux)).status, 200);
    play.fake.rule({ fault: 'cut_in_body', times: 1 });
    assert.equal((await pollux.post(UNARY, prompt('hello'))).status, 200);
    play.fake.rule({ fault: 'empty_json', times: 1 });
    assert.equal((await pollux.post(UNARY, prompt('hello'))).status, 200);
    play.fake.rule({ fault: 'error_event', after: 0, times: 1 });
    assert.equal((await pollux.post(STREAM, prompt('hello'))).status, 200);
    assert.equal((await pollux.post(UNARY, { contents: 'nonsense' })).status, 400);
    assert.equal((await pollux.post(UNARY, prompt('hello'), { token: 'unknown-token' })).status, 401);

    const now = await scrape(pollux);
    const more = (name, labels) => now.sum(name, labels) - earlier.sum(name, labels);
    assert.equal(more('pollux_attempts_total', { result: 'http_429' }), 1);
    assert.equal(more('pollux_attempts_total', { result: 'http_503' }), 1);
    assert.equal(more('pollux_attempts_total', { result: 'truncated' }), 1);
    assert.equal(more('pollux_attempts_total', { result: 'empty' }), 1);
    assert.equal(more('pollux_attempts_total', { result: 'error_in_stream' }), 1);
    assert.equal(more('pollux_attempts_total', { result: 'http_400' }), 1);
    assert.equal(more('pollux_attempts_total', { result: 'ok' }), 5);
    assert.equal(more('pollux_requests_total', { status: 200 }), 5);
    assert.equal(more('pollux_requests_total', { status: 400, model: MODEL }), 1);
    assert.equal(more('pollux_requests_total', { status: 401 }), 1);
    assert.equal(more('pollux_request_outcomes_total', { outcome: 'failed' }), 2);
  });

  it('show what is under way, and forget who has left', async () => {
    const connection = await openRaw(pollux.url);
    connection.send(requestText(pollux.url + STREAM, { method: 'POST', headers: { 'x-goog-api-key': TOKEN },
      body: JSON.stringify(prompt('hello [events=1000] [pause=100]')) }));
    await connection.readHead();
    assert.equal((await scrape(pollux)).sum('pollux_requests_in_flight'), 1);
    connection.destroy();
    await eventually(async () => (await scrape(pollux)).sum('pollux_requests_in_flight') === 0);
    assert.equal((await scrape(pollux)).sum('pollux_request_outcomes_total', { outcome: 'client_gone' }), 1);
  });

  it('show how the keys fare', async () => {
    const id = keyId(play.keys[0]);
    await pollux.admin(`/admin/keys/${id}`, { method: 'PATCH', body: { enabled: false } });
    const metrics = await scrape(pollux);
    assert.equal(metrics.sum('pollux_keys', { state: 'disabled' }), 1);
    assert.equal(metrics.sum('pollux_keys'), 3);
    await pollux.admin(`/admin/keys/${id}`, { method: 'PATCH', body: { enabled: true } });
  });

  it('show policies that do not load', async () => {
    pollux.writePolicy('keys.lua', 'return {');
    await eventually(async () => (await scrape(pollux)).sum('pollux_in_trouble', { part: 'policies' }) === 1);
    pollux.removePolicy('keys.lua');
    await eventually(async () => (await scrape(pollux)).sum('pollux_in_trouble', { part: 'policies' }) === 0);
  });

  it('have no room for names that a client made up', async () => {
    const hostile = Array.from({ length: 300 }, (_, i) => `made-up-${i}`);
    for (const name of [...hostile, 'a"b', 'line%0Abreak', '%FF%FE', 'x'.repeat(5000), 'back\\slash']) {
      const answer = await pollux.post(`/v1beta/models/${name}:generateContent`, prompt('hello'));
      assert.ok(answer.status >= 400, `${name}: ${answer.status}`);
    }
    for (const name of ['a"b', 'line\nbreak', '\u{1F600}', '']) await chat(pollux, { model: name });
    for (const path of ['/', '/nowhere', '/v1beta/nowhere', '/v1/nowhere']) await pollux.call(path);
    await pollux.call('/v1beta/models', { method: 'WHATEVER' });

    const metrics = await scrape(pollux);
    assert.deepEqual(metrics.labels('pollux_requests_total', 'model'), ['', MODEL, 'other']);
    assert.ok(metrics.sum('pollux_requests_total', { model: 'other' }) >= 300);
    assert.ok(metrics.text.length < 60_000, `${metrics.text.length} bytes`);
  });

  it('are answered to many at once', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => pollux.admin('/metrics')));
    for (const answer of answers) parse(answer.text);
  });

  it('never hold a secret', async () => {
    const { text } = await scrape(pollux);
    for (const secret of [...play.keys, TOKEN, pollux.adminToken]) assert.ok(!text.includes(secret));
  });

  it('are accepted by Prometheus\' own check', { skip: !existsSync(PROMTOOL) && 'there is no promtool' }, async () => {
    const { text } = await scrape(pollux);
    const check = spawnSync(PROMTOOL, ['check', 'metrics'], { input: text, encoding: 'utf8' });
    assert.equal(check.stdout + check.stderr, '');
    assert.equal(check.status, 0);
  });
});

describe('a worker that is held up', () => {
  it('shows in the lag of its loop', async (t) => {
    const { pollux } = await stage(t, { env: { WORKERS: '2' }, policies: {
      'auth.lua': 'local auth = {}\nfunction auth.identify() while true do end end\nreturn auth' } });
    const lags = [];
    let over = false;
    const held = Array.from({ length: 8 }, async () => {
      while (!over) await pollux.post(UNARY, prompt('hello'));
    });
    await eventually(async () => {
      lags.push(...(await scrape(pollux)).samples.filter(({ name }) => name === 'pollux_loop_lag_seconds').map(({ value }) => value));
      return lags.some((lag) => lag > 0.02);
    });
    over = true;
    await Promise.all(held);
  });
});
