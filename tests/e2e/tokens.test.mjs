import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { makeKey } from '../fake_gemini/server.mjs';
import { makeClient } from './harness/clients.mjs';
import { ADMIN_TOKEN, spawnPollux, startPollux, TOKEN } from './harness/pollux.mjs';
import { keyId, prompt, stage, UNARY } from './harness/stage.mjs';

describe('a client\'s token', () => {
  let play;
  before(async () => { play = await stage(undefined); });
  after(() => play.close());

  const ask = (headers, path = UNARY) => play.pollux.post(path, prompt('hi'), { token: null, headers });
  const lastNames = () => play.upstream().at(-1).headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());

  for (const [way, headers, query] of [
    ['Authorization: Bearer', { Authorization: `Bearer ${TOKEN}` }, ''],
    ['x-goog-api-key', { 'x-goog-api-key': TOKEN }, ''],
    ['x-api-key', { 'x-api-key': TOKEN }, ''],
    ['the query', {}, `?key=${TOKEN}`],
  ]) {
    it(`is taken from ${way}, and one pool key goes upstream in its place`, async () => {
      const answer = await ask(headers, UNARY + query);

      assert.equal(answer.status, 200, answer.text);
      const entry = play.upstream().at(-1);
      assert.equal(entry.credentials.length, 1);
      assert.equal(entry.credentials[0].via, 'x-goog-api-key');
      assert.ok(play.keys.includes(entry.key));
      assert.equal(entry.url, UNARY);
    });
  }

  for (const [what, headers] of [['a wrong one', { 'x-goog-api-key': 'wrong' }], ['none', {}], ['an empty one', { Authorization: 'Bearer ' }]]) {
    it(`is refused in Google's error shape when it is ${what}`, async () => {
      play.fake.clearRequests();

      const answer = await ask(headers);

      assert.equal(answer.status, 401);
      assert.equal(answer.json().error.code, 401);
      assert.equal(answer.json().error.status, 'UNAUTHENTICATED');
      assert.match(answer.json().error.message, /pollux/i);
      assert.ok(answer.header('x-pollux-error'));
      assert.equal(play.upstream().length, 0);
    });
  }

  it('does not open the door when it is a Google key of the pool', async () => {
    assert.equal((await ask({ 'x-goog-api-key': play.keys[0] })).status, 401);
  });

  it('leaves no other credential, cookie or address of the client\'s on the way', async () => {
    await ask({
      'x-goog-api-key': TOKEN, Authorization: 'Bearer other', 'x-api-key': 'other', 'api-key': 'other', Cookie: 'SID=1',
      'x-goog-user-project': 'p', 'OpenAI-Organization': 'o', 'OpenAI-Project': 'p', 'Proxy-Authorization': 'Basic eA==',
      'X-Forwarded-For': '203.0.113.1', Origin: 'https://example.org', Referer: 'https://example.org/page',
    }, `${UNARY}?access_token=ya29.x&key=${TOKEN}`);

    // The Bearer comes first and is wrong: the request must not have passed with it.
    assert.ok(!play.upstream().at(-1)?.headers.includes('other'));
    await ask({
      'x-goog-api-key': TOKEN, 'api-key': 'other', Cookie: 'SID=1', 'x-goog-user-project': 'p', 'OpenAI-Organization': 'o',
      'OpenAI-Project': 'p', 'Proxy-Authorization': 'Basic eA==', 'X-Forwarded-For': '203.0.113.1',
      Origin: 'https://example.org', Referer: 'https://example.org/page',
    }, `${UNARY}?access_token=ya29.x&$.xgafv=2`);

    const names = lastNames();
    assert.equal(play.upstream().at(-1).url, `${UNARY}?$.xgafv=2`);
    for (const name of ['authorization', 'x-api-key', 'api-key', 'cookie', 'x-goog-user-project', 'openai-organization',
      'openai-project', 'proxy-authorization', 'x-forwarded-for', 'origin', 'referer']) {
      assert.ok(!names.includes(name), name);
    }
  });

  it('goes with the hop-by-hop headers, named ones too, while the others stay', async () => {
    await ask({ 'x-goog-api-key': TOKEN, Connection: 'keep-alive, X-Mine', 'X-Mine': '1', 'Keep-Alive': 'timeout=5', TE: 'trailers',
      'Proxy-Connection': 'keep-alive', 'x-goog-api-client': 'google-genai-sdk/3.1.0', 'X-Server-Timeout': '30', 'X-Other': 'stays' });

    const names = lastNames();
    for (const name of ['x-mine', 'keep-alive', 'te', 'proxy-connection']) assert.ok(!names.includes(name), name);
    for (const name of ['x-goog-api-client', 'x-server-timeout', 'x-other', 'content-type']) assert.ok(names.includes(name), name);
  });

  it('may be one of several', async (t) => {
    const other = await stage(t, { env: { ALLOWED_TOKENS: 'alpha-token-0001|beta-token-0002' } });

    for (const token of ['alpha-token-0001', 'beta-token-0002']) {
      assert.equal((await other.pollux.post(UNARY, prompt('hi'), { token })).status, 200);
    }
    assert.equal((await other.pollux.post(UNARY, prompt('hi'), { token: 'alpha-token-0001|beta-token-0002' })).status, 401);
  });

  it('becomes a Bearer with the pool\'s key on Google\'s OpenAI prefix', async () => {
    const body = { model: 'gemini-3.5-flash', messages: [{ role: 'user', content: 'hi' }] };

    const answer = await play.pollux.post('/v1beta/openai/chat/completions', body, { token: null, headers: { Authorization: `Bearer ${TOKEN}` } });

    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(play.upstream().at(-1).credentials.map(({ via }) => via), ['bearer']);
  });
});

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((one) => one.isFile())
    .map((one) => join(one.parentPath ?? one.path, one.name));
}

