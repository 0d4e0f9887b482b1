import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

import { APIError, BadRequestError } from 'openai';

import { sseOf } from '../fake_gemini/delivery.mjs';
import { collect, functionTool, NEW, openaiStage, user } from './harness/openai.mjs';
import { inParallel } from './harness/load.mjs';
import { inOnePiece, RECORDINGS } from './harness/recordings.mjs';
import { eventsOf, STREAM } from './harness/stage.mjs';

const ASKED = { model: NEW, messages: [user('x')], tools: [functionTool('get_weather'), functionTool('get_time')], stream_options: { include_usage: true } };

/** What a client makes of a stream, wherever its chunks end. */
const heard = async (play) => {
  const { chunks, ...joined } = await collect(await play.openai.chat.completions.create({ ...ASKED, stream: true }));
  const extras = chunks.flatMap(({ choices: [choice] }) => Object.entries(choice?.delta ?? {})
    .filter(([name]) => !['role', 'content', 'reasoning_content', 'tool_calls'].includes(name)));
  return { ...joined, extras, id: chunks[0].id };
};

/** Offsets worth a cut: around every end of an event, inside every character of several bytes, and some of the rest. */
function offsetsOf(bytes) {
  const ends = [...bytes.keys()].filter((at) => bytes[at] === 0x0a && bytes[at - 1] === 0x0d && bytes[at - 2] === 0x0a);
  const near = ends.flatMap((at) => [-4, -3, -2, -1, 0, 1, 2, 3, 6, 7].map((by) => at + by));
  const inside = [...bytes.keys()].filter((at) => (bytes[at] & 0xc0) === 0x80);
  const rest = [...bytes.keys()].filter((at) => at % 29 === 0);
  return [...new Set([...near, ...inside, ...rest])].filter((at) => at > 0 && at < bytes.length);
}

