import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

import { BadRequestError, NotFoundError, toFile } from 'openai';

import { vectorOf } from '../fake_gemini/embeddings.mjs';
import { speech } from '../fake_gemini/media.mjs';
import { collect, NEW, openaiStage, user } from './harness/openai.mjs';

const EMBEDDER = 'gemini-embedding-001';
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');
const IMAGE_MODEL = 'gemini-3.1-flash-image';

const normal = (values) => values.map((value) => value / Math.hypot(...values));
const isClose = (a, b) => a.length === b.length && a.every((value, i) => Math.abs(value - b[i]) < 1e-6);

describe('embeddings of the openai SDK', () => {
  let play;
  before(async () => { play = await openaiStage(undefined); });
  beforeEach(() => play.fake.reset());
  afterEach(() => play.checkTraffic());
  after(() => play.close());

  const embed = (input, more) => play.openai.embeddings.create({ model: EMBEDDER, input, ...more });

  it('come in base64 when the SDK asks for it, and are Google\'s vectors', async () => {
    const { object, data, model, usage } = await embed('hello');

    assert.equal(object, 'list');
    assert.equal(model, EMBEDDER);
    assert.ok(usage.prompt_tokens > 0 && usage.total_tokens >= usage.prompt_tokens);
    assert.ok(isClose([...data[0].embedding], vectorOf('hello')) || isClose([...data[0].embedding], normal(vectorOf('hello'))));
  });

  it('come as numbers when they are asked for, and when nothing is', async () => {
    const float = await embed('hello', { encoding_format: 'float' });
    const bare = (await play.post('/v1/embeddings', { model: EMBEDDER, input: 'hello' })).json();

    assert.ok(Array.isArray(float.data[0].embedding));
    assert.deepEqual(bare.data[0].embedding, float.data[0].embedding);
  });

  it('of fewer dimensions have the length 1', async () => {
    const [{ embedding }] = (await embed('hello', { dimensions: 768, encoding_format: 'float' })).data;

    assert.equal(embedding.length, 768);
    assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-4, `${Math.hypot(...embedding)}`);
    assert.ok(isClose(embedding, normal(vectorOf('hello', 768))));
  });

  it('of 250 texts come in order, by three requests', async () => {
    const texts = Array.from({ length: 250 }, (_, i) => `text ${i}`);
    const { data } = await embed(texts, { dimensions: 8, encoding_format: 'float' });

    assert.deepEqual(data.map(({ index }) => index), texts.map((_, i) => i));
    for (const [i, { embedding }] of data.entries()) assert.ok(isClose(embedding, normal(vectorOf(texts[i], 8))), texts[i]);
    assert.deepEqual(play.upstream().map(({ body }) => JSON.parse(body).requests.length), [100, 100, 50]);
  });

  it('of whole vectors for 250 texts are right as well', async () => {
    const texts = Array.from({ length: 250 }, (_, i) => `text ${i}`);
    const { data } = await embed(texts);

    assert.equal(data.length, 250);
    assert.ok(data.every(({ embedding }) => embedding.length === 3072));
  });

  it('cannot be had for token ids, or for nothing', async () => {
    for (const input of [[1, 2, 3], [[1, 2], [3]], [], null, 5, [''], '']) {
      const refused = await play.post('/v1/embeddings', { model: EMBEDDER, input });
      assert.equal(refused.status, 400, JSON.stringify(input));
      assert.equal(refused.json().error.type, 'invalid_request_error');
    }
    play.fake.reset();
  });
});