/** The secret that is shown after these words, on the same line or soon below. */
const shownAfter = (words, text) => text.match(new RegExp(`${words}[\\s\\S]{0,300}?(?<![\\w/-])([A-Za-z0-9_-]{20,})(?![\\w/])`, 'i'))?.[1];

describe('without client tokens configured', () => {
  it('one is made at first start, shown once, kept hashed, and works after a restart', async (t) => {
    const play = await stage(t, { env: { ALLOWED_TOKENS: null } });
    const token = shownAfter('client token', play.pollux.log());
    assert.ok(token, `no token in the log:\n${play.pollux.log()}`);
    assert.equal((await play.pollux.post(UNARY, prompt('hi'), { token })).status, 200);
    assert.equal((await play.pollux.post(UNARY, prompt('hi'), { token: null })).status, 401);
    await play.pollux.stop();
    for (const file of filesBelow(play.pollux.folder)) {
      assert.ok(!readFileSync(file).includes(token), `${file} holds the token as it is`);
    }

    play.pollux = await play.pollux.restart();

    assert.equal((await play.pollux.post(UNARY, prompt('hi'), { token })).status, 200);
    assert.equal(shownAfter('client token', play.pollux.log()), undefined);
    assert.ok(!play.pollux.log().includes(token));
  });

  it('an administrator\'s password is made likewise', async (t) => {
    const pollux = await startPollux({ env: { AUTH_TOKEN: null } });
    t.after(() => pollux.remove());
    pollux.adminToken = shownAfter('administrator', pollux.log());
    assert.ok(pollux.adminToken, `no password in the log:\n${pollux.log()}`);

    assert.equal((await pollux.admin('/admin/status')).status, 200);
    await pollux.stop();
  });
});

describe('a token is no key', () => {
  const warningsOf = async (pollux) => (await pollux.status()).warnings.join('\n');

  it('and is refused as one, by itself and in a text, whoever has it', async (t) => {
    const { pollux, keys } = await stage(t, { keys: ['one'] });
    const add = (body) => pollux.admin('/admin/keys', { method: 'POST', body });
    const { token } = await makeClient(pollux, { name: 'Ann', token: makeKey('of-a-client') });
    for (const [secret, reason] of [[ADMIN_TOKEN, /administrator's token/], [TOKEN, /client's token/], [token, /client's token/]]) {
      const one = await add({ key: secret });
      assert.deepEqual([one.status, one.json().error.field], [400, 'key'], one.text);
      assert.match(one.json().error.message, reason);
      for (const preview of [true, false]) {
        const text = await add({ text: `GEMINI_API_KEYS=${secret}`, preview });
        assert.equal(text.status, 200, text.text);
        assert.match(text.json().refused[0].reason, reason);
        assert.deepEqual((preview ? text.json().new : text.json().added) ?? [], []);
      }
    }
    assert.deepEqual((await pollux.status()).keys.map(({ id }) => id), [keyId(keys[0])]);
  });

  it('and is refused as one on the command line', async (t) => {
    const pollux = await startPollux();
    t.after(() => pollux.remove());
    await pollux.stop();
    const run = spawnPollux({ args: ['keys', 'add', '--data', join(pollux.folder, 'data'), TOKEN, ADMIN_TOKEN, makeKey('one')],
      env: { PATH: process.env.PATH, ALLOWED_TOKENS: TOKEN, AUTH_TOKEN: ADMIN_TOKEN }, cwd: pollux.folder });
    assert.equal((await run.exited).code, 1);
    assert.match(run.stderr, /client's token[^]*administrator's token/);
    assert.equal(run.stdout.trim(), `${keyId(makeKey('one'))} added`);
  });

  it('nor is a key of the pool a token', async (t) => {
    const { pollux, keys } = await stage(t, { keys: ['one'] });
    const answer = await pollux.admin('/admin/clients', { method: 'POST', body: { name: 'Ann', token: keys[0] } });
    assert.deepEqual([answer.status, answer.json().error.field], [400, 'token'], answer.text);
  });

  it('and is left out at the start, with a warning', async (t) => {
    const good = makeKey('one');
    const { pollux } = await stage(t, { env: { GEMINI_API_KEYS: [good, TOKEN, ADMIN_TOKEN].join(',') } });
    assert.deepEqual((await pollux.status()).keys.map(({ id }) => id), [keyId(good)]);
    assert.match(pollux.log(), /take it out of GEMINI_API_KEYS or KEY_FILE.*administrator's token/);
    assert.match(pollux.log(), /take it out of GEMINI_API_KEYS or KEY_FILE.*client's token/);
    assert.equal(await warningsOf(pollux), '');
  });

  it('and ALLOWED_TOKENS that names a key of the pool, or AUTH_TOKEN, is warned of', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { GEMINI_API_KEYS: null, ALLOWED_TOKENS: [TOKEN, play.keys[0], ADMIN_TOKEN].join(',') } });
    const { pollux } = play;
    for (const told of [pollux.log(), await warningsOf(pollux)]) {
      assert.match(told, /the token of the client token-2 \(ALLOWED_TOKENS\) is the key key-\w+ of the pool as well/);
      assert.match(told, /AUTH_TOKEN is the token of the client token-3 \(ALLOWED_TOKENS\) as well/);
    }
    assert.deepEqual((await pollux.call('/ready', { token: null })).json().warnings, [], 'only the administrator is told');
    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 200);
  });
});
