import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { rawRequest } from '../e2e/harness/raw.mjs';
import { makeKey, startFakeGemini } from './server.mjs';

const KEY = makeKey('good');
const FLASH = 'gemini-3.8-flash';
const OLD = 'gemini-2.5-flash';
const TTS = 'gemini-3.1-flash-tts-preview';
const PICTURES = 'gemini-3-pro-image';
const EMPTY_SCHEMA = { type: 'OBJECT', properties: { city: { type: 'STRING' } } };

const user = (...parts) => ({ role: 'user', parts: parts.map((part) => (typeof part === 'string' ? { text: part } : part)) });
const model = (...parts) => ({ ...user(...parts), role: 'model' });
const call = (name, more) => ({ functionCall: { name, args: {}, id: 'c1' }, ...more });
const result = (name) => ({ functionResponse: { name, id: 'c1', response: { ok: true } } });
const tool = (...names) => [{ functionDeclarations: names.map((name) => ({ name, parameters: EMPTY_SCHEMA })) }];
const config = (generationConfig, contents = [user('hi')]) => ({ contents, generationConfig });
const SIGNED = { thoughtSignature: 'skip_thought_signature_validator' };

// model, body, what Google says of it
const REFUSED = [
  [FLASH, { contents: [user('hi')], stream: true }, /Unknown name "stream": Cannot find field/],
  [FLASH, { contents: [{ role: 'user', parts: [{ text: 'hi', cache_control: {} }] }] }, /Unknown name "cache_control" at 'contents\[0\]\.parts\[0\]'/],
  [FLASH, { contents: [user('hi')], tools: [{ functionDeclarations: [{ name: 'f', strict: true }] }] }, /Unknown name "strict" at 'tools\[0\]\.function_declarations\[0\]'/],
  [FLASH, { contents: [user('hi')], tools: [{ functionDeclarations: [{ name: 'f', parameters: { type: 'OBJECT', properties: { a: { $ref: '#' } } } }] }] },
    /Unknown name "\$ref" at 'tools\[0\]\.function_declarations\[0\]\.parameters\.properties\[0\]\.value'/],
  [FLASH, { contents: [user({ text: 5 })] }, /Invalid value at 'contents\[0\]\.parts\[0\]\.text' \(TYPE_STRING\), 5/],
  [FLASH, config({ seed: 1763700000123 }), /Invalid value at 'generation_config\.seed' \(TYPE_INT32\)/],
  [FLASH, { contents: [user({ inlineData: { mimeType: 'image/png', data: 'no base64!' } })] }, /TYPE_BYTES\), Base64 decoding failed/],
  [FLASH, { contents: [user({ inlineData: { mimeType: 'image/gif', data: 'AAAA' } })] }, /Unsupported MIME type: image\/gif/],
  [FLASH, { contents: [user('')] }, /required oneof field 'data' must have one initialized field/],
  [FLASH, { contents: [] }, /contents is not specified/],
  [FLASH, { contents: [user('hi'), { role: 'assistant', parts: [{ text: 'x' }] }] }, /Please use a valid role/],
  [FLASH, { contents: [user('hi'), model('yes')] }, /Requests ending with a model turn are not supported/],
  [FLASH, { contents: [user('hi'), model('a'), model(call('f', SIGNED)), user(result('f'))] }, /function call turn comes immediately after a user turn/],
  [FLASH, { contents: [user('hi'), model(call('f', SIGNED), call('g')), user(result('f'))] }, /number of function response parts is equal/],
  [FLASH, { contents: [user('hi'), model(call('f', SIGNED)), user(result('f')), user(result('g'))] }, /comes immediately after a function call turn/],
  [FLASH, { contents: [user('hi'), model(call('f')), user(result('f'))] }, /missing a thought_signature.*default_api:f` , position 2/],
  [FLASH, { contents: [user('hi'), model(call('f', SIGNED)), user(result('f')), model(call('g')), user(result('g'))] }, /default_api:g` , position 4/],
  [FLASH, { contents: [user('hi'), model(call('f', { thoughtSignature: 'RUJhZA==' })), user(result('f'))] }, /Corrupted thought signature/],
  [PICTURES, config({ responseModalities: ['IMAGE'] }, [user('a'), model({ inlineData: { mimeType: 'image/png', data: 'AAAA' } }), user('b')]),
    /Image part is missing a thought_signature in content position 2, part position 1/],
  [FLASH, config({ candidateCount: 2 }), /Multiple candidates is not enabled for this model/],
  [FLASH, config({ presencePenalty: 0.5 }), /Penalty is not enabled for this model/],
  [FLASH, config({ responseLogprobs: true }), /Logprobs is not enabled for this model/],
  [FLASH, config({ responseModalities: ['TEXT', 'IMAGE'] }), /combination of response modalities \(TEXT, IMAGE\)/],
  [FLASH, config({ stopSequences: ['1', '2', '3', '4', '5', '6'] }), /must not hold more than 5/],
  [FLASH, config({ responseJsonSchema: {} }), /only allowed when response_mime_type/],
  [FLASH, config({ responseMimeType: 'application/json', responseJsonSchema: { properties: { a: { const: 'x' } } } }), /invalid argument/],
  [FLASH, { contents: [user('hi')], tools: [{}] }, /tool_type/],
  [FLASH, { contents: [user('hi')], tools: tool('bad name') }, /Invalid function name/],
  [FLASH, { contents: [user('hi')], tools: tool('f'), toolConfig: { functionCallingConfig: { mode: 'AUTO', allowedFunctionNames: ['f'] } } }, /should only be set when/],
  [FLASH, { contents: [user('hi')], safetySettings: [{ category: 'HARM_CATEGORY_RUDE' }] }, /Invalid value at 'safety_settings\[0\]\.category'/],
  [FLASH, config({ thinkingConfig: { thinkingLevel: 'minimal' } }), /Thinking level MINIMAL is not supported for this model/],
  [FLASH, config({ thinkingConfig: { thinkingLevel: 'low', thinkingBudget: 5 } }), /only set only one of thinking budget and thinking level/],
  ['gemini-3.5-flash-lite', config({ thinkingConfig: { thinkingBudget: 0 } }), /Request contains an invalid argument/],
  ['gemini-2.5-pro', config({ thinkingConfig: { thinkingBudget: 0 } }), /Budget 0 is invalid. This model only works in thinking mode/],
  ['gemini-2.5-flash-lite', config({ thinkingConfig: { thinkingBudget: 52428 } }), /thinking budget \(52428\) is invalid. Please choose a value between 512 and 24576/],
  [OLD, config({ thinkingConfig: { thinkingLevel: 'low' } }), /Thinking level is not supported/],
  [OLD, { contents: [user('hi')], tools: [...tool('f'), { googleSearch: {} }] }, /Tool use with function calling is unsupported/],
  [OLD, { ...config({ responseMimeType: 'application/json' }), tools: [{ googleSearch: {} }] }, /Tool use with a response mime type/],
  ['gemma-3-27b-it', { contents: [user('hi')], systemInstruction: user('be brief') }, /Developer instruction is not enabled for this model/],
  [TTS, config({}), /combination of response modalities \(TEXT\)/],
  [TTS, { ...config({ responseModalities: ['AUDIO'] }), systemInstruction: user('x') }, /Developer instruction is not enabled/],
  [TTS, config({ responseModalities: ['AUDIO'], thinkingConfig: {} }), /Thinking is not enabled/],
  [TTS, config({ responseModalities: ['AUDIO'], speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'alloy' } } } }), /Voice name alloy is not supported/],
  [PICTURES, config({}), /accepts the following combination of response modalities:\n\* TEXT, IMAGE/],
  [PICTURES, config({ responseModalities: ['IMAGE'], imageConfig: { aspectRatio: '1024x1024' } }), /invalid argument/],
];

