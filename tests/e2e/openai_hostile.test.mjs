import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { functionTool, NEW, openaiStage, system, user } from './harness/openai.mjs';
import { picture } from '../fake_gemini/media.mjs';
import { inParallel } from './harness/load.mjs';
import { maimed, seeded } from './harness/mutation.mjs';
import { inOnePiece, RECORDINGS } from './harness/recordings.mjs';

const SEED = Number(process.env.FUZZ_SEED || 20261121);
const CASES = Number(process.env.FUZZ_CASES || 400);
const AT_ONCE = 8;
const FINISHES = [null, 'stop', 'length', 'tool_calls', 'content_filter'];

const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const CALL = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' }, extra_content: { google: { thought_signature: 'skip_thought_signature_validator' } } };
const ASKED = { model: NEW, messages: [user('x')], tools: [functionTool('get_weather'), functionTool('get_time')] };
const RICH = {
  ...ASKED, temperature: 0.5, top_p: 0.9, top_k: 40, max_tokens: 500, stop: ['END'], seed: 1, n: 1, reasoning_effort: 'low', tool_choice: 'auto',
  stream_options: { include_usage: true }, response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object', properties: { a: { type: 'string' } } } } },
  extra_body: { google: { thinking_config: { include_thoughts: true }, safety_settings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }] } },
  messages: [system('s'), user([{ type: 'text', text: 'look' }, { type: 'image_url', image_url: { url: PNG, detail: 'low' } }, { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }]),
    { role: 'assistant', content: 'hm', tool_calls: [CALL, { ...CALL, id: 'call_2', extra_content: undefined }] },
    { role: 'tool', tool_call_id: 'call_1', content: '{"sky":"blue"}' }, { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'ok' }] }, user('go on')],
};
const OTHERS = {
  '/v1/embeddings': { model: 'gemini-embedding-001', input: ['a', 'b'], dimensions: 8, encoding_format: 'float', user: 'me' },
  '/v1/completions': { model: NEW, prompt: ['once', 'twice'], max_tokens: 100, stop: 'x', echo: false, n: 1 },
  '/v1/images/generations': { model: 'gemini-3.1-flash-image', prompt: 'a cat', n: 1, size: '1024x1024', response_format: 'b64_json', quality: 'hd' },
  '/v1/audio/speech': { model: 'tts-1', input: 'hello', voice: 'alloy', response_format: 'pcm', speed: 1, instructions: 'softly' },
};

const answerOf = (...parts) => ({ candidates: [{ content: { parts, role: 'model' }, finishReason: 'STOP', index: 0 }],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 1290, totalTokenCount: 1295, candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1290 }] },
  modelVersion: 'x', responseId: 'k3QfafyKLsSTkdUP' });
const ANSWERS = {
  '/v1/embeddings': { embeddings: [{ values: [0.1, 0.2, 0.3, 0.4] }, { values: [0.5, 0.6, 0.7, 0.8] }], usageMetadata: { promptTokenCount: 2 } },
  '/v1/completions': answerOf({ text: 'Hm…', thought: true }, { text: 'yes', thoughtSignature: 'RQ==' }),
  '/v1/images/generations': answerOf({ text: 'Here:' }, { inlineData: picture('image/png', 'draft', 100), thought: true }, { inlineData: picture('image/jpeg', 'cat', 300) }),
  '/v1/audio/speech': answerOf({ inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: 'AAECAwQF' } }),
};

const describeCase = (seed, body, answer) => `seed ${seed}\n${JSON.stringify(body)?.slice(0, 1500)}\n=> ${answer.status} ${answer.text.slice(0, 800)}`;

function checkError({ error }, told) {
  assert.equal(typeof error?.message, 'string', told);
  assert.equal(typeof error.type, 'string', told);
  assert.doesNotMatch(error.message, /\.lua:\d+/, told);
}

function checkWhole(answer, told) {
  assert.notEqual(answer.header('x-pollux-error'), 'policy_failed', told);
  const body = answer.json();
  if (answer.status !== 200) return checkError(body, told);
  for (const { message, finish_reason: finish } of body.choices) {
    assert.ok(message.content === null || typeof message.content === 'string', told);
    assert.ok(finish && FINISHES.includes(finish), told);
    for (const { id, function: { name, arguments: text } } of message.tool_calls ?? []) {
      assert.ok(id && typeof id === 'string' && typeof name === 'string' && typeof JSON.parse(text) === 'object', told);
    }
  }
  return undefined;
}

