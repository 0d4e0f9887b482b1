import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { GoogleGenAI } from 'genai3';
import OpenAI from 'openai';

import { changeClient, makeClient, readClient } from './harness/clients.mjs';
import { ask, inParallel, keepAliveAgent } from './harness/load.mjs';
import { ADMIN_TOKEN, TOKEN } from './harness/pollux.mjs';
import { MODEL, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually, pause } from './harness/wait.mjs';

const LIST = '/v1beta/models';
const COUNT = `/v1beta/models/${MODEL}:countTokens`;

describe('the administration of clients', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined);
    pollux = play.pollux;
  });
  after(() => play.close());

  const admin = (path, method, body) => pollux.admin(`/admin/clients${path}`, { method, body });
  const generate = (token) => pollux.post(UNARY, prompt('hi'), { token });

  it('makes a client whose token is shown once and works at once', async () => {
    const client = await makeClient(pollux, { name: 'Ann', tags: ['friend'], models: ['gemini-*'], rpm: 60, daily_requests: 1000,
      daily_tokens: 5e9, expires_at: '2099-01-01T00:00:00+01:00' });

    assert.match(client.token, /^pollux-[\w-]{32}$/);
    assert.equal((await generate(client.token)).status, 200);
    const { token, ...shown } = client;
    const { usage, last_used: lastUsed, ...now } = await readClient(pollux, client);
    assert.deepEqual(Object.keys(shown), ['id', 'name', 'tags', 'models', 'rpm', 'daily_requests', 'daily_tokens', 'expires_at', 'enabled',
      'created_at', 'last_used', 'from_settings', 'token_hint', 'usage']);
    assert.deepEqual([shown.last_used, shown.usage.requests_today], [null, 0]);
    assert.deepEqual(now, { id: client.id, name: 'Ann', tags: ['friend'], models: ['gemini-*'], rpm: 60, daily_requests: 1000,
      daily_tokens: 5e9, expires_at: '2098-12-31T23:00:00.000Z', enabled: true, created_at: client.created_at, from_settings: false,
      token_hint: `…${token.slice(-4)}` });
    assert.deepEqual([usage.requests_this_minute, usage.requests_today], [1, 1]);
    assert.ok(usage.tokens_today > 0);
    assert.ok(new Date(usage.resets_at) > new Date() && new Date(usage.resets_at) - new Date() <= 25 * 3_600_000);
    assert.ok(new Date() - new Date(lastUsed) < 60_000);
    const list = await admin('');
    assert.ok(list.json().clients.some(({ id }) => id === client.id));
    assert.ok(!list.text.includes(token));
    assert.ok(!pollux.log().includes(token));
    assert.ok(!readFileSync(join(pollux.folder, 'data/pollux.db')).includes(token));
  });

  it('takes a token that the owner gives', async () => {
    const client = await makeClient(pollux, { name: 'given', token: 'sk-123456' });

    assert.deepEqual([client.token, client.token_hint], ['sk-123456', null]);
    assert.equal((await generate('sk-123456')).status, 200);
  });

  it('changes what is given and leaves the rest, with effect on the next request', async () => {
    const client = await makeClient(pollux, { name: 'changing', rpm: 5, models: ['gemini-*'] });

    const changed = await changeClient(pollux, client, { name: 'changed', rpm: null, models: null, daily_requests: 1 });

    assert.deepEqual([changed.name, changed.rpm, changed.models, changed.daily_requests], ['changed', null, [], 1]);
    assert.equal((await generate(client.token)).status, 200);
    assert.equal((await generate(client.token)).status, 429);
    await changeClient(pollux, client, { daily_requests: 2 });
    assert.equal((await generate(client.token)).status, 200);
    await changeClient(pollux, client, { enabled: false });
    assert.equal((await generate(client.token)).status, 401);
  });

  it('gives a client another token', async () => {
    const client = await makeClient(pollux, 'token changer');

    const changed = (await admin(`/${client.id}/token`, 'POST')).json();

    assert.equal(changed.id, client.id);
    assert.notEqual(changed.token, client.token);
    assert.equal((await generate(client.token)).status, 401);
    assert.equal((await generate(changed.token)).status, 200);
    assert.equal((await admin(`/${client.id}/token`, 'POST', { token: 'its-own-choice' })).json().token, 'its-own-choice');
    assert.equal((await generate('its-own-choice')).status, 200);
  });

  it('removes a client at once', async () => {
    const client = await makeClient(pollux, 'short-lived');

    const removed = await admin(`/${client.id}`, 'DELETE');

    assert.deepEqual([removed.status, removed.json()], [200, { removed: client.id }]);
    assert.equal((await generate(client.token)).status, 401);
    for (const [path, method] of [['', 'GET'], ['', 'PATCH'], ['', 'DELETE'], ['/token', 'POST']]) {
      const answer = await admin(`/${client.id}${path}`, method, method === 'PATCH' ? { rpm: 1 } : undefined);
      assert.deepEqual([answer.status, answer.json().error.field], [404, 'id'], method + path);
    }
  });

  it('limits and disables a client of ALLOWED_TOKENS, and neither removes it nor changes its token', async () => {
    const own = (await admin('')).json().clients.find(({ from_settings: given }) => given);
    assert.equal(own.token_hint, `…${TOKEN.slice(-4)}`);

    const removed = await admin(`/${own.id}`, 'DELETE');

    assert.equal(removed.status, 409);
    assert.match(removed.json().error.message, /ALLOWED_TOKENS/);
    assert.equal((await admin(`/${own.id}/token`, 'POST')).status, 409);
    await changeClient(pollux, own, { enabled: false, name: 'from settings' });
    assert.equal((await generate(TOKEN)).status, 401);
    await changeClient(pollux, own, { enabled: true });
    assert.equal((await generate(TOKEN)).status, 200);
  });

  it('names what is wrong', async () => {
    const { id } = await makeClient(pollux, { name: 'taken', token: 'taken-token' });
    const wrong = [
      ['', 'POST', undefined, 'name'], ['', 'POST', {}, 'name'], ['', 'POST', { name: '' }, 'name'], ['', 'POST', { name: 7 }, 'name'],
      ['', 'POST', { name: 'x'.repeat(101) }, 'name'], ['', 'POST', { name: 'a\nb' }, 'name'], ['', 'POST', { name: null }, 'name'],
      ['', 'POST', { name: 'a', token: 'short' }, 'token'], ['', 'POST', { name: 'a', token: 7 }, 'token'],
      ['', 'POST', { name: 'a', token: 'with a blank' }, 'token'], ['', 'POST', { name: 'a', token: ADMIN_TOKEN }, 'token'],
      ['', 'POST', { name: 'a', tags: 'friend' }, 'tags'], ['', 'POST', { name: 'a', tags: [''] }, 'tags'],
      ['', 'POST', { name: 'a', models: 'gemini-*' }, 'models'], ['', 'POST', { name: 'a', models: ['a b'] }, 'models'],
      ['', 'POST', { name: 'a', models: [1] }, 'models'], ['', 'POST', { name: 'a', rpms: 1 }, 'rpms'],
      ['', 'POST', { name: 'a', id: 'b' }, 'id'], ['', 'POST', { name: 'a', usage: {} }, 'usage'],
      ['', 'POST', { name: 'a', enabled: 1 }, 'enabled'], ['', 'POST', { name: 'a', expires_at: 'tomorrow' }, 'expires_at'],
      ['', 'POST', { name: 'a', expires_at: 1795248000 }, 'expires_at'],
      ...['rpm', 'daily_requests', 'daily_tokens'].flatMap((field) => [0, -1, 1.5, '5', true, 1e16, 1e300]
        .map((value) => ['', 'POST', { name: 'a', [field]: value }, field])),
      [`/${id}`, 'PATCH', { token: 'another-token' }, 'token'], [`/${id}`, 'PATCH', { rpm: 'many' }, 'rpm'],
      [`/${id}`, 'PATCH', { created_at: null }, 'created_at'], [`/${id}/token`, 'POST', { name: 'a' }, 'name'],
      ['?limit=5', 'GET', undefined, 'limit'], [`/${id}?x=1`, 'GET', undefined, 'x'],
    ];
    for (const [path, method, body, field] of wrong) {
      const answer = await admin(path, method, body);
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], JSON.stringify([path, method, body]));
      assert.ok(!answer.text.includes(ADMIN_TOKEN));
    }
    for (const [path, method, body, field] of [['', 'POST', { name: 'taken' }, 'name'], ['', 'POST', { name: 'b', token: 'taken-token' }, 'token']]) {
      const answer = await admin(path, method, body);
      assert.deepEqual([answer.status, answer.json().error.field], [409, field]);
    }
    assert.match((await admin('', 'POST', { name: 'a', rpms: 1 })).json().error.message, /expected some of .*, token$/);
    assert.doesNotMatch((await admin(`/${id}`, 'PATCH', { rpms: 1 })).json().error.message, /, token/);
    assert.equal((await admin('', 'PUT', {})).status, 405);
    assert.equal((await admin(`/${id}`, 'POST', {})).status, 405);
    assert.equal((await admin(`/${id}`, 'PATCH', {})).status, 400);
    assert.equal((await pollux.call('/admin/clients', { token: TOKEN })).status, 401);
  });

  it('stays quick with thousands of clients', async () => {
    const agent = keepAliveAgent(8);
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    const made = await inParallel(1500, 8, (i) => ask(agent, `${pollux.url}/admin/clients`, { headers,
      body: JSON.stringify({ name: `one of many ${i}`, token: `token-of-one-of-many-${i}` }) }));
    agent.destroy();
    assert.ok(made.every(({ status }) => status === 201));

    assert.equal((await generate('token-of-one-of-many-777')).status, 200);
    assert.ok((await admin('')).json().clients.length > 1500);
  });
});