describe('pictures and sounds of the openai SDK', () => {
  let play;
  before(async () => { play = await openaiStage(undefined); });
  beforeEach(() => play.fake.reset());
  afterEach(() => play.checkTraffic());
  after(() => play.close());

  const draw = (more) => play.openai.images.generate({ model: IMAGE_MODEL, prompt: 'a cat [drafts=1]', ...more });
  const isJpeg = (text) => assert.deepEqual([...Buffer.from(text, 'base64').subarray(0, 3)], [0xff, 0xd8, 0xff]);

  it('images.generate gives base64', async () => {
    const { created, data, usage } = await draw({ response_format: 'b64_json' });

    assert.ok(Math.abs(created - Date.now() / 1000) < 60);
    assert.equal(data.length, 1);
    isJpeg(data[0].b64_json);
    assert.ok(usage.total_tokens >= usage.output_tokens);
  });

  it('or an address that holds the picture', async () => {
    const { data: [{ url, b64_json: base64 }] } = await draw({ response_format: 'url' });

    assert.match(url, /^data:image\/jpeg;base64,/);
    assert.equal(base64, undefined);
  });

  it('n pictures are n requests, a large one is whole', async () => {
    const { data } = await draw({ n: 2, prompt: 'large [bytes=3000000]', response_format: 'b64_json' });

    assert.deepEqual(data.map(({ b64_json: base64 }) => Buffer.from(base64, 'base64').length), [3000000, 3000000]);
    assert.notEqual(data[0].b64_json.slice(0, 2000), data[1].b64_json.slice(0, 2000));
    assert.equal(play.generations().length, 2);
  });

  it('sizes become shapes', async () => {
    for (const [size, shape] of [['1024x1024', '1:1'], ['1536x1024', '3:2'], ['1024x1536', '2:3'], ['1792x1024', '16:9'], ['auto', undefined]]) {
      await draw({ size });
      assert.equal(play.lastGeneration().generationConfig.imageConfig?.aspectRatio, shape, size);
    }
  });

  it('names of other makers get the image model, and their default form', async () => {
    const dall = await draw({ model: 'dall-e-3' });
    const gpt = await draw({ model: 'gpt-image-1', background: 'auto', moderation: 'low', output_format: 'png' });

    assert.ok(dall.data[0].url);
    assert.ok(gpt.data[0].b64_json);
    assert.ok(play.upstream().every(({ url }) => url.includes('-image:')));
  });

  it('a stream brings each picture when it is done', async () => {
    const events = [];
    for await (const event of await draw({ model: 'gpt-image-1', n: 2, stream: true })) events.push(event);

    assert.deepEqual(events.map(({ type }) => type), Array(2).fill('image_generation.completed'));
    events.forEach((event) => isJpeg(event.b64_json));
  });

  it('what cannot be drawn is a 400 that says why', async () => {
    for (const prompt of ['[finish=NO_IMAGE]', '[finish=IMAGE_SAFETY]', '[block=PROHIBITED_CONTENT]']) {
      await assert.rejects(draw({ prompt }), (error) => error instanceof BadRequestError && error.message.length > 10);
    }
  });

  it('images.edit sends the pictures along', async () => {
    const { data } = await play.openai.images.edit({ model: IMAGE_MODEL, prompt: 'make it blue',
      image: [await toFile(JPEG, 'a.jpg', { type: 'image/jpeg' }), await toFile(JPEG, 'b.jpg', { type: 'image/jpeg' })], response_format: 'b64_json' });
    const { parts } = play.lastGeneration().contents[0];

    isJpeg(data[0].b64_json);
    assert.deepEqual(parts.filter((part) => part.inlineData).map(({ inlineData }) => inlineData), Array(2).fill({ mimeType: 'image/jpeg', data: JPEG.toString('base64') }));
    assert.ok(parts.some((part) => part.text === 'make it blue'));
  });

  it('a large picture goes up as it is', async () => {
    const large = Buffer.concat([JPEG, Buffer.alloc(2_000_001, 7)]);
    await play.openai.images.edit({ model: IMAGE_MODEL, prompt: 'x', image: await toFile(large, 'a.jpg', { type: 'image/jpeg' }) });

    assert.ok(play.upstream()[0].body_bytes > large.length * 4 / 3);
  });

  it('chat shows pictures where the answer has some', async () => {
    const whole = await play.openai.chat.completions.create({ model: IMAGE_MODEL, messages: [user('a cat [drafts=1]')] });
    const streamed = await collect(await play.openai.chat.completions.create({ model: IMAGE_MODEL, messages: [user('a cat [bytes=400000]')], stream: true }));

    assert.match(JSON.stringify(whole.choices[0].message), /data:image\/jpeg;base64,/);
    assert.match(JSON.stringify(streamed.chunks), /data:image\/jpeg;base64,/);
    assert.match(whole.choices[0].message.content, /Here is: a cat/);
  });

  it('chat speaks where it is asked to', async () => {
    const ask = (more) => play.openai.chat.completions.create({ model: 'gemini-3.1-flash-tts-preview', messages: [user('Hello there')],
      modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' }, ...more });
    const { message } = (await ask()).choices[0];
    const streamed = await collect(await ask({ stream: true, audio: { voice: 'alloy', format: 'pcm16' } }));
    const pieces = streamed.chunks.flatMap(({ choices: [choice] }) => choice?.delta.audio?.data ?? []);

    assert.equal(Buffer.from(message.audio.data, 'base64').toString('latin1', 0, 4), 'RIFF');
    assert.deepEqual(Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))), speech('Hello there').pcm);
  });

  const say = async (more) => {
    const answer = await play.openai.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello there', ...more });
    return { type: answer.headers.get('content-type'), bytes: Buffer.from(await answer.arrayBuffer()) };
  };

  it('audio.speech gives raw samples and wav', async () => {
    const { pcm } = speech('Hello there');
    const raw = await say({ response_format: 'pcm' });
    const wav = await say({ response_format: 'wav', model: 'gemini-3.1-flash-tts-preview', voice: 'Kore' });

    assert.deepEqual(raw.bytes, pcm);
    assert.match(wav.type, /^audio\/(x-)?wav/);
    assert.equal(wav.bytes.toString('latin1', 0, 4) + wav.bytes.toString('latin1', 8, 16), 'RIFFWAVEfmt ');
    assert.equal(wav.bytes.readUInt32LE(4), wav.bytes.length - 8);
    assert.equal(wav.bytes.readUInt32LE(24), 24000);
    assert.equal(wav.bytes.readUInt32LE(40), pcm.length);
    assert.deepEqual(wav.bytes.subarray(44), pcm);
  });

  it('what knows no stream is whole, though one is asked for', async () => {
    const spoken = await play.post('/v1/audio/speech', { model: 'tts-1', input: 'hello', voice: 'alloy', stream: true });
    const embedding = await play.post('/v1/embeddings', { model: 'gemini-embedding-001', input: 'hello', stream: true });

    assert.match(spoken.header('content-type'), /^audio\//);
    assert.equal(embedding.json().data.length, 1);
  });

  it('audio.speech of many seconds is whole', async () => {
    const { bytes } = await say({ input: 'long [bytes=3000000]', response_format: 'pcm' });

    assert.equal(bytes.length, 3000000);
  });

  it('audio.speech knows OpenAI\'s voices, and refuses what it cannot encode', async () => {
    for (const voice of ['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'onyx', 'nova', 'sage', 'shimmer', 'verse', 'marin', 'cedar']) {
      assert.ok((await say({ voice, response_format: 'pcm' })).bytes.length > 0, voice);
    }
    await say({ instructions: 'Say it cheerfully', response_format: 'pcm' });
    assert.match(JSON.stringify(play.lastGeneration().contents), /cheerfully/);
    await assert.rejects(say({ response_format: 'mp3' }), (error) => error instanceof BadRequestError && /wav|pcm/.test(error.message));
  });

  it('audio.speech without a format is sound that says what it is', async () => {
    const { type, bytes } = await say({});

    assert.match(type, /^audio\/(x-)?wav/);
    assert.equal(bytes.toString('latin1', 0, 4), 'RIFF');
  });

  it('audio.transcriptions puts the sound to a model', async () => {
    const file = await toFile(Buffer.from('RIFF....WAVEfmt '), 'talk.wav', { type: 'audio/wav' });
    const { text } = await play.openai.audio.transcriptions.create({ model: 'whisper-1', file, prompt: 'Names: Åse' });
    const plain = await play.openai.audio.transcriptions.create({ model: NEW, file, response_format: 'text' });

    assert.match(text, /\S/);
    assert.match(String(plain), /\S/);
    assert.ok(play.lastGeneration().contents[0].parts.some((part) => part.inlineData?.mimeType === 'audio/wav'));
    assert.match((await play.openai.audio.translations.create({ model: 'whisper-1', file })).text, /\S/);
  });

  it('what is not offered says so', async () => {
    await assert.rejects(play.openai.moderations.create({ input: 'x' }), NotFoundError);
    await assert.rejects(play.openai.images.createVariation({ image: await toFile(JPEG, 'a.jpg', { type: 'image/jpeg' }) }), NotFoundError);
  });
});

describe('pictures by address', () => {
  let play;
  let server;
  const asked = [];
  const PAGES = {
    '/a.jpg': (res) => { res.writeHead(200, { 'Content-Type': 'image/jpeg' }); res.end(JPEG); },
    '/moved.jpg': (res) => { res.writeHead(302, { Location: '/a.jpg' }); res.end(); },
    '/archive.zip': (res) => { res.writeHead(200, { 'Content-Type': 'application/zip' }); res.end('PK'); },
    '/huge.jpg': (res) => { res.writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': 500_000_000 }); res.write(JPEG); },
    '/missing.jpg': (res) => { res.writeHead(404); res.end(); },
    '/circle.jpg': (res) => { res.writeHead(302, { Location: '/circle.jpg' }); res.end(); },
  };

  before(async () => {
    server = createServer((req, res) => {
      asked.push(req.url);
      (PAGES[req.url] ?? PAGES['/missing.jpg'])(res);
    });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    play = await openaiStage(undefined);
  });
  beforeEach(() => { play.fake.reset(); asked.length = 0; });
  after(async () => {
    await play.close();
    server.closeAllConnections();
    await new Promise((done) => { server.close(done); });
  });

  const look = (where, url) => where.openai.chat.completions.create({ model: NEW, messages: [user([{ type: 'text', text: 'look' }, { type: 'image_url', image_url: { url } }])] });
  const own = (path, host = '127.0.0.1') => `http://${host}:${server.address().port}${path}`;

  it('are never fetched from private places', async () => {
    const { port } = server.address();
    for (const url of [own('/a.jpg'), own('/a.jpg', 'localhost'), `http://[::1]:${port}/a.jpg`, 'http://169.254.169.254/latest/meta-data/', `http://2130706433:${port}/a.jpg`,
      `http://0.0.0.0:${port}/a.jpg`, `http://[::ffff:127.0.0.1]:${port}/a.jpg`, 'http://10.0.0.1/a.jpg', 'http://192.168.1.1/a.jpg', 'ftp://example.com/a.jpg', 'file:///etc/passwd']) {
      await assert.rejects(look(play, url), (error) => error instanceof BadRequestError && error.message.length > 10, url);
    }
    assert.deepEqual(asked, []);
    assert.equal(play.upstream().length, 0);
  });

  it('are fetched from there where the owner allows it, within limits', async (t) => {
    const open = await openaiStage(t, { env: { MEDIA_FROM_PRIVATE_ADDRESSES: 'true' } });
    for (const path of ['/a.jpg', '/moved.jpg']) {
      await look(open, own(path));
      assert.deepEqual(open.lastGeneration().contents[0].parts[1].inlineData, { mimeType: 'image/jpeg', data: JPEG.toString('base64') });
    }
    open.fake.clearRequests();
    for (const path of ['/archive.zip', '/huge.jpg', '/missing.jpg', '/circle.jpg']) await assert.rejects(look(open, own(path)), BadRequestError, path);
    assert.equal(open.upstream().length, 0);
  });

  it('of YouTube and of Google\'s files go to Google as they are', async () => {
    for (const url of ['https://www.youtube.com/watch?v=dQw4w9WgXcQ', 'https://youtu.be/dQw4w9WgXcQ', 'https://generativelanguage.googleapis.com/v1beta/files/abc-123']) {
      await look(play, url);
      assert.ok(play.lastGeneration().contents[0].parts[1].fileData.fileUri, url);
    }
  });

  it('that are no data or no picture are refused by name', async () => {
    for (const url of ['data:image/png;base64,!!!', 'data:image/gif;base64,R0lGOD==', 'nonsense', '']) {
      const answer = await play.post('/v1/chat/completions', { model: NEW, messages: [user([{ type: 'image_url', image_url: { url } }])] });
      assert.equal(answer.status, 400, url);
      assert.ok(answer.json().error.message.length > 10);
    }
  });
});
