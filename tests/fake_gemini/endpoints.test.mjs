import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { rawRequest } from '../e2e/harness/raw.mjs';
import { makeKey, startFakeGemini } from './server.mjs';

const KEY = makeKey('good');
const OTHER = makeKey('other');
const prompt = (text, more = {}) => JSON.stringify({ contents: [{ role: 'user', parts: [{ text }] }], ...more });
const MODEL = '/v1beta/models/gemini-3.5-flash-lite';

describe('the endpoints of the fake', () => {
  let fake;
  const call = (path, { method = 'GET', key = KEY, headers = {}, body } = {}) => rawRequest(`${fake.url}${path}`, {
    method, body, headers: { ...(key && { 'x-goog-api-key': key }), ...headers } });
  const post = (path, body, more) => call(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...more });

  before(async () => { fake = await startFakeGemini({ keys: [KEY, OTHER] }); });
  after(() => fake.close());

  it('answers a prompt with its echo, pretty-printed and with Google\'s headers', async () => {
    const answer = await post(`${MODEL}:generateContent`, prompt('hello'));

    assert.equal(answer.status, 200);
    assert.match(answer.text, /^\{\n {2}"candidates": \[/);
    assert.equal(answer.json().candidates[0].content.parts[0].text, 'You said: hello');
    assert.equal(answer.json().usageMetadata.promptTokenCount, 2);
    assert.equal(answer.header('transfer-encoding'), 'chunked');
    assert.match(answer.header('alt-svc'), /^h3/);
    assert.equal(answer.header('keep-alive'), undefined);
    assert.equal(answer.header('connection'), undefined);
  });

  it('compresses when it may', async () => {
    const answer = await post(`${MODEL}:generateContent`, prompt('hello'), { headers: { 'Accept-Encoding': 'gzip, br' } });

    assert.equal(answer.header('content-encoding'), 'gzip');
    assert.match(gunzipSync(answer.body).toString(), /You said: hello/);
  });

  it('frames events as the real stream does', async () => {
    const answer = await post(`${MODEL}:streamGenerateContent?alt=sse`, prompt('hello [events=4]'));

    assert.equal(answer.header('content-type'), 'text/event-stream');
    const events = answer.text.split('\r\n\r\n');
    assert.equal(events.length, 5);
    assert.match(events[0], /^data: \{"candidates": \[\{"content": \{"parts": \[\{"text": "/);
    assert.equal(events.at(-1), '');
    const last = JSON.parse(events[3].slice('data: '.length));
    assert.equal(last.candidates[0].finishReason, 'STOP');
    assert.ok(last.usageMetadata.candidatesTokenCount > 0);
  });

  it('streams an array where no SSE was asked for', async () => {
    const answer = await post(`${MODEL}:streamGenerateContent`, prompt('hello'));

    assert.match(answer.text, /^\[\{\n {2}"candidates"/);
    assert.match(answer.text, /\n,\r\n\{/);
    assert.equal(answer.json().length, 3);
  });

  it('shows thoughts only to those who ask', async () => {
    const config = { generationConfig: { thinkingConfig: { includeThoughts: true } } };
    const answer = await post(`${MODEL}:generateContent`, prompt('hello', config));

    assert.equal(answer.json().candidates[0].content.parts[0].thought, true);
  });

  it('calls a function, and refuses the history without its signature', async () => {
    const tools = [{ functionDeclarations: [{ name: 'get_weather', parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } } } }] }];
    const answer = await post(`${MODEL}:generateContent`, prompt('please call get_weather', { tools }));
    const part = answer.json().candidates[0].content.parts[0];
    const history = (model) => ({ tools, contents: [
      { role: 'user', parts: [{ text: 'please call get_weather' }] },
      { role: 'model', parts: [model] },
      { role: 'user', parts: [{ functionResponse: { name: 'get_weather', response: { sky: 'blue' } } }] },
    ] });

    assert.deepEqual(part.functionCall.args, { city: 'Oslo' });
    assert.equal((await post(`${MODEL}:generateContent`, history(part))).status, 200);
    assert.equal((await post(`${MODEL}:generateContent`, history({ functionCall: part.functionCall }))).status, 400);
  });

  it('pages the list of models', async () => {
    const first = (await call('/v1beta/models?pageSize=2')).json();
    const second = (await call(`/v1beta/models?pageSize=2&pageToken=${first.nextPageToken}`)).json();
    const all = (await call('/v1beta/models?pageSize=1000')).json();

    assert.equal(first.models.length, 2);
    assert.notEqual(first.models[0].name, second.models[0].name);
    assert.equal(all.nextPageToken, undefined);
  });

  it('counts, embeds and starts videos', async () => {
    assert.equal((await post(`${MODEL}:countTokens`, prompt('12345678'))).json().totalTokens, 2);
    const embedding = { content: { parts: [{ text: 'a' }] }, outputDimensionality: 8 };
    assert.equal((await post('/v1beta/models/gemini-embedding-001:embedContent', embedding)).json().embedding.values.length, 8);
    const video = (await post('/v1beta/models/veo-3.1-generate-preview:predictLongRunning', { instances: [{ prompt: 'x' }] })).json();
    await call(`/v1beta/${video.name}`);
    assert.equal((await call(`/v1beta/${video.name}`)).json().done, true);
    assert.equal((await call(`/v1beta/${video.name}`, { key: OTHER })).status, 403);
  });

  it('takes an upload in chunks and keeps it to its project', async () => {
    const begun = await post('/upload/v1beta/files', { file: { displayName: 'clip' } }, { headers: {
      'X-Goog-Upload-Protocol': 'resumable', 'X-Goog-Upload-Command': 'start', 'X-Goog-Upload-Header-Content-Type': 'video/mp4' } });
    const url = new URL(begun.header('x-goog-upload-url'));
    const done = await call(url.pathname + url.search, { method: 'POST', key: null, body: 'x'.repeat(1000), headers: {
      'X-Goog-Upload-Command': 'upload, finalize', 'X-Goog-Upload-Offset': '0' } });
    const { file } = done.json();

    assert.equal(begun.header('x-goog-upload-status'), 'active');
    assert.equal(done.header('x-goog-upload-status'), 'final');
    assert.equal(file.sizeBytes, '1000');
    assert.equal((await call(`/v1beta/${file.name}`)).json().displayName, 'clip');
    assert.equal((await call(`/v1beta/${file.name}`, { key: OTHER })).status, 403);
    assert.deepEqual((await call('/v1beta/files', { key: OTHER })).json(), {});
    assert.deepEqual((await call(`/v1beta/${file.name}`, { method: 'DELETE' })).json(), {});
  });

  it('speaks Google\'s OpenAI dialect with a Bearer and wraps its errors in arrays', async () => {
    const body = { model: 'gemini-3.5-flash', messages: [{ role: 'user', content: 'hi' }] };
    const bearer = { Authorization: `Bearer ${KEY}` };
    const good = await post('/v1beta/openai/chat/completions', body, { key: null, headers: bearer });
    const bad = await post('/v1beta/openai/chat/completions', { ...body, model: 'nope' }, { key: null, headers: bearer });
    const stream = await post('/v1beta/openai/chat/completions', { ...body, stream: true }, { key: null, headers: bearer });

    assert.equal(good.json().choices[0].message.content, 'You said: hi');
    assert.equal(bad.json()[0].error.code, 404);
    assert.match(stream.text, /data: \[DONE\]\n\n$/);
  });

  it('ends an interaction\'s stream with [DONE]', async () => {
    const answer = await post('/v1/interactions?alt=sse', { model: 'gemini-3.8-flash', input: 'hi', stream: true });

    assert.match(answer.text, /"event_type":"interaction.completed"/);
    assert.match(answer.text, /data: \[DONE\]\n\n$/);
  });

  it('answers an unknown path with a page', async () => {
    const answer = await call('/v1beta/nowhere/at/all');

    assert.equal(answer.status, 404);
    assert.match(answer.header('content-type'), /text\/html/);
  });

  it('refuses unknown fields by name', async () => {
    const answer = await post(`${MODEL}:generateContent`, prompt('hi', { generationConfig: { foo: 1 } }));

    assert.equal(answer.status, 400);
    assert.match(answer.json().error.message, /Unknown name "foo" at 'generation_config'/);
  });
});

describe('the keys of the fake', () => {
  it('answer for their state, and a second credential is refused', async () => {
    const states = { invalid: 400, expired: 400, suspended: 403, leaked: 403, service_disabled: 403, restricted: 403, denied: 403,
      no_billing: 403, prepay: 402 };
    const fake = await startFakeGemini({ keys: [KEY, ...Object.keys(states).map((state) => ({ key: makeKey(state), state }))] });
    const ask = (headers, query = '') => rawRequest(`${fake.url}/v1beta/models${query}`, { headers });

    for (const [state, status] of Object.entries(states)) {
      assert.equal((await ask({ 'x-goog-api-key': makeKey(state) })).status, status, state);
    }
    assert.equal((await ask({ 'x-goog-api-key': makeKey('stranger') })).json().error.details[0].reason, 'API_KEY_INVALID');
    assert.match((await ask({ 'x-goog-api-key': KEY }, `?key=${KEY}`)).json().error.message, /^Multiple authentication/);
    assert.match((await ask({ 'x-goog-api-key': [KEY, KEY] })).json().error.message, /^Multiple authentication/);
    assert.match((await ask({})).json().error.message, /^Method doesn't allow unregistered callers/);
    assert.equal((await ask({ Authorization: `Bearer ${KEY}` })).status, 401);
    assert.equal((await ask({}, `?key=${KEY}`)).status, 200);
    await fake.close();
  });

  it('share the quota of their project and say so with the true 429', async () => {
    const limits = { '*': { rpm: 2 }, 'gemini-3.1-pro-preview': { rpm: 0 } };
    const sibling = { key: OTHER, project: '1', limits };
    const fake = await startFakeGemini({ minuteMs: 3_600_000, keys: [{ key: KEY, project: '1', limits }, sibling] });
    const ask = (key, model = 'gemini-3.5-flash-lite') => rawRequest(`${fake.url}/v1beta/models/${model}:generateContent`, {
      method: 'POST', headers: { 'x-goog-api-key': key }, body: prompt('hi') });

    assert.equal((await ask(KEY)).status, 200);
    assert.equal((await ask(OTHER)).status, 200);
    const refused = await ask(KEY);
    const { error } = refused.json();
    const never = (await ask(KEY, 'gemini-3.1-pro-preview')).json().error;

    assert.equal(refused.status, 429);
    assert.equal(refused.header('retry-after'), undefined);
    assert.equal(error.details[1].violations[0].quotaId, 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier');
    assert.match(error.details[2].retryDelay, /^\d+s$/);
    assert.match(never.message, /limit: 0, model: gemini-3.1-pro-preview/);
    assert.equal((await ask(KEY, 'gemini-3.5-flash')).status, 200);
    await fake.close();
  });
});