describe('a stream of Google\'s, in whatever pieces it comes', () => {
  let play;
  before(async () => { play = await openaiStage(undefined); });
  beforeEach(() => play.fake.reset());
  afterEach(() => play.checkTraffic());
  after(() => play.close());

  for (const [name, events] of Object.entries(RECORDINGS)) {
    it(`is the same answer: ${name}`, async () => {
      const bytes = sseOf(events);
      play.fake.rule({ stream: { events } });
      const whole = await heard(play);
      const splits = ['each', ...offsetsOf(bytes)];
      for (const split of splits) play.fake.rule({ stream: { bytes, split } });

      const all = await inParallel(splits.length, 12, () => heard(play));

      assert.ok(whole.content || whole.toolCalls.length);
      for (const [index, one] of all.entries()) assert.deepEqual(one, whole, `cut at ${splits[index]}, or another at the same time`);
    });

    it(`says what the answer in one piece says: ${name}`, async () => {
      play.fake.rule({ stream: { events } });
      const streamed = await heard(play);
      play.fake.rule({ answer: { body: inOnePiece(events) } });
      const { choices: [{ message, finish_reason: finish }], usage } = await play.openai.chat.completions.create({ ...ASKED, stream_options: undefined });

      assert.equal(streamed.content, message.content ?? '');
      assert.equal(streamed.reasoning, message.reasoning_content ?? '');
      assert.deepEqual(streamed.toolCalls.map((call) => [call.id, call.function]), (message.tool_calls ?? []).map((call) => [call.id, call.function]));
      assert.equal(streamed.finish, finish);
      assert.deepEqual(streamed.usage, usage);
    });
  }

  const events = RECORDINGS['text of many scripts'];
  const lines = events.map((event) => JSON.stringify(event));
  const FRAMINGS = {
    'line feeds alone': lines.map((line) => `data: ${line}\n\n`),
    'carriage returns alone': lines.map((line) => `data: ${line}\r\r`),
    'no blank after the colon': lines.map((line) => `data:${line}\r\n\r\n`),
    'data of several lines': events.map((event) => `${JSON.stringify(event, null, 1).split('\n').map((line) => `data: ${line}`).join('\n')}\n\n`),
    'other fields and comments between': lines.map((line, i) => `: hello\nevent: message\nid: ${i}\nretry: 5\nfoo\ndata: ${line}\n\n`),
    'no blank line at the end': lines.map((line, i) => `data: ${line}${i < lines.length - 1 ? '\r\n\r\n' : ''}`),
  };
  for (const [name, blocks] of Object.entries(FRAMINGS)) {
    it(`is the same answer with ${name}`, async () => {
      play.fake.rule({ stream: { events } });
      const whole = await heard(play);
      play.fake.rule({ stream: { bytes: blocks.join('') } });
      play.fake.rule({ stream: { bytes: blocks.join(''), split: 'each' } });

      assert.deepEqual(await heard(play), whole);
      assert.deepEqual(await heard(play), whole);
    });
  }

  it('may have events of megabytes', async () => {
    const { chunks } = await collect(await play.openai.chat.completions.create({ model: 'gemini-3-pro-image', messages: [user('[bytes=4000000] [images=2]')], stream: true }));

    assert.ok(JSON.stringify(chunks).length > 2 * 5_300_000);
  });

  it('is passed on event by event', async () => {
    const arrivals = [];
    const stream = await play.openai.chat.completions.create({ model: NEW, messages: [user('[events=6] [pause=100]')], stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) arrivals.push(Date.now());

    assert.ok(arrivals.at(-1) - arrivals[0] > 200, 'all came at once');
  });
});

describe('a stream that breaks', () => {
  let play;
  before(async () => { play = await openaiStage(undefined, { env: { TIME_OUT: '1' } }); });
  beforeEach(async () => {
    play.fake.reset();
    await play.pollux.admin('/admin/reset', { method: 'POST', body: {} });
  });
  after(() => play.close());

  const ask = () => play.openai.chat.completions.create({ model: NEW, messages: [user('hello [events=6]')], stream: true });

  for (const action of [{ fault: 'cut_in_stream', after: 2 }, { fault: 'cut_in_stream', after: 2, how: 'reset' }, { fault: 'cut_in_stream', after: 1, mid_event: true },
    { fault: 'no_finish' }, { fault: 'stall_in_stream', after: 1 }, { fault: 'error_event', after: 2 }, { fault: 'error_event', after: 2, bare: true }]) {
    it(`by ${Object.entries(action).join(' ')} is an error to the SDK, and never ends as if it were whole`, async () => {
      play.fake.rule(action);
      await assert.rejects(ask().then(collect), (error) => error instanceof APIError && /\w+ \w+/.test(error.message));

      play.fake.rule(action);
      const answer = await play.post('/v1/chat/completions', { model: NEW, messages: [user('hello [events=6]')], stream: true });
      const { error } = eventsOf(answer.text).at(-1);
      assert.doesNotMatch(answer.text, /\[DONE\]|"finish_reason":"/);
      assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
      if (action.fault === 'error_event' && !action.bare) assert.match(error.message, /overloaded/);
      assert.equal(play.upstream().length, 2);
    });
  }

  for (const action of [{ fault: 'cut_in_stream', after: 0 }, { fault: 'empty_stream' }, { fault: 'error_event' }, { fault: 'stall_in_stream', after: 0 },
    { stream: { events: [] } }]) {
    it(`before it begins, by ${JSON.stringify(action)}, is asked again`, async () => {
      play.fake.rule(action);

      assert.equal((await collect(await ask())).content, 'You said: hello [events=6]');
    });
  }

  it('holds no key, whatever Google writes', async () => {
    const message = `the key ${play.keys[0]} or ${play.keys[1]} went wrong`;
    play.fake.rule({ stream: { events: [{ candidates: [{ content: { parts: [{ text: 'Hi' }] } }] }, { error: { code: 500, message, status: 'INTERNAL' } }] } });

    const { text } = await play.post('/v1/chat/completions', { ...ASKED, stream: true });

    assert.match(text, /"Hi"[^]*went wrong/);
    for (const key of play.keys) assert.ok(!text.includes(key), text);
  });

  it('is what an answer becomes that is no stream at all', async () => {
    const whole = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] };
    for (const body of [whole, [whole]]) {
      play.fake.rule({ answer: { body } });

      const { status, text } = await play.post('/v1/chat/completions', { ...ASKED, stream: true });

      assert.equal(status, 502);
      assert.match(text, /is no stream of events/);
    }
  });

  it('before it begins, and every time, has a status of its own', async () => {
    play.fake.rule({ fault: 'error_event', row_in_stream: 'too_many_tokens', times: 'always' });

    await assert.rejects(ask(), (error) => error instanceof BadRequestError && error.code === 'context_length_exceeded');
  });

  it('is asked again for a malformed call, if nothing was said yet', async () => {
    play.fake.rule({ stream: { events: [{ candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'Malformed function call', index: 0 }] }] } });

    assert.equal((await collect(await ask())).content, 'You said: hello [events=6]');
    assert.equal(play.upstream().length, 2);
  });

  it('holds whatever Google writes: words that look like SSE stay words', async () => {
    const text = 'data: [DONE]\n\ndata: {"error":{}}\r\n\r\nevent: error\n\n: comment';
    play.fake.rule({ stream: { events: [{ candidates: [{ content: { parts: [{ text }] }, finishReason: 'STOP' }] }] } });

    assert.equal((await collect(await ask())).content, text);
  });
});

