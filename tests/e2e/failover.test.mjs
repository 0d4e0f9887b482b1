import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { pretty } from '../fake_gemini/delivery.mjs';
import { catalogueReply } from '../fake_gemini/server.mjs';
import { eventsOf, MODEL, prompt, restOf, stage, stateOf, STREAM, textOf, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const isReady = ['ready'];
const DISABLED = ['disabled'];
const RESTS = ['rests'];

// What becomes of the request ("other key" answers it, or the "answer" goes to the client as it is) and of the key.
const ROWS = {
  api_key_invalid: ['other key', DISABLED], api_key_expired: ['other key', DISABLED], api_key_not_found: ['other key', DISABLED],
  multiple_credentials: ['answer', isReady], location_unsupported: ['answer', isReady],
  free_tier_unavailable: ['other key', ['disabled', 'rests']],
  unknown_field: ['answer', isReady], invalid_argument: ['answer', isReady], too_many_tokens: ['answer', isReady],
  payload_too_large: ['answer', isReady],
  token_type_unsupported: ['other key', DISABLED], credentials_missing: ['answer', isReady],
  prepay_depleted: ['other key', DISABLED], prepay_depleted_429: ['other key', DISABLED],
  suspended: ['other key', DISABLED], leaked: ['other key', DISABLED], service_disabled: ['other key', DISABLED],
  method_blocked: ['other key', DISABLED], referrer_blocked: ['other key', DISABLED], ip_blocked: ['other key', DISABLED],
  android_blocked: ['other key', DISABLED], ios_blocked: ['other key', DISABLED], project_denied: ['other key', DISABLED],
  billing_disabled: ['other key', DISABLED],
  file_forbidden: ['answer', isReady], cache_forbidden: ['answer', isReady], unregistered: ['answer', isReady],
  model_not_found: ['answer, perhaps twice', isReady], model_not_found_old: ['answer, perhaps twice', isReady],
  model_closed: ['other key', ['rests']],
  quota_minute: ['other key', RESTS], quota_day: ['other key', RESTS], quota_tokens: ['other key', RESTS],
  quota_zero: ['other key', RESTS], quota_bare: ['other key', RESTS], quota_shared: ['other key', RESTS],
  quota_one_line: ['other key', RESTS], quota_old_style: ['other key', RESTS],
  cancelled: ['again', isReady], internal: ['again', isReady], internal_encountered: ['again', isReady],
  unimplemented: ['answer', isReady], method_not_allowed: ['answer', isReady], length_required: ['answer', isReady],
  bad_gateway: ['again', isReady],
  overloaded: ['again', ['ready', 'rests']], high_demand: ['again', ['ready', 'rests']], unavailable: ['again', ['ready', 'rests']],
  deadline: ['again', isReady],
  forbidden_unknown: ['other key', ['ready', 'rests']],
};

function nextPacificMidnight() {
  const clock = new Intl.DateTimeFormat('en-US', { timeZone: 'America/Los_Angeles', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const quarter = 15 * 60_000;
  let time = (Math.floor(Date.now() / quarter) + 1) * quarter;
  while (clock.format(time) !== '00:00') time += quarter;
  return time;
}

describe('an answer of Google\'s that is a failure', () => {
  let play;
  before(async () => { play = await stage(undefined); });
  beforeEach(async () => {
    play.fake.reset();
    assert.equal((await play.pollux.admin('/admin/reset', { method: 'POST', body: {} })).status, 200);
  });
  after(() => play.close());

  const keyOf = (entry) => play.keyStatus(entry.key);

  for (const [name, [outcome, states]] of Object.entries(ROWS)) {
    it(`${name}: ${outcome}; the key is ${states.join(' or ')}`, async () => {
      play.fake.rule({ row: name });

      const answer = await play.pollux.post(UNARY, prompt(`row ${name}`));

      const [first, second] = play.upstream();
      if (outcome.startsWith('answer')) {
        const expected = catalogueReply(name, { key: first.key, project: play.fake.world.accounts.find(first.key).project, model: MODEL });
        if (outcome === 'answer') {
          assert.equal(play.upstream().length, 1);
          assert.equal(answer.status, expected.status);
          assert.equal(answer.text, expected.error ? pretty({ error: expected.error }) : expected.text);
        } else {
          assert.ok(play.upstream().length <= 2);
        }
      } else {
        assert.equal(answer.status, 200, answer.text);
        assert.equal(textOf(answer), `You said: row ${name}`);
        assert.equal(play.upstream().length, 2);
        if (outcome === 'other key') assert.notEqual(second.key, first.key);
      }
      const state = stateOf(await keyOf(first));
      assert.ok(states.includes(state), `the key is ${state}`);
      assert.ok(!answer.text.includes(first.key), 'the key stands in the answer');
    });
  }

  const restAfter = async (row) => {
    play.fake.rule({ row });
    await play.pollux.post(UNARY, prompt('hi'));
    return (new Date(restOf(await keyOf(play.upstream()[0]))) - Date.now()) / 1000;
  };

  it('a minute\'s 429 rests the key for as long as Google asks', async () => {
    const seconds = await restAfter('quota_minute');
    assert.ok(seconds > 30 && seconds < 50, `${seconds} s`);
  });

  it('a day\'s 429 rests the key until midnight in Los Angeles, whatever its retryDelay says', async () => {
    const seconds = await restAfter('quota_day');
    const midnight = (nextPacificMidnight() - Date.now()) / 1000;
    assert.ok(Math.abs(seconds - midnight) < 120, `${seconds} s instead of ${midnight} s`);
  });

  it('a limit of 0 is never, not later', async () => {
    assert.ok(await restAfter('quota_zero') > 3600);
  });

  it('a 429 rests the key for that model alone', async () => {
    play.fake.rule({ row: 'quota_day' });
    play.fake.rule({ row: 'quota_day' });
    await play.pollux.post(UNARY, prompt('hi'));
    play.fake.clearRules();

    const other = await play.pollux.post(UNARY.replace(MODEL, 'gemini-3.5-flash'), prompt('hi'));

    assert.equal(other.status, 200, other.text);
  });

  it('a gzipped 429 is understood as well', async () => {
    play.fake.rule({ row: 'quota_day' });

    const answer = await play.pollux.post(UNARY, prompt('hi'), { headers: { 'Accept-Encoding': 'gzip' } });

    assert.equal(answer.status, 200);
    assert.equal(stateOf(await keyOf(play.upstream()[0])), 'rests');
  });

  it('the errors of an array stream are understood as well', async () => {
    play.fake.rule({ row: 'api_key_invalid' });

    const answer = await play.pollux.post(STREAM.replace('?alt=sse', ''), prompt('hi'));

    assert.equal(answer.status, 200);
    assert.equal(stateOf(await keyOf(play.upstream()[0])), 'disabled');
  });

  it('a bad signature is repaired and asked again, once', async () => {
    play.fake.rule({ row: 'signature_corrupted' });
    const history = { contents: [
      { role: 'user', parts: [{ text: 'x' }] },
      { role: 'model', parts: [{ functionCall: { name: 'f', args: {} }, thoughtSignature: 'RWJhZA==' }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { n: 3.0 } } }] },
    ] };

    const answer = await play.pollux.post(UNARY, history);

    assert.equal(answer.status, 200, answer.text);
    const [first, second] = play.upstream();
    assert.equal(second.key, first.key);
    assert.match(second.body, /"thoughtSignature":\s*"skip_thought_signature_validator"/);
    assert.equal(stateOf(await keyOf(first)), 'ready');
  });

  it('a cache that the free tier may not have says nothing about generation', async () => {
    play.fake.rule({ row: 'quota_cache_storage', times: 'always' });
    await play.pollux.post('/v1beta/cachedContents', { model: `models/${MODEL}`, ...prompt('x') });
    play.fake.clearRules();

    const { keys } = await play.pollux.status();

    assert.deepEqual(keys.map((key) => stateOf(key)), ['ready', 'ready']);
  });

  it('a stream that fails before it starts is asked again', async () => {
    play.fake.rule({ row: 'quota_minute' });

    const answer = await play.pollux.post(STREAM, prompt('hello'));

    assert.equal(eventsOf(answer.text).length, 3);
    assert.equal(play.upstream().length, 2);
  });
});

describe('a connection of Google\'s that fails', () => {
  let play;
  before(async () => { play = await stage(undefined, { env: { TIME_OUT: '1' } }); });
  beforeEach(async () => {
    play.fake.reset();
    await play.pollux.admin('/admin/reset', { method: 'POST', body: {} });
  });
  after(() => play.close());

  const neverDisabled = async () => assert.ok((await play.pollux.status()).keys.every(({ enabled }) => enabled));

  for (const action of [
    { fault: 'cut_before_head' }, { fault: 'cut_before_head', how: 'tls' }, { fault: 'reset' }, { fault: 'cut_in_head' },
    { fault: 'garbage' }, { fault: 'empty' }, { fault: 'empty_json' }, { fault: 'huge_header' }, { fault: 'hang' },
  ]) {
    it(`${Object.values(action).join(' ')} is asked again`, async () => {
      play.fake.rule(action);

      const answer = await play.pollux.post(UNARY, prompt('hello'));

      assert.equal(answer.status, 200, answer.text);
      assert.equal(textOf(answer), 'You said: hello');
      assert.equal(play.upstream().length, 2);
      await neverDisabled();
    });
  }

  for (const action of [
    { fault: 'cut_before_head' }, { fault: 'reset' }, { fault: 'empty' }, { fault: 'empty_stream' }, { fault: 'hang' },
    { fault: 'error_event' }, { fault: 'error_event', row_in_stream: 'quota_minute' }, { fault: 'error_event', bare: true },
    { fault: 'cut_in_stream', after: 0 }, { fault: 'cut_in_stream', after: 0, how: 'tls' }, { fault: 'stall_in_stream', after: 0 },
  ]) {
    it(`a stream with ${Object.values(action).join(' ')} is asked again`, async () => {
      play.fake.rule(action);

      const answer = await play.pollux.post(STREAM, prompt('hello'));

      assert.equal(answer.status, 200, answer.text);
      const events = eventsOf(answer.text);
      assert.equal(events.length, 3);
      assert.ok(events.every((event) => !event.error), answer.text);
      assert.equal(play.upstream().length, 2);
      await neverDisabled();
    });
  }

  for (const action of [
    { fault: 'cut_in_stream', after: 2 }, { fault: 'cut_in_stream', after: 2, how: 'tls' }, { fault: 'cut_in_stream', after: 2, how: 'reset' },
    { fault: 'cut_in_stream', after: 1, mid_event: true }, { fault: 'stall_in_stream', after: 1 }, { fault: 'no_finish' },
  ]) {
    it(`a stream that had begun and then ${Object.entries(action).join(' ')} ends with an error event`, async () => {
      play.fake.rule(action);

      const answer = await play.pollux.post(STREAM, prompt('hello [events=6]'));

      assert.equal(answer.status, 200);
      const blocks = answer.text.split(/\r?\n\r?\n/).filter(Boolean);
      const last = JSON.parse(blocks.at(-1).slice('data: '.length));
      assert.ok(last.error.code >= 500, blocks.at(-1));
      assert.ok(last.error.message && last.error.status);
      assert.doesNotMatch(answer.text, /finishReason/);
      assert.equal(play.upstream().length, 1);
    });
  }

  it('an error of Google\'s in mid-stream passes as it is, once', async () => {
    play.fake.rule({ fault: 'error_event', after: 2 });

    const answer = await play.pollux.post(STREAM, prompt('hello [events=6]'));

    assert.equal(answer.text.match(/"error"/g).length, 1);
    assert.match(answer.text, /The model is overloaded/);
  });

  for (const action of [{ fault: 'cut_in_body' }, { fault: 'cut_in_body', how: 'tls' }, { fault: 'length_too_long' }]) {
    it(`an answer with ${Object.values(action).join(' ')} is asked again, for it was not passed on yet`, async () => {
      play.fake.rule(action);

      const answer = await play.pollux.post(UNARY, prompt('[chars=200000]'));

      assert.equal(answer.status, 200, answer.text.slice(0, 300));
      assert.equal(textOf(answer).length, 200000);
      assert.equal(play.upstream().length, 2);
      await neverDisabled();
    });
  }

  it('a broken stream that is gzipped cannot take an event: it must not end as if it were whole', async () => {
    play.fake.rule({ fault: 'cut_in_stream', after: 2 });

    const answer = await play.pollux.post(STREAM, prompt('hello [events=6]'), { headers: { 'Accept-Encoding': 'gzip' } }).catch((error) => error);

    if (answer instanceof Error) assert.match(answer.message, /connection ended/);
    else assert.match(answer.header('content-encoding') ? gunzipSync(answer.body).toString() : answer.text, /data: \{"error"/);
  });

  it('a gzipped stream that begins with an error is asked again, too', async () => {
    play.fake.rule({ fault: 'error_event' });

    const answer = await play.pollux.post(STREAM, prompt('hello'), { headers: { 'Accept-Encoding': 'gzip' } });

    const text = answer.header('content-encoding') ? gunzipSync(answer.body).toString() : answer.text;
    assert.equal(eventsOf(text).length, 3);
    assert.doesNotMatch(text, /"error"/);
  });

  it('a kept connection that closes under the next request is replaced without a retry', async (t) => {
    const strict = await stage(t, { keys: ['only'], env: { MAX_RETRIES: '0', WORKERS: '1' } });
    strict.fake.rule({ fault: 'keep_alive_race' });
    await strict.pollux.post(UNARY, prompt('first'));

    const second = await strict.pollux.post(UNARY, prompt('second'));

    assert.equal(second.status, 200, second.text);
    assert.equal(strict.upstream().length, 3);
  });

  it('early hints are skipped, slow bytes are waited for', async () => {
    play.fake.rule({ fault: 'informational', count: 3 });
    play.fake.rule({ fault: 'dribble', bytes: 40, interval_ms: 5 });

    assert.equal(textOf(await play.pollux.post(UNARY, prompt('hinted'))), 'You said: hinted');
    assert.equal(textOf(await play.pollux.post(UNARY, prompt('slow'))), 'You said: slow');
    assert.equal(play.upstream().length, 2);
  });

  it('an answer before the end of the request is not lost', async () => {
    play.fake.rule({ early: true, answer: { status: 413, body: pretty({ error: { code: 413, message: 'too large', status: 'INVALID_ARGUMENT' } }) } });

    const answer = await play.pollux.post(UNARY, prompt('x'.repeat(2_000_000)));

    assert.equal(answer.status, 413, answer.text);
    assert.match(answer.text, /too large/);
  });
});

describe('when nobody can answer', () => {
  it('an exhausted pool says 503 in Google\'s shape, and when to come back', async (t) => {
    const { pollux, fake, upstream } = await stage(t, { keys: ['only'], env: { MAX_WAIT_SECONDS: '0' } });
    fake.rule({ row: 'quota_minute', times: 'always' });
    await pollux.post(UNARY, prompt('hi'));
    fake.clearRequests();

    const answer = await pollux.post(UNARY, prompt('hi'));

    assert.equal(answer.status, 503, answer.text);
    assert.equal(upstream().length, 0);
    const seconds = Number(answer.header('retry-after'));
    assert.ok(seconds > 20 && seconds < 60, `Retry-After: ${answer.header('retry-after')}`);
    assert.equal(answer.json().error.status, 'UNAVAILABLE');
    assert.match(answer.json().error.message, /pollux/i);
  });

  it('an empty pool says 503, and is not ready', async (t) => {
    const { pollux } = await stage(t, { keys: [] });

    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 503);
    assert.equal((await pollux.call('/ready', { token: null })).status, 503);
    assert.equal((await pollux.call('/health', { token: null })).status, 200);
  });

  it('retries end where MAX_RETRIES says, with Google\'s last word', async (t) => {
    const { pollux, fake, upstream } = await stage(t, { keys: ['1', '2', '3', '4', '5', '6'], env: { MAX_RETRIES: '2' } });
    fake.rule({ row: 'leaked', times: 'always' });

    const answer = await pollux.post(UNARY, prompt('hi'));

    assert.equal(upstream().length, 3);
    assert.equal(new Set(upstream().map(({ key }) => key)).size, 3);
    assert.ok(answer.status >= 400);
    assert.notEqual(answer.status, 401);
  });

  it('an upstream that nobody listens on is a 502', async (t) => {
    const server = createServer();
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    const { port } = server.address();
    await new Promise((done) => { server.close(done); });
    const { pollux } = await stage(t, { env: { GEMINI_BASE_URL: `https://127.0.0.1:${port}` } });

    const answer = await pollux.post(UNARY, prompt('hi'));

    assert.equal(answer.status, 502, answer.text);
    assert.ok(answer.header('x-pollux-error'));
    assert.match(answer.json().error.message, /refused|connect|reach/i);
  });

  it('an upstream that dies and comes back is found again', async (t) => {
    const { pollux, fake } = await stage(t);
    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 200);
    await fake.goDown();
    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 502);
    await fake.comeBack();

    await eventually(async () => (await pollux.post(UNARY, prompt('hi'))).status === 200);
    assert.ok((await pollux.status()).keys.every(({ enabled }) => enabled));
  });

  for (const certificate of ['unknown_ca', 'wrong_host', 'expired']) {
    it(`a certificate that cannot be trusted is a 502 that says why: ${certificate}`, async (t) => {
      const { pollux, fake, upstream } = await stage(t, { fake: { certificate } });

      const answer = await pollux.post(UNARY, prompt('hi'));

      assert.equal(answer.status, 502, answer.text);
      assert.match(answer.json().error.message, { unknown_ca: /certificate|trust|CA/i, wrong_host: /certificate|host|name/i, expired: /expired/i }[certificate]);
      assert.equal(upstream().length, 0);
      await eventually(() => fake.stats().tls_failures.length > 0 || fake.stats().connections.length > 0);
    });
  }
});