describe('a client\'s limits', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['1', '2', '3'], env: { WORKERS: '4' } });
    pollux = play.pollux;
  });
  after(() => play.close());

  const generate = (token, path = UNARY) => pollux.post(path, prompt('hi'), { token });

  it('refuse more than its requests a minute in Google\'s words, with the time to wait', async () => {
    const { token } = await makeClient(pollux, { name: 'minute', rpm: 2 });
    assert.equal((await generate(token)).status, 200);
    assert.equal((await generate(token, STREAM)).status, 200);

    const refused = await generate(token);

    assert.equal(refused.status, 429);
    assert.equal(refused.header('x-pollux-error'), 'client_limit');
    const wait = Number(refused.header('retry-after'));
    assert.ok(wait > 50 && wait <= 61, `Retry-After: ${wait}`);
    const { error } = refused.json();
    assert.deepEqual([error.code, error.status], [429, 'RESOURCE_EXHAUSTED']);
    assert.match(error.message, /^Pollux: .*2 requests a minute.* in \d+ s/);
    for (const [path, body] of [[LIST, undefined], [COUNT, prompt('hi')], ['/v1beta/files', undefined]]) {
      const free = await pollux.call(path, { token, method: body ? 'POST' : 'GET', body: body ? JSON.stringify(body) : '' });
      assert.equal(free.status, 200, path);
    }
  });

  it('are told to OpenAI\'s SDK as its own rate limits', async () => {
    const { token } = await makeClient(pollux, { name: 'openai minute', rpm: 1 });
    const openai = new OpenAI({ apiKey: token, baseURL: `${pollux.url}/v1`, maxRetries: 0 });
    const chat = () => openai.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] });
    await chat();

    await assert.rejects(chat(), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.deepEqual([error.type, error.code, error.headers.get('x-pollux-error')], ['rate_limit_error', 'rate_limit_exceeded', 'client_limit']);
      assert.ok(Number(error.headers.get('retry-after')) > 50);
      return true;
    });
    await openai.models.list();
  });

  it('are told to @google/genai as Google would', async () => {
    const { token } = await makeClient(pollux, { name: 'genai day', daily_requests: 1 });
    const ai = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl: pollux.url, retryOptions: { attempts: 1 } } });
    const generation = () => ai.models.generateContent({ model: MODEL, contents: 'hi' });
    await generation();

    await assert.rejects(generation(), (error) => error.status === 429 && /1 requests a day.*midnight in Los Angeles/.test(error.message));
  });

  it('count tokens once they are known, of streams as of answers in one piece', async () => {
    for (const [name, path] of [['tokens', UNARY], ['streamed tokens', STREAM]]) {
      const client = await makeClient(pollux, { name, daily_tokens: 1 });
      assert.equal((await generate(client.token, path)).status, 200);
      await eventually(async () => (await readClient(pollux, client)).usage.tokens_today > 1);

      const refused = await generate(client.token, path);

      assert.equal(refused.status, 429);
      assert.match(refused.json().error.message, /1 tokens a day/);
      assert.ok(Number(refused.header('retry-after')) > 0);
    }
  });

  it('count the tokens of Google\'s OpenAI prefix and of interactions', async () => {
    for (const [path, body] of [['/v1beta/openai/chat/completions', { model: MODEL, messages: [{ role: 'user', content: 'hi' }] }],
      ['/v1beta/openai/chat/completions', { model: MODEL, stream: true, stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'hi' }] }],
      ['/v1beta/interactions', { model: MODEL, input: 'hi' }], ['/v1beta/interactions', { model: MODEL, input: 'hi', stream: true }]]) {
      const client = await makeClient(pollux, { name: `${path} ${Boolean(body.stream)}`, daily_tokens: 1000 });
      assert.equal((await pollux.post(path, body, { token: client.token })).status, 200, path);
      if (path.includes('openai') && body.stream) continue;  // The fake's streams there tell none.
      await eventually(async () => (await readClient(pollux, client)).usage.tokens_today > 0, { what: path });
    }
  });

  it('refuse a client with a limit of tokens what nobody could count', async () => {
    const { token } = await makeClient(pollux, { name: 'uncounted', daily_tokens: 1000 });
    for (const [path, body] of [['/v1beta/openai/chat/completions', { model: MODEL, stream: true, messages: [] }],
      ['/v1beta/interactions', { model: MODEL, input: 'hi', background: true }],
      [`/v1beta/models/${MODEL}:batchGenerateContent`, { batch: {} }], ['/v1alpha/auth_tokens', {}]]) {
      assert.equal((await pollux.post(path, body, { token })).status, 403, path);
    }
  });

  it('are not eaten by what is refused before it leaves', async () => {
    const client = await makeClient(pollux, { name: 'clumsy', rpm: 2, models: [MODEL] });
    for (const [path, body] of [['/v1beta/models/gemini-3.8-flash:generateContent', prompt('hi')], ['/v1/chat/completions', 'no JSON'],
      ['/v1/chat/completions', { model: MODEL }], ['/v1/responses', {}], [`/v1beta/models/${MODEL}-search:generateContent`, 'no JSON']]) {
      const { status } = await pollux.post(path, body, { token: client.token });
      assert.ok(status >= 400 && status < 429, `${path}: ${status}`);
    }
    assert.deepEqual((await readClient(pollux, client)).usage, { ...(await readClient(pollux, client)).usage, requests_this_minute: 0, requests_today: 0 });
    assert.equal((await generate(client.token)).status, 200);
  });

  it('hold for all workers together under load', async () => {
    const client = await makeClient(pollux, { name: 'crowd', rpm: 40, daily_requests: 50 });
    const agent = keepAliveAgent(32);
    const headers = { 'x-goog-api-key': client.token, 'Content-Type': 'application/json' };
    play.fake.clearRequests();

    const answers = await inParallel(300, 32, (i) => ask(agent, pollux.url + (i % 3 ? UNARY : STREAM), { headers, body: JSON.stringify(prompt(`n ${i}`)) }));
    agent.destroy();

    const count = (wanted) => answers.filter(({ status }) => status === wanted).length;
    assert.deepEqual([count(200), count(429)], [40, 260]);
    assert.equal(play.upstream().length, 40);
    assert.equal((await readClient(pollux, client)).usage.requests_today, 40);
  });

  it('end with its time', async () => {
    const { token } = await makeClient(pollux, { name: 'guest', expires_at: new Date(Date.now() + 2000).toISOString() });
    assert.equal((await generate(token)).status, 200);

    const refused = await eventually(async () => {
      const answer = await generate(token);
      return answer.status !== 200 && answer;
    });

    assert.equal(refused.status, 401);
    assert.match(refused.json().error.message, /expired on 20/);
    assert.equal(refused.json().error.status, 'UNAUTHENTICATED');
    assert.match((await pollux.post('/v1/chat/completions', {}, { token: null, headers: { Authorization: `Bearer ${token}` } })).text, /expired on/);
  });

  it('name the client that was refused in the log', async () => {
    const client = await makeClient(pollux, { name: 'known-by-name', enabled: false });

    assert.match((await generate(client.token)).json().error.message, /disabled/);

    await pollux.waitForLog(/exchange .*client=known-by-name .*reason=unauthorized/);
  });

  it('let requests pass again when the minute is over', { timeout: 120_000 }, async () => {
    const { token } = await makeClient(pollux, { name: 'patient', rpm: 1 });
    assert.equal((await generate(token)).status, 200);
    const refused = await generate(token);
    assert.equal(refused.status, 429);

    await pause(Number(refused.header('retry-after')) * 1000);

    assert.equal((await generate(token)).status, 200);
  });
});