// All at once, since each of them waits for the heart to beat.
describe('a stream that is made of an answer in one piece', { concurrency: true }, () => {
  const MODEL = `${NEW}-fake-stream`;
  let play;
  before(async () => { play = await openaiStage(undefined); });
  after(() => play.close());

  const ask = (content, more) => play.post('/v1/chat/completions', { model: MODEL, messages: [user(content)], stream: true, ...more });
  const contentOf = (answer) => eventsOf(answer.text).map((event) => event.choices?.[0]?.delta.content ?? '').join('');
  const upstreamOf = (content) => play.upstream().filter(({ body }) => body?.includes(content));

  it('keeps the client with comments meanwhile, in both dialects', async () => {
    play.fake.rule({ match: { body: 'slow' }, delay_ms: 4500, times: 'always' });
    const native = STREAM.replace(/models\/[^:]+/, `models/${MODEL}`);
    const [openai, gemini] = await Promise.all([ask('slow'), play.post(native, { contents: [{ parts: [{ text: 'slow' }] }] })]);

    for (const answer of [openai, gemini]) {
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.header('content-type'), /^text\/event-stream/);
      assert.match(answer.text, /^(: ?[^\n]*\r?\n\r?\n){1,3}data: \{/);
    }
    assert.equal(contentOf(openai), 'You said: slow');
    assert.equal(eventsOf(openai.text).at(-1), '[DONE]');
    assert.equal(eventsOf(gemini.text).flatMap((event) => event.candidates[0].content.parts).map((part) => part.text).join(''), 'You said: slow');
  });

  it('is asked of Google in one piece, and is all that a stream is', async () => {
    const create = (content, more) => play.openai.chat.completions.create({ model: MODEL, messages: [user(content)], stream: true, ...more });
    const spoken = await collect(await create('hello', { stream_options: { include_usage: true } }));
    const called = await collect(await create('call get_weather and call get_time', { tools: ASKED.tools }));

    assert.ok(upstreamOf('hello').every(({ url, model }) => /:generateContent$/.test(url) && model === NEW));
    assert.equal(spoken.content, 'You said: hello');
    assert.equal(spoken.finish, 'stop');
    assert.ok(spoken.usage.total_tokens > 0);
    assert.equal(spoken.chunks[0].model, MODEL);
    assert.deepEqual(called.toolCalls.map((call) => call.function.name), ['get_weather', 'get_time']);
    assert.equal(called.finish, 'tool_calls');
  });

  it('moves to another key while nothing but comments was sent', async () => {
    play.fake.rule({ match: { body: 'limited' }, row: 'quota_minute', delay_ms: 2500 });

    const answer = await ask('limited');

    assert.equal(contentOf(answer), 'You said: limited');
    assert.equal(new Set(upstreamOf('limited').map(({ key }) => key)).size, 2);
  });

  it('has a status of its own where an error comes soon, and ends with it where it comes late', async () => {
    play.fake.rule({ match: { body: 'at once' }, row: 'too_many_tokens' });
    play.fake.rule({ match: { body: 'at last' }, row: 'too_many_tokens', delay_ms: 2500 });
    play.fake.rule({ match: { body: 'natively' }, row: 'too_many_tokens' });
    const native = STREAM.replace(/models\/[^:]+/, `models/${MODEL}`);
    const [soon, late, natively] = await Promise.all([ask('at once'), ask('at last'), play.post(native, { contents: [{ parts: [{ text: 'natively' }] }] })]);

    assert.equal(soon.status, 400);
    assert.equal(soon.json().error.code, 'context_length_exceeded');
    assert.equal(natively.status, 400);
    assert.equal(natively.json().error.status, 'INVALID_ARGUMENT');
    assert.equal(late.status, 200);
    assert.match(eventsOf(late.text).at(-1).error.message, /exceeds the maximum number of tokens/);
    assert.doesNotMatch(late.text, /\[DONE\]/);
  });

  it('ends natively with an error of Google\'s make, also where a page came in its place', async () => {
    play.fake.rule({ match: { body: 'a page' }, answer: { status: 502, body: '<html title="a\n\nb">\n</html>' }, delay_ms: 2500, times: 'always' });
    const native = STREAM.replace(/models\/[^:]+/, `models/${MODEL}`);

    const { text } = await play.post(native, { contents: [{ parts: [{ text: 'a page' }] }] });

    assert.equal(eventsOf(text).at(-1).error.code, 502);
  });

  it('keeps the client also while another answer is awaited', async () => {
    play.fake.rule({ match: { body: 'twice', nth: 2 }, delay_ms: 4500 });

    const { text } = await ask('twice', { n: 2 });

    assert.match(text, /^(: waiting\n\n){2}data: [^]*"index":1/);
  });

  it('is no stream where none was asked for', async () => {
    const answer = await play.openai.chat.completions.create({ model: MODEL, messages: [user('whole')] });

    assert.equal(answer.choices[0].message.content, 'You said: whole');
  });
});
