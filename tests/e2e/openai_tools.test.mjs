import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

import { collect, functionTool, NEW, OLD, openaiStage, user } from './harness/openai.mjs';

const SENTINEL = 'skip_thought_signature_validator';
const WEATHER = [functionTool('get_weather'), functionTool('get_time')];

/** What a client keeps of a message that knows OpenAI's fields and no others. */
const plain = ({ role, content, tool_calls: calls }) => ({ role, content, tool_calls: calls?.map(({ id, type, function: called }) => ({ id, type, function: called })) });
const result = (call, content = '{"sky":"blue"}') => ({ role: 'tool', tool_call_id: call.id, content });
const callsIn = (generation) => generation.contents.flatMap(({ parts }) => parts.filter((part) => part.functionCall));
const resultsIn = (generation) => generation.contents.flatMap(({ parts }) => parts.filter((part) => part.functionResponse)).map((part) => part.functionResponse);

describe('functions called through the openai SDK', () => {
  let play;
  let chat;
  before(async () => {
    play = await openaiStage(undefined);
    chat = play.openai.chat.completions;
  });
  beforeEach(() => play.fake.reset());
  after(() => play.close());

  const ask = (messages, more = {}) => chat.create({ model: NEW, tools: WEATHER, messages, ...more });
  const callsOf = async (prompt, more) => (await ask([user(prompt)], more)).choices[0];

  describe('that Google takes at once', () => {
    afterEach(() => play.checkTraffic());

    it('come with an id of their own each', async () => {
      const { message, finish_reason: finish } = await callsOf('call get_weather(Tromsø) and call get_weather(Ålesund)');

      assert.equal(finish, 'tool_calls');
      assert.equal(message.content, null);
      assert.deepEqual(message.tool_calls.map(({ type, function: { name, arguments: text } }) => [type, name, JSON.parse(text)]), [
        ['function', 'get_weather', { city: 'Tromsø' }], ['function', 'get_weather', { city: 'Ålesund' }]]);
      assert.equal(new Set(message.tool_calls.map(({ id }) => id)).size, 2);
      assert.ok(message.tool_calls.every(({ id }) => id.length <= 64));
    });

    it('come with Google\'s signature beside them', async () => {
      const { message: { tool_calls: [first, second] } } = await callsOf('call get_weather, call get_time');

      assert.match(first.extra_content.google.thought_signature, /^E/);
      assert.equal(second.extra_content, undefined);
    });

    for (const words of ['', ' [apart]']) {
      it(`come in a stream, numbered${words && ', also from events of their own'}`, async () => {
        const { toolCalls, finish, content } = await collect(await ask([user(`call get_weather(Oslo), call get_time(Bergen)${words}`)], { stream: true }));

        assert.equal(finish, 'tool_calls');
        assert.equal(content, '');
        assert.deepEqual(toolCalls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]), [
          ['get_weather', { city: 'Oslo' }], ['get_time', { city: 'Bergen' }]]);
        assert.ok(toolCalls.every(({ id, type }) => id && type === 'function'));
      });
    }

    it('have empty arguments where there are none', async () => {
      for (const parameters of [undefined, null, {}, { type: 'object', properties: {} }]) {
        const { message } = await callsOf('call ping', { tools: [{ type: 'function', function: { name: 'ping', parameters } }] });
        assert.equal(message.tool_calls[0].function.arguments, '{}');
      }
    });

    for (const [what, kept] of [['that keeps all fields', (message) => message], ['that keeps OpenAI\'s fields alone', plain]]) {
      for (const model of [NEW, OLD]) {
        it(`go on over several steps with a client ${what}, on ${model}`, async () => {
          const messages = [user('call get_weather(Oslo) and call get_time, then call get_time(Bergen)')];
          for (const expected of [['get_weather', 'get_time'], ['get_time']]) {
            const { choices: [{ message }] } = await ask(messages, { model });
            assert.deepEqual(message.tool_calls.map((call) => call.function.name), expected);
            messages.push(kept(message), ...message.tool_calls.map((call) => result(call)));
          }
          const { choices: [{ message }] } = await ask(messages, { model });

          assert.match(message.content, /^The function said: .*blue/);
          // The model gets its own signatures back, not the word that stands in for a lost one.
          const signatures = callsIn(play.lastGeneration()).map((part) => part.thoughtSignature);
          assert.ok(signatures[0] && signatures[2]);
          assert.ok(!signatures.includes(SENTINEL));
        });
      }
    }

    it('run by the SDK\'s own runner, whole and streamed', async () => {
      for (const stream of [false, true]) {
        const asked = [];
        const runnable = (name) => ({ type: 'function', function: {
          name, description: name, parse: JSON.parse, parameters: { type: 'object', properties: { city: { type: 'string' } } },
          function: ({ city }) => { asked.push(`${name} ${city}`); return { [name]: city }; } } });
        const runner = chat.runTools({ model: NEW, stream, messages: [user('call get_weather(Oslo) and call get_time(Rome), then call get_time(Bergen)')],
          tools: [runnable('get_weather'), runnable('get_time')] });

        assert.match(await runner.finalContent(), /The function said: .*Bergen/);
        assert.deepEqual(asked.sort(), ['get_time Bergen', 'get_time Rome', 'get_weather Oslo']);
      }
    });

    it('of another Pollux, whose signatures are lost, go on all the same', async () => {
      const call = (id, name) => ({ id, type: 'function', function: { name, arguments: '{"city":"Oslo"}' } });
      const messages = [user('call get_weather'), { role: 'assistant', content: null, tool_calls: [call('call_a', 'get_weather'), call('call_b', 'get_time')] },
        result({ id: 'call_a' }), result({ id: 'call_b' }), { role: 'assistant', content: '', tool_calls: [call('call_c', 'get_time')] }, result({ id: 'call_c' })];

      const { choices: [{ message }] } = await ask(messages);

      assert.match(message.content, /The function said/);
      assert.deepEqual(callsIn(play.lastGeneration()).map((part) => part.thoughtSignature), [SENTINEL, undefined, SENTINEL]);
      assert.equal(play.generations().length, 1);
    });

    it('get their results in the order of the calls, in one turn', async () => {
      const { message } = await callsOf('call get_weather, call get_time');
      const [weather, time] = message.tool_calls;
      await ask([user('call get_weather, call get_time'), message, result(time, 'ten o\'clock'), result(weather, '["sun",1]')]);
      const results = resultsIn(play.lastGeneration());

      assert.deepEqual(results.map(({ name }) => name), ['get_weather', 'get_time']);
      assert.ok(results.every(({ response }) => response !== null && typeof response === 'object' && !Array.isArray(response)));
      assert.match(JSON.stringify(results[1].response), /ten o'clock/);
      assert.equal(play.lastGeneration().contents.length, 3);
    });

    it('get a result where the client has none, and stray results become text', async () => {
      const { message } = await callsOf('call get_weather, call get_time');
      await ask([user('x'), message, result(message.tool_calls[0]), result({ id: 'call_nobody_made' }, 'stray'), user('go on')]);
      await ask([user('x'), message, user('never mind')]);
      await ask([user('x'), result({ id: 'call_alone' }, 'alone')]);
      await ask([user('x'), message]);
      await ask([message, ...message.tool_calls.map((call) => result(call))]);

      assert.equal(play.generations().length, 6);
    });

    it('survive arguments and results of every kind', async () => {
      const strange = ['', 'null', '[1]', '"text"', '{"a":', '{"$ref":"#"}', '{"n":9007199254740993}'];
      for (const text of strange) {
        const call = { id: 'call_x', type: 'function', function: { name: 'get_weather', arguments: text } };
        await ask([user('x'), { role: 'assistant', content: null, tool_calls: [call] }, result(call, text)]);
      }
      const call = { id: 'call_x', type: 'function', function: { name: 'get_weather', arguments: '{}' } };
      await ask([user('x'), { role: 'assistant', tool_calls: [call] }, result(call, [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }])]);

      assert.match(JSON.stringify(resultsIn(play.lastGeneration())[0].response), /ab|a\\nb/);
    });

    it('keep their names, whatever Google thinks of them', async () => {
      const names = ['mcp__files/read file', '1st', 'über', 'x'.repeat(140), `${'x'.repeat(139)}y`];
      const tools = names.map((name) => functionTool(name));
      const { message } = await callsOf('anything', { tools, tool_choice: { type: 'function', function: { name: names[0] } } });
      const streamed = await collect(await ask([user('anything')], { tools, tool_choice: { type: 'function', function: { name: names[4] } }, stream: true }));

      assert.equal(message.tool_calls[0].function.name, names[0]);
      assert.equal(streamed.toolCalls[0].function.name, names[4]);
      await ask([user('anything'), message, result(message.tool_calls[0])], { tools });
    });

    it('obey tool_choice', async () => {
      const named = { type: 'function', function: { name: 'get_time' } };
      const modeFor = async (choice) => {
        await ask([user('hello')], { tool_choice: choice });
        const { mode, allowedFunctionNames: names } = play.lastGeneration().toolConfig?.functionCallingConfig ?? {};
        return [mode, names];
      };

      assert.ok([undefined, 'AUTO'].includes((await modeFor('auto'))[0]));
      assert.ok((await modeFor('none'))[0] === 'NONE' || !play.lastGeneration().tools);
      assert.equal((await modeFor('required'))[0], 'ANY');
      assert.deepEqual(await modeFor(named), ['ANY', ['get_time']]);
      assert.deepEqual(await modeFor({ type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } }), ['ANY', ['get_time']]);
      assert.deepEqual(await modeFor({ type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named] } }), ['VALIDATED', ['get_time']]);
      await ask([user('hello')], { tools: undefined, tool_choice: 'auto' });
      await ask([user('hello')], { tools: [], tool_choice: 'none' });
    });

    it('of the old and the custom kind work too', async () => {
      const custom = await callsOf('call run_sql(SELECT 1)', { tools: [{ type: 'custom', custom: { name: 'run_sql', description: 'SQL' } }] });
      const old = await chat.create({ model: NEW, messages: [user('call get_time')], functions: [WEATHER[1].function], function_call: 'auto' });
      await chat.create({ model: NEW, functions: [WEATHER[1].function], messages: [user('call get_time'),
        { role: 'assistant', content: null, function_call: { name: 'get_time', arguments: '{}' } }, { role: 'function', name: 'get_time', content: 'ten' }] });

      const [call] = custom.message.tool_calls;
      assert.match(JSON.stringify(call), /SELECT 1/);
      assert.match(JSON.stringify(old.choices[0].message), /get_time/);
    });

    it('beside JSON and beside a search are what the model can do', async () => {
      for (const model of [NEW, OLD]) {
        const json = { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object', properties: { a: { type: 'string' } } } } } };
        assert.equal((await callsOf('call get_time', { model, ...json })).message.tool_calls.length, 1);
        assert.equal((await callsOf('call get_time', { model, web_search_options: {} })).message.tool_calls.length, 1);
        assert.equal((await callsOf('call get_time', { model: `${model}-search` })).message.tool_calls.length, 1);
      }
    });

    it('take every JSON Schema', async () => {
      const parameters = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', additionalProperties: false, required: ['a'], properties: {
        a: { type: ['string', 'null'], minLength: 1 }, b: { oneOf: [{ const: 1 }, { type: 'string', format: 'uri' }] }, c: { type: 'array', items: true },
        d: { $ref: '#/$defs/d' } }, $defs: { d: { type: 'integer', exclusiveMinimum: 0 } } };

      await callsOf('hello', { tools: [{ ...functionTool('f', parameters), cache_control: { type: 'ephemeral' } }, functionTool('g', null), functionTool('h', {}),
        functionTool('i', { type: 'object' }), { type: 'function', function: { name: 'j', parameters: {}, strict: true } }] });
    });
  });

  it('with a signature that Google calls corrupted are repaired and asked again', async () => {
    const { message } = await callsOf('call get_weather');
    const broken = structuredClone(message);
    broken.tool_calls[0].id = 'call_unknown';
    broken.tool_calls[0].extra_content.google.thought_signature = 'RUJhZA==';
    play.fake.clearRequests();

    const { choices } = await ask([user('call get_weather'), broken, result(broken.tool_calls[0])]);

    assert.match(choices[0].message.content, /The function said/);
    const [first, second] = play.upstream();
    assert.equal(second.key, first.key);
    assert.deepEqual(callsIn(play.lastGeneration()).map((part) => part.thoughtSignature), [SENTINEL]);
  });
});
