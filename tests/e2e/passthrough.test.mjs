import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';

import { TOKEN } from './harness/pollux.mjs';
import { openRaw, rawRequest, requestText } from './harness/raw.mjs';
import { MODEL, prompt, STREAM, stage, textOf, UNARY } from './harness/stage.mjs';

const V1 = `/v1/models/${MODEL}:generateContent`;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('what passes through', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { fake: { minCacheTokens: 1 } });
    pollux = play.pollux;
  });
  beforeEach(() => play.fake.reset());
  after(() => play.close());

  const head = { 'x-goog-api-key': TOKEN };

  it('an answer comes back byte for byte, unknown fields and odd spacing included', async () => {
    const body = '{ "candidates" : [ {"content":{"parts":[{"text":"a","brandNew":{"n":3.0,"big":9007199254740993,"e":1e2}}]},'
      + '"finishReason":"STOP"}],\r\n\t"later":[],"obj":{},"nul":null , "u":"\\u00e9\\/é" }\n';
    play.fake.rule({ answer: { body } });

    const answer = await pollux.post(UNARY, prompt('hi'));

    assert.equal(answer.text, body);
  });

  it('an error in the middle of a stream does not tell the key', async () => {
    const own = await stage(undefined, { keys: ['a-key-like-no-other-1234567890'] });
    const fine = { candidates: [{ content: { parts: [{ text: 'a' }], role: 'model' }, index: 0 }] };
    const error = { error: { code: 403, message: "Consumer 'api_key:a-key-like-no-other-1234567890' was AIzaSyA1234567890abcdefghijklmnopqrstuv", status: 'PERMISSION_DENIED' } };
    own.fake.rule({ stream: { events: [fine, error] } });

    const answer = await own.pollux.post(STREAM, prompt('hi'));
    await own.close();

    assert.match(answer.text, /"text": ?"a"/);
    assert.match(answer.text, /PERMISSION_DENIED/);
    assert.doesNotMatch(answer.text, /like-no-other|1234567890/);
  });

  it('a request arrives byte for byte as well', async () => {
    const body = '{ "contents":[{"parts":[{"text":"x","unknownPart":1.50}]}],\n "n" : 12345678901234567890 }';
    play.fake.rule({ answer: { body: '{"candidates":[{"finishReason":"STOP"}]}' } });

    await pollux.post(UNARY, body);

    assert.equal(play.upstream()[0].body, body);
  });

  it('gzip stays gzip, to the byte', async () => {
    const answer = await pollux.post(UNARY, prompt('hello'), { headers: { 'Accept-Encoding': 'gzip' } });

    assert.equal(answer.header('content-encoding'), 'gzip');
    assert.match(gunzipSync(answer.body).toString(), /You said: hello/);
    assert.equal((await pollux.post(UNARY, prompt('hello'))).header('content-encoding'), undefined);
  });

  it('a client that speaks no gzip gets none', async () => {
    const answer = await pollux.post(UNARY, prompt('hello'), { headers: { 'Accept-Encoding': 'identity' } });

    assert.equal(textOf(answer), 'You said: hello');
  });

  it('a stream of events keeps Google\'s framing', async () => {
    const answer = await pollux.post(STREAM, prompt('hello [events=5]'));

    assert.match(answer.header('content-type'), /^text\/event-stream/);
    assert.equal(answer.text.split('\r\n\r\n').length, 6);
    assert.match(answer.text, /^data: \{"candidates": \[\{"content": \{"parts": \[\{"text": "/);
    assert.match(answer.text, /"finishReason": "STOP"[^\r]*\r\n\r\n$/);
  });

  it('an event reaches the client when it comes, not when the stream ends', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    play.fake.rule({ fault: 'stall_in_stream', after: 1 });

    connection.send(requestText(pollux.url + STREAM, { method: 'POST', headers: head, body: JSON.stringify(prompt('hello')) }));

    assert.equal((await connection.readHead()).status, 200);
    assert.match((await connection.readChunk()).toString(), /^data: /);
  });

  it('a gzipped stream stays one', async () => {
    const answer = await pollux.post(STREAM, prompt('hello [events=5]'), { headers: { 'Accept-Encoding': 'gzip' } });
    const text = answer.header('content-encoding') === 'gzip' ? gunzipSync(answer.body).toString() : answer.text;

    assert.equal(text.split('\r\n\r\n').length, 6);
  });

  it('a stream as an array keeps its form', async () => {
    const answer = await pollux.post(STREAM.replace('?alt=sse', ''), prompt('hello [events=4]'));

    assert.match(answer.header('content-type'), /application\/json/);
    assert.equal(answer.json().length, 4);
    assert.match(answer.text, /\n,\r\n\{/);
  });

  it('Alt-Svc and Google\'s hop-by-hop headers stay behind, the others come', async () => {
    const answer = await pollux.post(UNARY, prompt('hi'));

    assert.equal(answer.header('alt-svc'), undefined);
    assert.equal(answer.header('x-gemini-service-tier'), 'standard');
    assert.match(answer.header('server-timing'), /gfet4t7/);
    assert.equal(answer.all('date').length, 1);
  });

  it('the query passes untouched but for the credentials', async () => {
    await pollux.call(`/v1beta/models?pageSize=3&key=${TOKEN}&fields=models(name)&%24.xgafv=2&a=%20+b&empty&prettyPrint=false`, { token: null });

    assert.equal(play.upstream()[0].url, '/v1beta/models?pageSize=3&fields=models(name)&%24.xgafv=2&a=%20+b&empty&prettyPrint=false');
  });

  const NATIVE = [
    ['GET', '/v1beta/models'], ['GET', `/v1beta/models/${MODEL}`], ['POST', UNARY, prompt('x')], ['POST', V1, prompt('x')],
    ['POST', `/v1alpha/models/${MODEL}:generateContent`, prompt('x')], ['POST', `/v1beta/models/${MODEL}:countTokens`, prompt('x')],
    ['POST', '/v1beta/models/gemini-embedding-001:embedContent', { content: { parts: [{ text: 'x' }] } }],
    ['POST', '/v1beta/models/gemini-embedding-001:batchEmbedContents', { requests: [{ model: 'models/gemini-embedding-001', content: { parts: [{ text: 'x' }] } }] }],
    ['POST', '/v1beta/models/imagen-4.0-generate-001:predict', { instances: [{ prompt: 'x' }] }],
    ['POST', '/v1beta/models/veo-3.1-generate-preview:predictLongRunning', { instances: [{ prompt: 'x' }] }],
    ['POST', `/v1beta/models/${MODEL}:batchGenerateContent`, { batch: { displayName: 'j' } }],
    ['GET', '/v1beta/files'], ['GET', '/v1/files'], ['GET', '/v1beta/cachedContents'], ['GET', '/v1beta/batches'], ['GET', '/v1beta/tunedModels'],
    ['GET', '/v1beta/fileSearchStores'], ['POST', '/v1beta/fileSearchStores', { displayName: 's' }], ['GET', '/v1beta/corpora'],
    ['POST', '/v1beta/cachedContents', { model: `models/${MODEL}`, ...prompt('long enough') }],
    ['POST', '/v1/interactions', { model: MODEL, input: 'hi' }], ['POST', '/v1alpha/auth_tokens', { uses: 1 }],
    ['POST', '/v1beta/decisions', {}], ['GET', '/v1beta/agents'], ['GET', '/v1beta/webhooks'],
    ['POST', `/v1/publishers/google/models/${MODEL}:generateContent`, prompt('x')],
    ['POST', `/v1beta1/publishers/google/models/${MODEL}:generateContent`, prompt('x')],
    ['GET', '/v1beta/nowhere'],
  ];
  for (const [method, path, body] of NATIVE) {
    it(`${method} ${path}`, async () => {
      const answer = await pollux.call(path, { method, body: body ? JSON.stringify(body) : '' });

      assert.equal(play.upstream().length, 1, answer.text);
      assert.equal(play.upstream()[0].url, path);
      assert.equal(play.upstream()[0].method, method);
      assert.equal(answer.status, play.upstream()[0].status);
      assert.equal(answer.status, path.endsWith('nowhere') ? 404 : 200, answer.text);
    });
  }

  for (const [given, meant] of [
    [`/gemini${UNARY}`, UNARY], [`/gemini${V1}`, V1], [`/v1beta${UNARY}`, UNARY], [`//v1beta/models/${MODEL}:generateContent`, UNARY],
    [`/v1/v1/models/${MODEL}:generateContent`, V1], [`/v1beta/models/${MODEL}%3AgenerateContent`, UNARY],
    [`/v1beta/models/models/${MODEL}:generateContent`, UNARY], [`/gemini/v1beta//models/${MODEL}:generateContent`, UNARY],
  ]) {
    it(`${given} is put right`, async () => {
      const answer = await pollux.post(given, prompt('hi'));

      assert.equal(answer.status, 200, answer.text);
      assert.equal(play.upstream()[0].url.replaceAll(/%3a/gi, ':'), meant);
    });
  }

  it('/v1/models goes to Gemini for Google\'s headers', async () => {
    for (const [path, headers] of [['/v1/models', head], ['/v1/models?pageSize=2', { Authorization: `Bearer ${TOKEN}` }],
      ['/v1/models', { Authorization: `Bearer ${TOKEN}`, 'x-goog-api-client': 'google-genai-sdk/3.1.0' }], [`/v1/models?key=${TOKEN}`, {}]]) {
      const answer = await pollux.call(path, { token: null, headers });
      assert.ok(answer.json().models?.length > 0, `${path} ${JSON.stringify(headers)}: ${answer.text}`);
    }
  });

  it('HEAD is answered without a body, and the connection goes on', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    connection.send(requestText(`${pollux.url}/v1beta/models`, { method: 'HEAD', headers: head }));
    const first = await connection.readAnswer('HEAD');
    connection.send(requestText(`${pollux.url}/v1beta/models`, { headers: head }));

    assert.equal(first.status, 200);
    assert.ok((await connection.readAnswer()).json().models.length > 0);
  });

  it('a browser\'s preflight is answered here, without a token', async () => {
    const answer = await pollux.call(UNARY, { method: 'OPTIONS', token: null, headers: { Origin: 'https://app.example',
      'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type,x-goog-api-key,x-stainless-os' } });

    assert.ok([200, 204].includes(answer.status));
    assert.ok(['*', 'https://app.example'].includes(answer.header('access-control-allow-origin')));
    assert.match(answer.header('access-control-allow-methods'), /POST/);
    assert.match(answer.header('access-control-allow-headers'), /x-goog-api-key/i);
    assert.equal(play.upstream().length, 0);
  });

  it('a browser may read answers and errors, and the upload headers', async () => {
    const origin = { Origin: 'https://app.example' };
    for (const [answer, status] of [[await pollux.post(UNARY, prompt('hi'), { headers: origin }), 200],
      [await pollux.post(UNARY, prompt('hi'), { headers: origin, token: 'wrong' }), 401]]) {
      assert.equal(answer.status, status);
      assert.equal(answer.all('access-control-allow-origin').length, 1);
      assert.match(answer.header('access-control-expose-headers'), /X-Goog-Upload-URL/i);
    }
  });

  it('Expect: 100-continue is answered before the body is sent', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    const body = JSON.stringify(prompt('patient'));
    connection.send(requestText(pollux.url + UNARY, { method: 'POST', headers: { ...head, Expect: '100-continue', 'Content-Length': body.length } }));
    assert.equal((await connection.readHead()).status, 100);

    connection.send(body);

    assert.equal(textOf(await connection.readAnswer()), 'You said: patient');
  });

  it('a chunked request body arrives whole', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    const body = JSON.stringify(prompt('in pieces'));
    connection.send(requestText(pollux.url + UNARY, { method: 'POST', headers: { ...head, 'Transfer-Encoding': 'chunked' } }));
    for (const letter of [body.slice(0, 1), body.slice(1, 10), body.slice(10)]) {
      connection.send(`${letter.length.toString(16)};ext=1\r\n${letter}\r\n`);
    }
    connection.send('0\r\n\r\n');

    assert.equal(textOf(await connection.readAnswer()), 'You said: in pieces');
    assert.equal(play.upstream()[0].body, body);
  });

  it('64 MiB stream up in constant memory, to the byte', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    const piece = Buffer.alloc(1024 * 1024, 'pollux and castor ');
    const whole = createHash('sha256');
    connection.send(requestText(`${pollux.url}/upload/v1beta/files`, { method: 'POST', headers: { ...head, 'X-Goog-Upload-Protocol': 'raw',
      'Content-Type': 'video/mp4', 'Content-Length': 64 * piece.length } }));
    for (let i = 0; i < 64; i += 1) {
      whole.update(piece);
      await connection.sendAndDrain(piece);
    }

    const answer = await connection.readAnswer();

    assert.equal(answer.status, 200, answer.text);
    assert.equal(play.upstream()[0].body_bytes, 64 * piece.length);
    assert.equal(play.upstream()[0].body_sha256, whole.digest('hex'));
  });

  const startUpload = () => pollux.post('/upload/v1beta/files', { file: { displayName: 'clip' } }, { headers: {
    'X-Goog-Upload-Protocol': 'resumable', 'X-Goog-Upload-Command': 'start', 'X-Goog-Upload-Header-Content-Type': 'video/mp4' } });
  const chunk = (target) => pollux.call(target, { method: 'POST', token: null, body: 'bytes', headers: {
    'X-Goog-Upload-Command': 'upload, finalize', 'X-Goog-Upload-Offset': '0' } });

  it('an upload\'s address leads back here, and is all the credential that its chunks need', async () => {
    const begun = await startUpload();
    const address = new URL(begun.header('x-goog-upload-url'));

    assert.equal(begun.status, 200, begun.text);
    assert.equal(begun.header('x-goog-upload-status'), 'active');
    assert.equal(address.origin, pollux.url);
    assert.ok(address.pathname.startsWith('/upload/'));
    for (const key of play.keys) assert.ok(!address.href.includes(key));
    const done = await chunk(address.pathname + address.search);
    assert.equal(done.status, 200, done.text);
    assert.equal(done.header('x-goog-upload-status'), 'final');
    assert.equal(done.json().file.sizeBytes, '5');
    assert.ok(play.upstream().every(({ headers }) => !headers.includes(TOKEN)));
  });

  it('an upload\'s address that was not given out here is refused', async () => {
    const answer = await chunk('/upload/v1beta/files?upload_id=AAANmadeup&upload_protocol=resumable');

    assert.ok(answer.status >= 400 && answer.status < 500);
    assert.equal(play.upstream().length, 0);
  });

  it('a compressed request body is not touched', async () => {
    const body = gzipSync(JSON.stringify(prompt('zipped')));
    play.fake.rule({ answer: { body: '{"candidates":[{"finishReason":"STOP"}]}' } });

    await pollux.post(UNARY, body, { headers: { 'Content-Encoding': 'gzip' } });

    assert.equal(play.upstream()[0].body_sha256, sha256(body));
  });

  it('an HTTP/1.0 client is served without chunks', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    connection.send(requestText(pollux.url + UNARY, { version: '1.0', method: 'POST', headers: head, body: JSON.stringify(prompt('old')) }));
    const answer = await connection.readAnswer();

    assert.equal(answer.header('transfer-encoding'), undefined);
    assert.equal(textOf(answer), 'You said: old');
    await connection.waitForClose();
  });

  it('pipelined requests are answered in their order', async (t) => {
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    play.fake.rule({ match: { body: 'number 0' }, delay_ms: 150 });
    const texts = [0, 1, 2, 3, 4].map((i) => `number ${i}`);

    connection.send(Buffer.concat(texts.map((text) => requestText(pollux.url + UNARY, { method: 'POST', headers: head, body: JSON.stringify(prompt(text)) }))));

    for (const text of texts) assert.equal(textOf(await connection.readAnswer()), `You said: ${text}`);
  });

  it('upstream connections are kept and used again', async () => {
    for (let i = 0; i < 8; i += 1) await pollux.post(UNARY, prompt('hi'));

    assert.ok(new Set(play.upstream().map(({ connection }) => connection)).size <= 2, 'more connections than workers');
  });

  it('works over plain HTTP and below a path prefix too', async (t) => {
    const plain = await stage(t, { fake: { tls: false }, env: {} });
    assert.equal(textOf(await plain.pollux.post(UNARY, prompt('plain'))), 'You said: plain');
    await plain.pollux.stop();

    plain.pollux = await plain.pollux.restart({ env: { GEMINI_BASE_URL: `${plain.fake.url}/v1beta/` } });

    assert.equal((await rawRequest(plain.pollux.url + UNARY, { method: 'POST', headers: head, body: JSON.stringify(prompt('x')) })).status, 200);
    assert.equal(plain.upstream().at(-1).url, UNARY);
  });
});
