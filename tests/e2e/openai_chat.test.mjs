import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { collect, LITE, NEW, OLD, openaiStage, system, user } from './harness/openai.mjs';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';

describe('chat completions of the openai SDK', () => {
  let play;
  let chat;
  before(async () => {
    play = await openaiStage(undefined);
    chat = play.openai.chat.completions;
  });
  beforeEach(() => play.fake.reset());
  afterEach(() => play.checkTraffic());
  after(() => play.close());

  const ask = (messages, more = {}) => chat.create({ model: NEW, messages: [messages].flat().map((one) => (typeof one === 'string' ? user(one) : one)), ...more });
  const configOf = async (more, model = NEW) => {
    await ask('hi', { model, ...more });
    return play.lastGeneration().generationConfig ?? {};
  };

  describe('in one piece', () => {
    it('answer in OpenAI\'s words, under the name that was asked for', async () => {
      const answer = await ask('hello');
      const [choice] = answer.choices;

      assert.match(answer.id, /^chatcmpl-\S{10,}$/);
      assert.equal(answer.object, 'chat.completion');
      assert.equal(answer.model, NEW);
      assert.ok(Math.abs(answer.created - Date.now() / 1000) < 60);
      assert.equal(choice.message.role, 'assistant');
      assert.equal(choice.message.content, 'You said: hello');
      assert.equal(choice.message.refusal, null);
      assert.equal(choice.finish_reason, 'stop');
      assert.equal(choice.message.tool_calls, undefined);
    });

    it('count tokens as OpenAI does: thoughts belong to the completion', async () => {
      const { usage } = await ask('hello [cached=3]');

      assert.equal(usage.prompt_tokens_details.cached_tokens, 3);
      assert.equal(usage.completion_tokens_details.reasoning_tokens, 48);
      assert.ok(usage.completion_tokens > 48);
      assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
    });

    it('carry instructions, turns and parts over', async () => {
      await ask([
        system('be brief'), { role: 'developer', content: [{ type: 'text', text: 'be kind' }] },
        user('first'), { role: 'assistant', content: 'yes' }, user('second'),
        user([{ type: 'text', text: 'look' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}`, detail: 'low' } }]),
      ]);
      const { systemInstruction, contents } = play.lastGeneration();

      assert.match(JSON.stringify(systemInstruction), /be brief.*be kind/);
      assert.deepEqual(contents.map(({ role }) => role), ['user', 'model', 'user']);
      assert.deepEqual(contents[2].parts.map((part) => part.text ?? part.inlineData.mimeType), ['second', 'look', 'image/png']);
      assert.equal(contents[2].parts[2].inlineData.data, PNG);
    });

    it('take sound and files', async () => {
      await ask(user([
        { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
        { type: 'input_audio', input_audio: { data: '//uQ', format: 'mp3' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
        { type: 'text', text: 'what is this' },
      ]));
      const types = play.lastGeneration().contents[0].parts.map((part) => part.inlineData?.mimeType);

      assert.equal(types[0], 'audio/wav');
      assert.match(types[1], /^audio\/(mp3|mpeg)$/);
      assert.equal(types[2], 'application/pdf');
    });

    it('carry the settings of sampling over, within Google\'s bounds', async () => {
      const config = await configOf({ temperature: 0.3, top_p: 0.5, seed: 7, stop: ['\n\n\n', ''], max_tokens: 1000 });

      assert.equal(config.temperature, 0.3);
      assert.equal(config.topP, 0.5);
      assert.equal(config.seed, 7);
      assert.deepEqual(config.stopSequences, ['\n\n\n']);
      assert.equal(config.maxOutputTokens, 1000);
      assert.equal((await configOf({ max_completion_tokens: 900 })).maxOutputTokens, 900);
      assert.ok(((await configOf({ temperature: 2.5 })).temperature ?? 0) <= 2);
      assert.deepEqual((await configOf({ stop: 'END' })).stopSequences, ['END']);
      assert.equal((await configOf({ stop: ['1a', '2b', '3c', '4d', '5e', '6f'] })).stopSequences.length, 5);
      assert.deepEqual(await configOf({ temperature: null, top_p: null, stop: null, max_tokens: null, seed: null }), {});
    });

    it('send Google nothing that it does not know', async () => {
      const answer = await ask('hello', {
        logit_bias: { 50256: -100 }, user: 'me', store: true, metadata: { a: 'b' }, prediction: { type: 'content', content: 'x' },
        verbosity: 'low', parallel_tool_calls: true, prompt_cache_key: 'k', safety_identifier: 's', service_tier: 'auto',
        an_unknown_field: { deep: [1] }, presence_penalty: 0, frequency_penalty: 0, logprobs: false,
      });

      assert.equal(answer.choices[0].message.content, 'You said: hello');
      assert.deepEqual(play.lastGeneration(), { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] });
    });

    it('give several choices for n', async () => {
      const answer = await ask('hello', { n: 3 });

      assert.deepEqual(answer.choices.map(({ index, message }) => [index, message.content]), [0, 1, 2].map((index) => [index, 'You said: hello']));
      assert.equal(play.generations().length, 3);
      assert.ok(answer.usage.completion_tokens > 3 * 48);
    });

    it('say how they end', async () => {
      const ends = async (prompt, more) => (await ask(prompt, more)).choices[0];

      assert.equal((await ends('a longer prompt', { max_tokens: 50 })).finish_reason, 'length');
      assert.equal((await ends('a longer prompt', { max_tokens: 5 })).finish_reason, 'length');
      for (const reason of ['SAFETY', 'RECITATION', 'PROHIBITED_CONTENT', 'SPII', 'BLOCKLIST', 'LANGUAGE', 'IMAGE_SAFETY']) {
        const choice = await ends(`[finish=${reason}]`);
        assert.equal(choice.finish_reason, 'content_filter', reason);
        assert.ok(!choice.message.content);
      }
      assert.equal((await ends('[finish=A_NEW_REASON]')).finish_reason, 'stop');
      assert.equal((await ends('[block=PROHIBITED_CONTENT]')).finish_reason, 'content_filter');
    });

    it('ask once more after a malformed function call', async () => {
      play.fake.rule({ answer: { body: { candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'Malformed', index: 0 }] } } });

      const answer = await ask('again');

      assert.equal(answer.choices[0].message.content, 'You said: again');
      assert.equal(play.generations().length, 2);
    });

    it('show programs and their output', async () => {
      play.fake.rule({ answer: { body: { candidates: [{ finishReason: 'STOP', content: { role: 'model', parts: [
        { executableCode: { language: 'PYTHON', code: 'print(42)\n' } }, { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '42\n' } }, { text: 'It is 42.' },
      ] } }] } } });

      const { content } = (await ask('compute')).choices[0].message;

      assert.match(content, /```python\nprint\(42\)\n+```/);
      assert.match(content, /```\w*\n42\n+```/);
      assert.match(content, /It is 42\.$/);
    });

    it('cite what a search found, by characters', async () => {
      const { message } = (await ask('Blåbær er 🫐 blå. Øl er godt.', { model: `${NEW}-search` })).choices[0];

      assert.ok(play.lastGeneration().tools.some((tool) => tool.googleSearch));
      assert.equal(message.annotations.length, 2);
      const shown = message.annotations.map(({ type, url_citation: { start_index: from, end_index: to, url, title } }) => {
        assert.equal(type, 'url_citation');
        assert.match(url, /^https:/);
        return [title, [...message.content].slice(from, to).join('')];
      });
      assert.deepEqual(shown, [['example.com', 'You said: Blåbær er 🫐 blå.'], ['example.org', 'Øl er godt.']]);
    });

    it('search for web_search_options as well', async () => {
      await ask('hello', { web_search_options: {} });

      assert.ok(play.lastGeneration().tools.some((tool) => tool.googleSearch));
    });
  });

  describe('as a stream', () => {
    it('come in chunks of one answer', async () => {
      const { chunks, content, finish, usage } = await collect(await ask('hello stream [events=8]', { stream: true }));

      assert.equal(content, 'You said: hello stream [events=8]');
      assert.equal(finish, 'stop');
      assert.equal(usage, undefined);
      assert.ok(chunks.length >= 8);
      assert.equal(chunks[0].choices[0].delta.role, 'assistant');
      assert.equal(new Set(chunks.map(({ id, created, model, object }) => [id, created, model, object].join())).size, 1);
      assert.equal(chunks[0].model, NEW);
      assert.equal(chunks.filter(({ choices: [choice] }) => choice?.finish_reason).length, 1);
    });

    it('are written as OpenAI writes them', async () => {
      const answer = await play.post('/v1/chat/completions', { model: NEW, messages: [user('hello')], stream: true });

      assert.match(answer.header('content-type'), /^text\/event-stream/);
      assert.ok(answer.text.endsWith('data: [DONE]\n\n'));
      for (const block of answer.text.split('\n\n').filter(Boolean)) assert.match(block, /^data: (\{.*\}|\[DONE\])$/);
    });

    it('count tokens in a chunk of their own where asked to', async () => {
      const { chunks, usage } = await collect(await ask('hello', { stream: true, stream_options: { include_usage: true } }));

      assert.deepEqual(chunks.at(-1).choices, []);
      assert.equal(usage.completion_tokens_details.reasoning_tokens, 48);
      assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
      assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage === null));
    });

    it('please the SDK\'s own helper', async () => {
      const stream = chat.stream({ model: NEW, messages: [user('hello helper [events=6]')], stream_options: { include_usage: true } });
      let heard = '';
      stream.on('content', (delta) => { heard += delta; });

      const final = await stream.finalChatCompletion();

      assert.equal(heard, 'You said: hello helper [events=6]');
      assert.equal(final.choices[0].message.content, heard);
      assert.equal(final.choices[0].finish_reason, 'stop');
      assert.ok((await stream.totalUsage()).completion_tokens > 48);
    });

    it('say how they end', async () => {
      const finish = async (prompt) => (await collect(await ask(prompt, { stream: true }))).finish;

      assert.equal(await finish('[finish=SAFETY]'), 'content_filter');
      assert.equal(await finish('[block=OTHER]'), 'content_filter');
      assert.equal(await finish('[finish=OTHER]'), 'stop');
    });

    it('end upstream when the client goes away', async () => {
      const stream = await ask('[events=1000] [pause=20]', { stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;

      const { eventually } = await import('./harness/wait.mjs');
      await eventually(() => play.upstream()[0].client_aborted, { what: 'the request to Google never ended' });
    });
  });

  describe('that think', () => {
    const LEVELS = {
      [NEW]: { none: 'low', minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'high' },
      [LITE]: { none: 'minimal', minimal: 'minimal', low: 'low', medium: 'medium', high: 'high', max: 'high' },
      'gemini-3.1-pro-preview': { none: 'low', minimal: 'low', low: 'low', high: 'high' },
    };
    const BUDGETS = {
      'gemini-2.5-flash': { none: 0, low: 1024, medium: 8192, high: 24576, xhigh: 24576 },
      'gemini-2.5-flash-lite': { none: 0, low: 1024, medium: 8192, high: 24576 },
      'gemini-2.5-pro': { none: 128, low: 1024, medium: 8192, high: 24576, xhigh: 32768 },
    };

    for (const [model, efforts] of Object.entries(LEVELS)) {
      it(`${model} by level`, async () => {
        for (const [effort, level] of Object.entries(efforts)) {
          const { thinkingConfig } = await configOf({ reasoning_effort: effort }, model);
          assert.equal(thinkingConfig.thinkingLevel.toLowerCase(), level, effort);
          assert.equal(thinkingConfig.thinkingBudget, undefined);
        }
      });
    }

    for (const [model, efforts] of Object.entries(BUDGETS)) {
      it(`${model} by budget`, async () => {
        for (const [effort, budget] of Object.entries(efforts)) {
          const { thinkingConfig } = await configOf({ reasoning_effort: effort }, model);
          assert.equal(thinkingConfig.thinkingBudget, budget, effort);
          assert.equal(thinkingConfig.thinkingLevel, undefined);
        }
        await configOf({ reasoning_effort: 'minimal' }, model);
      });
    }

    it('show their thoughts apart from the answer', async () => {
      const { message } = (await ask('ponder', { reasoning_effort: 'high' })).choices[0];
      const streamed = await collect(await ask('ponder [thoughts=3]', { reasoning_effort: 'high', stream: true }));

      assert.match(message.reasoning_content, /\*\*Thinking\*\* about "ponder"/);
      assert.equal(message.content, 'You said: ponder');
      assert.equal(streamed.reasoning.match(/Thinking/g).length, 3);
      assert.equal(streamed.content, 'You said: ponder [thoughts=3]');
    });

    it('take Google\'s own words for it', async () => {
      const config = await configOf({ extra_body: { google: { thinking_config: { thinking_budget: 2000, include_thoughts: true } } } }, OLD);
      const flat = await configOf({ google: { thinking_config: { thinking_level: 'low' } } });

      assert.equal((config.thinkingConfig.thinkingBudget ?? config.thinkingConfig.thinking_budget), 2000);
      assert.match((flat.thinkingConfig.thinkingLevel ?? flat.thinkingConfig.thinking_level), /low/i);
    });

    it('are asked for nothing where the client says nothing', async () => {
      assert.deepEqual(await configOf({}), {});
    });
  });

  describe('with a schema', () => {
    const Place = z.object({ zebra: z.string(), apple: z.number().int(), tags: z.array(z.string()), kind: z.enum(['town', 'city']) });

    it('follow its order and parse', async () => {
      const answer = await chat.parse({ model: NEW, messages: [user('x')], response_format: zodResponseFormat(Place, 'place') });

      assert.equal(answer.choices[0].message.content, '{"zebra":"Oslo","apple":7,"tags":["Oslo"],"kind":"town"}');
      assert.deepEqual(answer.choices[0].message.parsed, { zebra: 'Oslo', apple: 7, tags: ['Oslo'], kind: 'town' });
    });

    it('parse as a stream, and on older models', async () => {
      for (const model of [NEW, OLD]) {
        const stream = chat.stream({ model, messages: [user('[events=9]')], response_format: zodResponseFormat(Place, 'place') });
        assert.equal((await stream.finalChatCompletion()).choices[0].message.parsed.zebra, 'Oslo');
      }
    });

    it('survive what Google\'s schemas do not know', async () => {
      const schema = {
        $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', additionalProperties: false, required: ['type', 'node'],
        properties: { type: { const: 'tree' }, node: { $ref: '#/$defs/node' }, const: { type: ['string', 'null'] } },
        $defs: { node: { type: 'object', properties: { name: { type: 'string' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } }, required: ['name'] } },
      };
      // The fake would descend for ever where a schema does: it is asked for the request alone.
      play.fake.rule({ answer: { body: { candidates: [{ finishReason: 'STOP', content: { parts: [{ text: '{}' }] } }] } } });
      await ask('x', { response_format: { type: 'json_schema', json_schema: { name: 'tree', strict: true, schema } } });
      const { responseMimeType, responseJsonSchema } = play.lastGeneration().generationConfig;

      assert.equal(responseMimeType, 'application/json');
      assert.deepEqual(Object.keys(responseJsonSchema.properties), ['type', 'node', 'const']);
      assert.deepEqual(responseJsonSchema.properties.type.enum, ['tree']);
      assert.equal(responseJsonSchema.properties.type.const, undefined);
    });

    it('or without one', async () => {
      await ask('x', { response_format: { type: 'json_object' } });
      assert.equal(play.lastGeneration().generationConfig.responseMimeType, 'application/json');
      await ask('x', { response_format: { type: 'text' } });
      assert.doesNotMatch(JSON.stringify(play.lastGeneration()), /application\/json/);
    });
  });
});