function checkStream(answer, told) {
  if (answer.status !== 200) return checkWhole(answer, told);
  assert.ok(answer.text.endsWith('\n\n'), told);
  const blocks = answer.text.split('\n\n').filter(Boolean);
  const events = blocks.filter((block) => !block.startsWith(':')).map((block) => {
    assert.match(block, /^data: [^\n]*$/, told);
    return block === 'data: [DONE]' ? 'done' : JSON.parse(block.slice('data: '.length));
  });
  const ends = events.filter((event) => event === 'done' || event.error);
  assert.equal(ends.length, 1, told);
  assert.equal(events.at(-1), ends[0], told);
  if (ends[0] !== 'done') return checkError(ends[0], told);
  const choices = events.slice(0, -1).flatMap((event) => event.choices);
  assert.equal(choices.filter(({ finish_reason: finish }) => finish).length, 1, told);
  for (const { delta, finish_reason: finish } of choices) {
    assert.ok(FINISHES.includes(finish ?? null), told);
    assert.ok(delta.content === undefined || delta.content === null || typeof delta.content === 'string', told);
  }
  return undefined;
}

describe('what nobody should send', () => {
  let play;
  before(async () => { play = await openaiStage(undefined, { keys: ['1', '2', '3', '4'], env: { MAX_RETRIES: '1', MAX_WAIT_SECONDS: '0' } }); });
  after(async () => {
    assert.equal((await play.pollux.call('/health')).status, 200);
    await play.close();
  });

  const reset = () => play.pollux.admin('/admin/reset', { method: 'POST', body: {} });

  /** Runs the cases, `run(seed)` each. Keys that were put to rest meanwhile are woken now and then. */
  const eachCase = async (count, run) => {
    play.fake.reset();
    for (let from = 0; from < count; from += 50) {
      await reset();
      await inParallel(Math.min(50, count - from), AT_ONCE, (i) => run(SEED + from + i));
    }
  };
  const anyRecording = (random) => Object.values(RECORDINGS)[Math.floor(random() * Object.keys(RECORDINGS).length)];

  it('Google, in one piece', async () => {
    await eachCase(CASES, async (seed) => {
      const random = seeded(seed);
      const body = maimed(inOnePiece(anyRecording(random)), random);
      play.fake.rule({ match: { body: `case ${seed}\\b` }, answer: { body }, times: 'always' });
      const answer = await play.post('/v1/chat/completions', { ...ASKED, messages: [user(`case ${seed} `)] });
      checkWhole(answer, describeCase(seed, body, answer));
    });
  });

  it('Google, in a stream', async () => {
    await eachCase(CASES, async (seed) => {
      const random = seeded(seed);
      const events = maimed(anyRecording(random), random);
      play.fake.rule({ match: { body: `case ${seed}\\b` }, stream: { events: [events].flat() }, times: 'always' });
      const answer = await play.post('/v1/chat/completions', { ...ASKED, messages: [user(`case ${seed} `)], stream: true });
      checkStream(answer, describeCase(seed, events, answer));
    });
  });

  for (const [path, good] of Object.entries(ANSWERS)) {
    it(`Google, to ${path}`, async () => {
      await eachCase(CASES / 4, async (seed) => {
        const body = maimed(good, seeded(seed));
        const said = `case ${seed} `;
        play.fake.rule({ match: { body: `case ${seed}\\b` }, answer: { body }, times: 'always' });
        const answer = await play.post(path, { ...OTHERS[path], ...(path.endsWith('embeddings') ? { input: [said, 'b'] } : { prompt: said, input: said }) });
        const told = describeCase(seed, body, answer);
        assert.notEqual(answer.header('x-pollux-error'), 'policy_failed', told);
        if (answer.status !== 200) checkError(answer.json(), told);
        else if (/json/.test(answer.header('content-type'))) answer.json();
      });
    });
  }

  it('Google, as no JSON at all', async () => {
    const texts = ['', '{', 'null', '[]', '[1]', '5', '"x"', '<html>', '{"candidates":[{"content"', '\u0000', '\ufeff{}', '{"a":1}{"b":2}', '{"candidates":1e999}', '['.repeat(50_000)];
    for (const text of texts) {
      await reset();
      play.fake.reset();
      play.fake.rule({ answer: { body: text }, times: 'always' });
      const whole = await play.post('/v1/chat/completions', ASKED);
      checkWhole(whole, describeCase('text', text, whole));
      play.fake.reset();
      play.fake.rule({ stream: { bytes: `data: ${text}\r\n\r\n` }, times: 'always' });
      const streamed = await play.post('/v1/chat/completions', { ...ASKED, stream: true });
      checkStream(streamed, describeCase('stream', text, streamed));
    }
    play.fake.reset();
  });

  it('a client, to the chat', async () => {
    await eachCase(CASES, async (seed) => {
      const body = maimed(RICH, seeded(seed));
      const answer = await play.post('/v1/chat/completions', body);
      const told = describeCase(seed, body, answer);
      (body.stream === true ? checkStream : checkWhole)(answer, told);
      assert.ok(answer.status < 500 || answer.status === 503, told);
    });
    // What a client says in Google's own words is its own.
    const unknown = play.upstream().filter(({ error }) => /Unknown name/.test(error) && !/at '(safety_settings|generation_config\.thinking)/.test(error));
    assert.deepEqual(unknown.map(({ error, body }) => `${error} ${body}`), []);
  });

  for (const [path, good] of Object.entries(OTHERS)) {
    it(`a client, to ${path}`, async () => {
      await eachCase(CASES / 4, async (seed) => {
        const body = maimed(good, seeded(seed));
        const answer = await play.post(path, body);
        const told = describeCase(seed, body, answer);
        assert.notEqual(answer.header('x-pollux-error'), 'policy_failed', told);
        assert.ok(answer.status < 500 || answer.status === 503, told);
        if (answer.status !== 200) checkError(answer.json(), told);
      });
    });
  }

  it('a client, deeper or longer than anybody needs', async () => {
    const deep = `{"model":"${NEW}","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const nested = `{"model":"${NEW}","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":${'{"items":'.repeat(400)}1${'}'.repeat(400)}}}]}`;
    const many = JSON.stringify({ ...ASKED, messages: Array.from({ length: 5000 }, (_, i) => (i % 2 ? { role: 'assistant', content: `${i}` } : user(`${i}`))) });
    const tools = JSON.stringify({ ...ASKED, tools: Array.from({ length: 300 }, (_, i) => functionTool(`f${i}`)) });
    for (const [body, statuses] of [[deep, [400, 413]], [nested, [200, 400]], [many, [200]], [tools, [200]]]) {
      const answer = await play.post('/v1/chat/completions', body);
      assert.ok(statuses.includes(answer.status), `${body.slice(0, 80)}: ${answer.text.slice(0, 300)}`);
    }
  });

  it('Google, with an answer larger than can be translated', async () => {
    const body = JSON.stringify(answerOf({ text: 'x'.repeat(65 * 1024 * 1024) }));
    const asked = { messages: [user('x')] };
    const native = `/v1beta/models/${NEW}-fake-stream:streamGenerateContent?alt=sse`;
    play.fake.rule({ match: { path: ':generateContent' }, answer: { body }, times: 3 });

    const answers = [
      await play.post('/v1/chat/completions', { model: NEW, ...asked }),
      await play.post('/v1/chat/completions', { model: `${NEW}-fake-stream`, stream: true, ...asked }),
      await play.post(native, { contents: [{ parts: [{ text: 'x' }] }] }),
    ];

    assert.equal(answers[0].status, 502, answers[0].text.slice(0, 300));
    for (const { status, text } of answers) {
      // A stream that has waited longer than two seconds has begun, with comments: then the error is its last event.
      assert.ok(status === 502 || (status === 200 && text.startsWith(': waiting')), text.slice(0, 300));
      assert.match(text, /"message": ?"Pollux: the answer is larger than Pollux can translate/);
    }
  });

  it('a client, in forms', async () => {
    const form = (text, type = 'multipart/form-data; boundary=b') => play.post('/v1/images/edits', text, { headers: { 'Content-Type': type } });
    const part = (name, value, more = '') => `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
    const texts = ['', '--b--', '--b', part('prompt', 'x'), `${part('prompt', 'x')}--b--`, `${part('image', 'x', '; filename="a"')}--b--`, '--b\r\n\r\n\r\n--b--', `${part('', '')}--b--`,
      `--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--`, `${part('prompt', 'x')}${part('n', 'many')}${part('image', '\x89PNG', '; filename="../../etc/passwd"\r\nContent-Type: image/png')}--b--`];
    for (const text of texts) {
      const answer = await form(text);
      assert.ok(answer.status === 200 || answer.status === 400, `${JSON.stringify(text)}: ${answer.status} ${answer.text.slice(0, 300)}`);
      if (answer.status === 400) checkError(answer.json(), text);
    }
    for (const type of ['multipart/form-data', 'multipart/form-data; boundary=', 'application/json', 'text/plain', '']) {
      assert.equal((await form(`${part('prompt', 'x')}--b--`, type)).status, 400, type);
    }
  });
});