describe('the models of the fake', () => {
  let fake;
  const post = (name, body, method = 'generateContent') => rawRequest(`${fake.url}/v1beta/models/${name}:${method}`, {
    method: 'POST', headers: { 'x-goog-api-key': KEY }, body: JSON.stringify(body) });
  const ask = async (name, body) => {
    const answer = await post(name, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  const partsOf = (answer) => answer.candidates[0].content.parts;
  const events = async (name, body) => (await post(name, body, 'streamGenerateContent?alt=sse')).text.split('\r\n\r\n').filter(Boolean)
    .map((block) => JSON.parse(block.slice('data: '.length)));

  before(async () => { fake = await startFakeGemini({ keys: [KEY] }); });
  after(() => fake.close());

  for (const [name, body, message] of REFUSED) {
    it(`${name} says ${message.source.slice(0, 70)}`, async () => {
      const answer = await post(name, body);

      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.json().error.message, message);
    });
  }

  it('draw pictures, with drafts if asked, and end without parts', async () => {
    const wanted = config({ responseModalities: ['TEXT', 'IMAGE'] }, [user('a cat [drafts=1] [images=2] [bytes=5000]')]);
    const parts = partsOf(await ask(PICTURES, wanted));
    const last = (await events(PICTURES, wanted)).at(-1).candidates[0];

    assert.deepEqual(parts.map((part) => part.thought ?? Object.keys(part)[0]), [true, 'text', 'inlineData', 'inlineData']);
    const png = Buffer.from(parts[2].inlineData.data, 'base64');
    assert.equal(parts[2].inlineData.mimeType, 'image/png');
    assert.deepEqual([png.length, png.toString('latin1', 1, 4)], [5000, 'PNG']);
    assert.ok(parts[2].thoughtSignature);
    assert.deepEqual(last, { content: { role: 'model' }, finishReason: 'STOP', index: 0 });
    assert.equal(partsOf(await ask('gemini-3.1-flash-image', config({ responseModalities: ['IMAGE'] })))[0].inlineData.mimeType, 'image/jpeg');
  });

  it('speak, in one part or in pieces of a stream', async () => {
    const wanted = config({ responseModalities: ['AUDIO'] });
    const { mimeType, data } = partsOf(await ask(TTS, wanted))[0].inlineData;
    const pieces = (await events(TTS, wanted)).flatMap((event) => event.candidates[0].content.parts ?? []).map((part) => part.inlineData.data);

    assert.equal(mimeType, 'audio/L16;codec=pcm;rate=24000');
    assert.equal(pieces.length, 3);
    assert.equal(Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))).toString('base64'), data);
  });

  it('call several functions at once, and others in a next step', async () => {
    const asked = { contents: [user('call f(Tromsø) and call g, then call f')], tools: tool('f', 'g') };
    const first = partsOf(await ask(FLASH, asked));
    const answered = first.map(({ functionCall: { id, name } }) => ({ functionResponse: { id, name, response: {} } }));
    const contents = [...asked.contents, { role: 'model', parts: first }, { role: 'user', parts: answered }];
    const second = partsOf(await ask(FLASH, { ...asked, contents }));

    assert.deepEqual(first.map(({ functionCall: { name, args } }) => [name, args.city]), [['f', 'Tromsø'], ['g', 'Oslo']]);
    assert.deepEqual(first.map((part) => Boolean(part.thoughtSignature)), [true, false]);
    assert.deepEqual(second.map(({ functionCall: { name } }) => name), ['f']);
    assert.ok(second[0].thoughtSignature);
  });

  it('obey the mode of calling', async () => {
    const mode = (one) => ({ contents: [user('call f')], tools: tool('f', 'g'), toolConfig: { functionCallingConfig: one } });

    assert.match(partsOf(await ask(FLASH, mode({ mode: 'NONE' })))[0].text, /You said/);
    assert.equal(partsOf(await ask(FLASH, mode({ mode: 'ANY', allowedFunctionNames: ['g'] })))[0].functionCall.name, 'g');
  });

  it('search, and count places in bytes', async () => {
    const { candidates: [{ content, groundingMetadata: found }] } = await ask(FLASH, { contents: [user('Blåbær er blå. Øl?')], tools: [{ googleSearch: {} }] });
    const bytes = Buffer.from(content.parts[0].text);

    assert.equal(found.groundingSupports.length, 2);
    for (const { segment } of found.groundingSupports) {
      assert.equal(bytes.subarray(segment.startIndex ?? 0, segment.endIndex).toString(), segment.text);
    }
  });

  it('think as much as they are told, and the cap counts it', async () => {
    const capped = await ask(FLASH, config({ maxOutputTokens: 40 }));
    const low = await ask('gemini-3.5-flash-lite', config({ thinkingConfig: { thinkingLevel: 'MINIMAL', includeThoughts: true } }));

    assert.equal(capped.candidates[0].finishReason, 'MAX_TOKENS');
    assert.equal(capped.candidates[0].content.parts, undefined);
    assert.equal(capped.usageMetadata.thoughtsTokenCount, 48);
    assert.equal(low.usageMetadata.thoughtsTokenCount, undefined);
    assert.equal(partsOf(low)[0].text, 'You said: hi');
  });

  it('end as they are told', async () => {
    const safety = (await ask(FLASH, { contents: [user('[finish=SAFETY]')] })).candidates[0];
    const blocked = await ask(FLASH, { contents: [user('[block=BLOCKLIST]')] });

    assert.deepEqual(safety, { finishReason: 'SAFETY', index: 0 });
    assert.equal(blocked.candidates, undefined);
    assert.equal(blocked.promptFeedback.blockReason, 'BLOCKLIST');
  });

  it('embed at most 100 texts at once, each with the model\'s name', async () => {
    const one = { model: 'models/gemini-embedding-001', content: user('a') };
    const batch = (requests) => post('gemini-embedding-001', { requests }, 'batchEmbedContents');

    assert.equal((await batch(Array(100).fill(one))).json().embeddings.length, 100);
    assert.match((await batch(Array(101).fill(one))).text, /at most 100 requests/);
    assert.match((await batch([{ content: one.content }])).text, /must be the model of the batch/);
    assert.match((await batch([{ ...one, encoding_format: 'base64' }])).text, /Unknown name \\"encoding_format\\" at 'requests\[0\]'/);
  });

  it('answer with exactly the events or bytes that a rule gives', async () => {
    const event = { candidates: [{ content: { parts: [{ text: 'mine' }] }, finishReason: 'STOP' }] };
    fake.rule({ stream: { events: [event] } });
    fake.rule({ stream: { bytes: 'data: {"ø": 1}\r\n\r\n', split: 'each' } });
    const ask2 = () => post(FLASH, { contents: [user('x')] }, 'streamGenerateContent?alt=sse');

    assert.deepEqual(JSON.parse((await ask2()).text.slice('data: '.length)), event);
    assert.equal((await ask2()).text, 'data: {"ø": 1}\r\n\r\n');
  });
});