describe('a client after a restart', () => {
  const generate = (pollux, token) => pollux.post(UNARY, prompt('hi'), { token });

  it('has its limits and what it has used of them, also after a kill -9', async (t) => {
    const play = await stage(t);
    const client = await makeClient(play.pollux, { name: 'lasting', rpm: 3, daily_requests: 4, tags: ['friend'], models: ['gemini-*'] });
    for (let i = 0; i < 2; i += 1) assert.equal((await generate(play.pollux, client.token)).status, 200);

    await play.pollux.stop();
    play.pollux = await play.pollux.restart();

    const { usage } = await readClient(play.pollux, client);
    assert.deepEqual([usage.requests_this_minute, usage.requests_today], [2, 2]);
    assert.ok(usage.tokens_today > 0);
    assert.equal((await generate(play.pollux, client.token)).status, 200);
    assert.equal((await generate(play.pollux, client.token)).status, 429);
    await pause(2500);  // A second at most is lost.

    await play.pollux.kill();
    play.pollux = await play.pollux.restart();

    const found = await readClient(play.pollux, client);
    assert.deepEqual([found.usage.requests_today, found.rpm, found.tags, found.models], [3, 3, ['friend'], ['gemini-*']]);
    assert.equal((await generate(play.pollux, client.token)).status, 429);
    assert.ok(found.last_used);
  });

  it('of ALLOWED_TOKENS keeps what was changed while the variable names it, and again when it does', async (t) => {
    const play = await stage(t, { env: { ALLOWED_TOKENS: `${TOKEN},another-given-token` } });
    const ownOf = async (pollux) => (await pollux.admin('/admin/clients')).json().clients;
    const [first, second] = await ownOf(play.pollux);
    assert.deepEqual([first.name, second.name], ['token-1', 'token-2']);
    await changeClient(play.pollux, first, { daily_requests: 1, name: 'mine' });
    await changeClient(play.pollux, second, { enabled: false });
    assert.equal((await generate(play.pollux, TOKEN)).status, 200);

    await play.pollux.kill();
    play.pollux = await play.pollux.restart();
    assert.equal((await generate(play.pollux, 'another-given-token')).status, 401);
    assert.deepEqual((await ownOf(play.pollux)).map(({ name, daily_requests: most }) => [name, most]), [['mine', 1], ['token-2', null]]);

    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { ALLOWED_TOKENS: 'another-given-token' } });
    assert.match((await generate(play.pollux, TOKEN)).json().error.message, /unknown/);

    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { ALLOWED_TOKENS: TOKEN } });
    const mine = await readClient(play.pollux, first);
    assert.deepEqual([mine.name, mine.daily_requests, mine.from_settings], ['mine', 1, true]);
  });
});
