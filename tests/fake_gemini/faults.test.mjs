import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';

import { openRaw, rawRequest, requestText } from '../e2e/harness/raw.mjs';
import { eventually } from '../e2e/harness/wait.mjs';
import { catalogue, makeKey, startFakeGemini } from './server.mjs';

const KEY = makeKey('good');
const UNARY = '/v1beta/models/gemini-3.5-flash-lite:generateContent';
const STREAM = '/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse';
const body = JSON.stringify({ contents: [{ parts: [{ text: 'hi' }] }] });
const asked = (more = {}) => ({ method: 'POST', body, headers: { 'x-goog-api-key': KEY, ...more } });

describe('the fake goes wrong on command', () => {
  let fake;
  const ask = (path, fault) => rawRequest(`${fake.url}${path}`, asked(fault && { 'x-fake': fault }));
  /** All bytes until the connection ends. */
  const bytesOf = async (path, fault) => {
    const connection = await openRaw(fake.url);
    connection.send(requestText(`${fake.url}${path}`, asked({ 'x-fake': fault })));
    return (await connection.readToEnd()).toString('latin1');
  };

  before(async () => { fake = await startFakeGemini({ keys: [KEY] }); });
  beforeEach(() => fake.reset());
  after(() => fake.close());

  it('with any row of the catalogue', async () => {
    for (const name of Object.keys(catalogue)) {
      const answer = await ask(UNARY, `row=${name}`);
      assert.ok(answer.status >= 400, name);
      if (/json/.test(answer.header('content-type'))) assert.equal(answer.json().error.code, answer.status, name);
    }
  });

  it('before the head', async () => {
    assert.equal(await bytesOf(UNARY, 'cut_before_head'), '');
    assert.equal(await bytesOf(UNARY, 'reset'), '');
    assert.equal(await bytesOf(UNARY, 'cut_in_head'), 'HTTP/1.1 200 Fake\r\nContent-Type: application/js');
  });

  it('within a body, and with wrong lengths', async () => {
    for (const fault of ['cut_in_body', 'length_too_long']) {
      const text = await bytesOf(UNARY, fault);
      const [head, rest] = text.split('\r\n\r\n');
      assert.ok(rest.length > 0 && rest.length < Number(head.match(/Content-Length: (\d+)/)[1]), fault);
    }
    const short = await ask(UNARY, 'length_too_short');
    assert.throws(() => short.json());
  });

  it('within a stream', async () => {
    const text = await bytesOf(STREAM, 'cut_in_stream; after=2');
    const half = await bytesOf(STREAM, 'cut_in_stream; after=1; mid_event; how=reset');

    assert.equal(text.match(/data: /g).length, 2);
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
    assert.equal(half.match(/data: /g).length, 2);
    assert.equal(half.match(/\r\n\r\n\r\n/g).length, 1);
  });

  it('with an error in a stream, as an event or as a bare block', async () => {
    const first = (await ask(STREAM, 'error_event')).text;
    const third = (await ask(STREAM, 'error_event; after=2; row_in_stream=internal')).text;
    const bare = (await ask(STREAM, 'error_event; after=1; bare')).text;

    assert.match(first, /^data: \{"error": \{"code": 503,/);
    assert.match(third.split('\r\n\r\n')[2], /^data: \{"error": \{"code": 500,/);
    assert.match(bare.split('\r\n\r\n')[1], /^\{\n {2}"error": \{/);
  });

  it('with nothing at all', async () => {
    const empty = await ask(UNARY, 'empty');
    const stream = await ask(STREAM, 'no_finish');

    assert.deepEqual([empty.status, empty.header('content-length'), empty.text], [200, '0', '']);
    assert.deepEqual((await ask(UNARY, 'empty_json')).json(), {});
    assert.doesNotMatch(stream.text, /finishReason/);
    assert.equal(stream.text.match(/"candidates"/g).length, 2);
  });

  it('with odd bytes: garbage, a huge header, early hints, a dribble', async () => {
    assert.doesNotMatch(await bytesOf(UNARY, 'garbage'), /^HTTP/);
    assert.equal((await ask(UNARY, 'huge_header; bytes=5000')).header('x-huge').length, 5000);
    assert.deepEqual((await ask(UNARY, 'informational')).informational, [103, 103]);
    assert.equal((await ask(UNARY, 'dribble; bytes=64')).json().candidates.length, 1);
  });

  it('by closing a kept connection under the next request', async () => {
    const connection = await openRaw(fake.url);
    connection.send(requestText(`${fake.url}${UNARY}`, asked({ 'x-fake': 'keep_alive_race' })));
    assert.equal((await connection.readAnswer()).status, 200);

    connection.send(requestText(`${fake.url}${UNARY}`, asked()));

    assert.equal((await connection.readToEnd()).length, 0);
  });

  it('by rules that count', async () => {
    fake.rule({ match: { key: KEY, nth: 2 }, row: 'overloaded' });
    fake.rule({ match: { body: 'hi' }, times: 1, answer: { status: 418, headers: { 'X-Tea': 'yes' }, body: { tea: true } } });

    const statuses = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await ask(UNARY)).status);

    assert.deepEqual(statuses, [418, 503, 200, 200]);
  });

  it('by a storm that spares the keys it is told to', async () => {
    fake.storm({ p: 1, ways: { die: 1, throttle: 1, fail: 1 }, seed: 7 });
    const stormy = await ask(UNARY);
    fake.storm({ p: 1, spared: [KEY] });

    assert.ok(stormy.status >= 400);
    assert.equal((await ask(UNARY)).status, 200);
  });

  it('through the control endpoint as well', async () => {
    const control = (method, path, value) => rawRequest(`${fake.url}/_fake/${path}`, { method, body: value && JSON.stringify(value) });
    await control('POST', 'rules', [{ row: 'leaked' }]);
    await control('POST', 'keys', { key: makeKey('late'), state: 'expired' });

    assert.equal((await ask(UNARY)).status, 403);
    assert.equal((await control('GET', 'requests')).json().length, 1);
    assert.equal((await control('GET', 'stats')).json().keys[KEY].refused, 1);
    assert.equal((await control('DELETE', 'requests')).status, 200);
    assert.equal(fake.requests().length, 0);
    assert.equal((await control('GET', 'nonsense')).status, 404);
  });

  it('and writes down what it got, also when the client leaves', async () => {
    const connection = await openRaw(fake.url);
    connection.send(requestText(`${fake.url}${STREAM}`, { ...asked(), body: body.replace('hi', 'hi [events=1000] [pause=20]') }));
    await connection.readUntil('data: ');
    connection.destroy();

    await eventually(() => fake.requests()[0].client_aborted);
    const [entry] = fake.requests();
    assert.equal(entry.url, STREAM);
    assert.equal(entry.body_sha256.length, 64);
    assert.deepEqual(entry.credentials, [{ via: 'x-goog-api-key', value: KEY }]);
  });
});

describe('the fake over TLS', () => {
  it('shows a certificate that its own CA vouches for', async () => {
    const fake = await startFakeGemini({ tls: true, keys: [KEY] });
    const ca = readFileSync(fake.caFile, 'utf8');

    const answer = await rawRequest(`${fake.url}${UNARY}`, { ...asked(), ca });

    assert.equal(answer.status, 200);
    assert.equal(fake.requests()[0].tls.sni, 'localhost');
    await fake.close();
  });

  it('can cut below TLS, without a closing word', async () => {
    const fake = await startFakeGemini({ tls: true, keys: [KEY] });
    const ca = readFileSync(fake.caFile, 'utf8');
    for (const how of ['tls', 'reset', 'fin']) {
      const connection = await openRaw(fake.url, { ca });
      connection.send(requestText(`${fake.url}${STREAM}`, asked({ 'x-fake': `cut_in_stream; after=1; how=${how}` })));
      assert.match((await connection.readToEnd()).toString(), /data: /);
    }
    await fake.close();
  });

  for (const certificate of ['unknown_ca', 'wrong_host', 'expired']) {
    it(`can show one that nobody should accept: ${certificate}`, async () => {
      const fake = await startFakeGemini({ tls: true, certificate });
      const ca = readFileSync(fake.caFile, 'utf8');

      await assert.rejects(openRaw(fake.url, { ca }), /certificate|altnames|expired/i);
      await fake.close();
    });
  }
});
