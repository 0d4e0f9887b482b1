import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import { GoogleGenAI } from 'genai3';
import OpenAI from 'openai';
import WebSocket from 'ws';

import { makeKey } from '../fake_gemini/server.mjs';
import { changeClient, makeClient, refusalOf } from './harness/clients.mjs';
import { prompt, stage } from './harness/stage.mjs';

const OURS = 'gemini-3.5-flash-lite';
const THEIRS = 'gemini-3.8-flash';
const EXPRESS = '/v1/publishers/google/models';
const chat = (model) => ({ model, messages: [{ role: 'user', content: 'hi' }] });
const inline = (model) => ({ batch: { inputConfig: { requests: { requests: [{ request: { model, ...prompt('hi') } }] } } } });

describe('a client that may use some models', () => {
  let play;
  let pollux;
  let client;
  let openai;
  before(async () => {
    play = await stage(undefined, { env: { RETRY_BODY_BYTES: '65536' } });
    pollux = play.pollux;
    client = await makeClient(pollux, { name: 'restricted', models: ['gemini-3.5-*', 'gpt-4o-mini', 'gemini-embedding-*'] });
    openai = new OpenAI({ apiKey: client.token, baseURL: `${pollux.url}/v1`, maxRetries: 0 });
  });
  after(() => play.close());
  beforeEach(() => play.fake.clearRequests());

  const post = (path, body, more) => pollux.post(path, body, { token: client.token, ...more });
  const isRefused = (answer, what) => {
    assert.equal(answer.status, 403, `${what}: ${answer.text}`);
    const [, word, message] = refusalOf(answer);
    assert.equal(word, 'model_not_allowed', what);
    assert.match(message, /gemini-3\.5-\*, gpt-4o-mini/, what);
    assert.deepEqual(play.upstream().filter(({ method }) => method !== 'GET').map(({ url }) => url), [], what);
  };

  it('uses them by every way', async () => {
    const good = [
      [`/v1beta/models/${OURS}:generateContent`, prompt('hi')], [`/v1beta/models/${OURS}:streamGenerateContent?alt=sse`, prompt('hi')],
      [`/v1/models/${OURS}:generateContent`, prompt('hi')], [`/gemini/v1beta/models/${OURS}:generateContent`, prompt('hi')],
      [`/v1beta/models/models/${OURS}:generateContent`, prompt('hi')], [`/v1beta/models/${OURS}%3AgenerateContent`, prompt('hi')],
      [`/v1beta/models/${OURS}-search:generateContent`, prompt('hi')], [`/v1beta/models/gpt-4o-mini:generateContent`, prompt('hi')],
      [`${EXPRESS}/${OURS}:generateContent`, prompt('hi')], [`/v1beta/models/${OURS}:countTokens`, prompt('hi')],
      [`/v1beta/models/${OURS}:generateContent`, prompt('hi', { model: `models/${OURS}` })],
      ['/v1beta/models/gemini-embedding-001:embedContent', { content: { parts: [{ text: 'hi' }] } }],
      ['/v1/chat/completions', chat(OURS)], ['/v1/chat/completions', chat('gpt-4o-mini')], ['/v1/chat/completions', chat(`models/${OURS}`)],
      ['/v1beta/openai/chat/completions', chat(OURS)], ['/v1beta/openai/chat/completions', chat(`models/${OURS}`)],
      ['/v1beta/interactions', { model: OURS, input: 'hi' }], [`/v1beta/models/${OURS}:batchGenerateContent`, inline(`models/${OURS}`)],
    ];
    for (const [path, body] of good) assert.equal((await post(path, body)).status, 200, path);
  });

  it('is refused every other model in Google\'s words, whatever the way', async () => {
    const wrong = [
      [`/v1beta/models/${THEIRS}:generateContent`, prompt('hi')], [`/v1beta/models/${THEIRS}:streamGenerateContent?alt=sse`, prompt('hi')],
      [`/v1/models/${THEIRS}:generateContent`, prompt('hi')], [`/gemini/v1beta/models/${THEIRS}:generateContent`, prompt('hi')],
      [`//v1beta//models/${THEIRS}:generateContent`, prompt('hi')], [`/v1/v1beta/models/${THEIRS}:generateContent`, prompt('hi')],
      [`/v1beta/models/models/${THEIRS}:generateContent`, prompt('hi')], [`/v1beta/models/${THEIRS}%3AgenerateContent`, prompt('hi')],
      ['/v1beta/models/gemini-3%2E8-flash:generateContent', prompt('hi')], [`/v1beta/models/%67emini-3.8-flash:generateContent`, prompt('hi')],
      [`/v1beta/models/google%2F${THEIRS}:generateContent`, prompt('hi')], [`/v1beta/models/${THEIRS}-search:generateContent`, prompt('hi')],
      ['/v1beta/models/gpt-4o:generateContent', prompt('hi')], ['/v1beta/models/claude-opus-4-1:generateContent', prompt('hi')],
      [`${EXPRESS}/${THEIRS}:generateContent`, prompt('hi')], [`/v1beta1/publishers/google/models/${THEIRS}:streamGenerateContent`, prompt('hi')],
      [`/v1beta/models/${THEIRS}:countTokens`, prompt('hi')], [`/v1beta/models/${THEIRS}:generateAnswer`, {}],
      [`/v1beta/models/${THEIRS}:predict`, {}], ['/v1beta/models/veo-3.1-generate-preview:predictLongRunning', { instances: [] }],
      [`/v1beta/models/${THEIRS}:embedContent`, { content: {} }], [`/v1beta/models/${THEIRS}:batchGenerateContent`, inline()],
      ['/v1beta/tunedModels/mine:generateContent', prompt('hi')], ['/v1beta/dynamic/mine:generateContent', prompt('hi')],
      [`/v1beta/models/${OURS}:generateContent`, prompt('hi', { model: `models/${THEIRS}` })],
      [`/v1beta/models/${OURS}:countTokens`, { generateContentRequest: { model: `models/${THEIRS}`, ...prompt('hi') } }],
      [`/v1beta/models/gemini-embedding-001:batchEmbedContents`, { requests: [{ model: `models/${THEIRS}`, content: {} }] }],
      [`/v1beta/models/${OURS}:batchGenerateContent`, inline(`models/${THEIRS}`)],
      [`/v1beta/models/${OURS}:batchGenerateContent`, { batch: { inputConfig: { fileName: 'files/x' } } }],
      ['/v1beta/openai/chat/completions', chat(THEIRS)], ['/v1beta/openai/chat/completions', chat(`models/${THEIRS}`)],
      ['/v1beta/openai/embeddings', { model: THEIRS, input: 'hi' }], ['/v1beta/openai/images/generations', { prompt: 'hi' }],
      ['/v1beta/openai/batches', { input_file_id: 'files/x', endpoint: '/v1/chat/completions' }],
      ['/v1beta/interactions', { model: THEIRS, input: 'hi' }], ['/v1beta/interactions', { agent: 'deep-research', input: 'hi' }],
      ['/v1beta/interactions', { model: OURS, agent: 'deep-research', input: 'hi' }], ['/v1/interactions', { model: THEIRS, input: 'hi' }],
      ['/v1beta/cachedContents', { model: `models/${THEIRS}`, ...prompt('hi') }], ['/v1beta/tunedModels', { baseModel: `models/${OURS}` }],
      ['/v1beta/agents', { model: OURS }], ['/v1beta/corpora', {}],
      ['/upload/v1beta/models/x:generateContent', prompt('hi')],
    ];
    for (const [path, body] of wrong) isRefused(await post(path, body), `${path} ${JSON.stringify(body)}`);
  });

  it('is refused in OpenAI\'s words where it speaks OpenAI\'s', async () => {
    const calls = [
      () => openai.chat.completions.create(chat(THEIRS)), () => openai.chat.completions.create(chat('gpt-4o')),
      () => openai.chat.completions.create({ ...chat(`google/${THEIRS}`), stream: true }),
      () => openai.completions.create({ model: THEIRS, prompt: 'hi' }), () => openai.embeddings.create({ model: THEIRS, input: 'hi' }),
      () => openai.images.generate({ prompt: 'hi' }), () => openai.audio.speech.create({ model: 'tts-1', input: 'hi', voice: 'alloy' }),
      () => openai.models.retrieve(THEIRS),
    ];
    for (const call of calls) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof OpenAI.PermissionDeniedError, `${call}: ${error.message}`);
        assert.deepEqual([error.type, error.code, error.param], ['permission_error', 'model_not_allowed', 'model'], `${call}`);
        return true;
      });
    }
  });

  it('cannot hide a model in a body that Google would read another way', async () => {
    const path = '/v1beta/openai/chat/completions';
    const messages = '"messages":[{"role":"user","content":"hi"}]';
    for (const body of [`{${messages},"mod\\u0065l":"${THEIRS}"}`, `{"model":"${OURS}",${messages},"model":"${THEIRS}"}`, `{${messages}}`,
      `{model:"${THEIRS}",${messages}}`, `[{"model":"${OURS}",${messages}}]`, '', gzipSync(JSON.stringify(chat(THEIRS))),
      `model=${OURS}`, JSON.stringify({ ...chat(OURS), messages: [{ role: 'user', content: 'x'.repeat(100_000) }] })]) {
      isRefused(await post(path, body, Buffer.isBuffer(body) ? { headers: { 'Content-Encoding': 'gzip' } } : {}), String(body).slice(0, 80));
    }

    const answer = await post(path, `{"model":"${THEIRS}",${messages},"model":"${OURS}"}`);

    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(play.upstream().at(-1).body).model, OURS);
    assert.equal(play.upstream().at(-1).body.match(/model/g).length, 1, 'what was read is what was sent');
  });

  it('cannot make Google read another method than Pollux has', async () => {
    for (const [path, headers] of [['/v1beta/interactions', { 'X-HTTP-Method-Override': 'POST' }], ['/v1beta/interactions?%24httpMethod=POST', {}],
      ['/v1beta/interactions?$httpHeaders=X-HTTP-Method-Override:POST', {}]]) {
      await pollux.call(path, { token: client.token, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify({ model: THEIRS, input: 'hi' }) });
      const sent = play.upstream().at(-1);
      assert.equal(sent.method, 'GET');
      assert.ok(!/method/i.test(sent.headers.join(' ') + sent.url), sent.url);
    }
  });

  it('streams a large body to a model of its own, and to no other', async () => {
    const large = prompt('x'.repeat(200_000));
    assert.equal((await post(`/v1beta/models/${OURS}:generateContent`, large)).status, 200);
    play.fake.clearRequests();
    isRefused(await post(`/v1beta/models/${THEIRS}:generateContent`, large), 'a large body');
    isRefused(await post('/v1beta/interactions', { model: OURS, input: 'x'.repeat(200_000) }), 'a body that nobody can look at');
  });

  it('is refused a session of the Live API, which names its model within', async () => {
    const live = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
    const socket = new WebSocket(`${pollux.url.replace('http', 'ws')}${live}?key=${client.token}`);
    const status = await new Promise((resolve, reject) => {
      socket.on('unexpected-response', (request, response) => {
        resolve([response.statusCode, response.headers['x-pollux-error']]);
        request.destroy();
      });
      socket.on('open', () => reject(new Error('it opened')));
      socket.on('error', () => {});
    });
    assert.deepEqual(status, [403, 'model_not_allowed']);
    assert.equal((await post('/v1alpha/auth_tokens', {})).status, 403);
  });

  it('sees these alone in lists of models', async () => {
    const allowed = (name) => /^(models\/)?(gemini-3\.5-|gemini-embedding-)/.test(name);
    const native = (await pollux.call('/v1beta/models?pageSize=1000', { token: client.token })).json().models.map(({ name }) => name);
    const google = (await pollux.call('/v1beta/openai/models', { token: client.token })).json().data.map(({ id }) => id);
    const listed = [];
    for await (const { id } of openai.models.list()) listed.push(id);
    for (const names of [native, google, listed]) {
      assert.ok(names.length > 1);
      assert.deepEqual(names.filter((name) => !allowed(name)), []);
    }
    const pager = await new GoogleGenAI({ apiKey: client.token, httpOptions: { baseUrl: pollux.url } }).models.list();
    assert.ok(pager.page.every(({ name }) => allowed(name)));
    const owners = (await pollux.admin('/admin/models')).json();
    assert.equal(owners.error, null);
    assert.ok(owners.models.length > listed.length && owners.models.every(({ visible }) => visible));
    assert.equal((await pollux.call(`/v1beta/models/${THEIRS}`, { token: client.token })).status, 403);
    assert.equal((await pollux.call(`/v1beta/models/${OURS}`, { token: client.token })).status, 200);
  });

  it('uses all that has to do with no model', async () => {
    for (const [method, path, body] of [['GET', '/v1beta/files'], ['GET', '/v1beta/cachedContents'], ['GET', '/v1beta/batches'],
      ['POST', '/v1beta/fileSearchStores', {}], ['GET', '/v1beta/interactions'], ['GET', '/v1beta/tunedModels']]) {
      const answer = await pollux.call(path, { method, token: client.token, body: body ? JSON.stringify(body) : '', headers: { 'Content-Type': 'application/json' } });
      assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
    }
    const upload = await post('/upload/v1beta/files', { file: {} }, { headers: { 'X-Goog-Upload-Protocol': 'resumable', 'X-Goog-Upload-Command': 'start',
      'X-Goog-Upload-Header-Content-Length': '3', 'X-Goog-Upload-Header-Content-Type': 'text/plain' } });
    assert.equal(upload.status, 200, upload.text);
    const address = upload.header('x-goog-upload-url');
    const rest = await pollux.call(address.slice(pollux.url.length), { method: 'POST', token: null, body: 'abc',
      headers: { 'X-Goog-Upload-Command': 'upload, finalize', 'X-Goog-Upload-Offset': '0' } });
    assert.equal(rest.status, 200, rest.text);
  });

  it('may use what its owner says with the next request', async () => {
    const { id, token } = await makeClient(pollux, { name: 'changing', models: ['gemini-2.5-*'] });
    const ask = async () => (await pollux.post(`/v1beta/models/${OURS}:generateContent`, prompt('hi'), { token })).status;
    assert.equal(await ask(), 403);
    await changeClient(pollux, { id }, { models: ['*-lite'] });
    assert.equal(await ask(), 200);
    await changeClient(pollux, { id }, { models: [] });
    assert.equal(await ask(), 200);
  });

  it('is bound by its models whatever the owner\'s models.lua says', async (t) => {
    const own = await stage(t, { policies: { 'models.lua': `local models = {}


function models.resolve(request, name)
  return name
end


return models
` } });
    const { token } = await makeClient(own.pollux, { name: 'restricted', models: [OURS] });
    assert.equal((await own.pollux.post(`/v1beta/models/${THEIRS}:generateContent`, prompt('hi'), { token })).status, 403);
    assert.equal((await own.pollux.post('/v1beta/interactions', { model: THEIRS, input: 'hi' }, { token })).status, 403);
    assert.equal((await own.pollux.post(`/v1beta/models/${OURS}:generateContent`, prompt('hi'), { token })).status, 200);
  });
});

describe('a client without limits', () => {
  it('and one that pays with an own key get everything byte for byte', async (t) => {
    const own = makeKey('own');
    const { pollux, fake, upstream } = await stage(t, { env: { ALLOW_OWN_KEYS: 'true' } });
    fake.setKey({ key: own });
    const { token } = await makeClient(pollux, 'free');
    const body = `{ "model":"${THEIRS}", "messages" : [{"role":"user","content":"hi"}], "model":"${OURS}" }`;
    for (const credential of [token, own]) {
      assert.equal((await pollux.post('/v1beta/openai/chat/completions', body, { token: credential })).status, 200);
      assert.equal(String(upstream().at(-1).body), body);
      const list = await pollux.call('/v1beta/models', { token: credential });
      assert.ok(list.json().models.length > 5);
      assert.equal((await pollux.post('/v1alpha/auth_tokens', {}, { token: credential })).status, 200);
    }
    assert.ok((await pollux.admin('/admin/clients')).json().clients.every(({ name }) => name !== 'own key'));
  });
});
