import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import OpenAI, { APIConnectionError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from 'openai';

import { makeKey } from '../fake_gemini/server.mjs';
import { collect, functionTool, LITE, NEW, OLD, openaiStage, system, user } from './harness/openai.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { stateOf } from './harness/stage.mjs';

const CHAT = { model: NEW, messages: [user('hello')] };
const WAIT = { MAX_WAIT_SECONDS: '0' };

describe('a client of OpenAI\'s', () => {
  let play;
  before(async () => { play = await openaiStage(undefined, { env: WAIT, fake: { modelsOnPage: 7 } }); });
  beforeEach(async () => {
    play.fake.reset();
    await play.pollux.admin('/admin/reset', { method: 'POST', body: {} });
  });
  after(() => play.close());

  const chat = (more) => play.openai.chat.completions.create({ ...CHAT, ...more });

  describe('finds', () => {
    for (const path of ['/v1/chat/completions', '/openai/v1/chat/completions', '/hf/v1/chat/completions', '/v1/v1/chat/completions', '/openai/chat/completions',
      '/hf/chat/completions', '//v1/chat/completions', '/chat/completions', '/v1/chat/completions/', '/v1//chat/completions', '/openai/v1/v1/chat/completions']) {
      it(`the chat at ${path}`, async () => {
        const answer = await play.post(path, CHAT);

        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.json().choices[0].message.content, 'You said: hello');
      });
    }

    for (const base of ['/v1', '/v1/', '/openai/v1', '/hf/v1', '/openai', '/v1/v1', '']) {
      it(`everything under the base URL "${base}"`, async () => {
        const openai = play.client({ baseURL: play.pollux.url + base });

        assert.equal((await openai.chat.completions.create(CHAT)).choices[0].message.content, 'You said: hello');
        assert.equal((await collect(await openai.chat.completions.create({ ...CHAT, stream: true }))).content, 'You said: hello');
        assert.equal((await openai.embeddings.create({ model: 'gemini-embedding-001', input: 'x', dimensions: 8 })).data[0].embedding.length, 8);
        assert.ok((await openai.models.list()).data.length > 10);
      });
    }

    it('models, all pages of them, by OpenAI\'s ids', async () => {
      const list = await play.openai.models.list();
      const ids = list.data.map(({ id }) => id);
      const one = await play.openai.models.retrieve(NEW);

      assert.equal(list.object, 'list');
      assert.ok(ids.includes(NEW) && ids.includes('gemini-embedding-001') && ids.includes('gemini-3-pro-image'));
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(ids.every((id) => !id.includes('/')));
      assert.deepEqual([one.id, one.object, one.owned_by], [NEW, 'model', 'google']);
      assert.equal(typeof one.created, 'number');
      assert.equal((await play.openai.models.retrieve(`models/${LITE}`)).id.replace('models/', ''), LITE);
      await assert.rejects(play.openai.models.retrieve('gemini-99'), NotFoundError);
    });

    it('completions of the old kind, whole and streamed', async () => {
      const whole = await play.openai.completions.create({ model: NEW, prompt: 'once upon', max_tokens: 200 });
      let streamed = '';
      for await (const chunk of await play.openai.completions.create({ model: NEW, prompt: 'once upon', stream: true })) streamed += chunk.choices[0]?.text ?? '';

      assert.equal(whole.object, 'text_completion');
      assert.equal(whole.choices[0].text, 'You said: once upon');
      assert.equal(whole.choices[0].finish_reason, 'stop');
      assert.equal(streamed, 'You said: once upon');
    });
  });

  describe('names a model', () => {
    const modelFor = async (model, more) => {
      const answer = await chat({ model, ...more });
      assert.equal(answer.model, model);
      return play.upstream().at(-1).model;
    };

    it('of another maker, and gets an answer under that name', async () => {
      for (const model of ['gpt-4o', 'gpt-4o-mini', 'gpt-5', 'gpt-3.5-turbo', 'o3', 'claude-sonnet-4-5']) {
        assert.match(await modelFor(model), /^gemini-/, model);
      }
      const { chunks } = await collect(await chat({ model: 'gpt-4o', stream: true }));
      assert.ok(chunks.every(({ model }) => model === 'gpt-4o'));
    });

    it('with what it should do besides', async () => {
      assert.equal(await modelFor(`${NEW}-search`), NEW);
      assert.ok(play.lastGeneration().tools.some((tool) => tool.googleSearch));
      assert.equal(await modelFor(`${NEW}-non-thinking`), NEW);
      assert.match(JSON.stringify(play.lastGeneration().generationConfig.thinkingConfig), /low/i);
      assert.equal(await modelFor(`${OLD}-non-thinking-search`), OLD);
      assert.equal(play.lastGeneration().generationConfig.thinkingConfig.thinkingBudget, 0);
      assert.ok(play.lastGeneration().tools);
      assert.equal(await modelFor(`models/${NEW}`), NEW);
      assert.equal(await modelFor('gemini-3-pro-image'), 'gemini-3-pro-image');
    });

    it('that nobody knows', async () => {
      await assert.rejects(chat({ model: 'gemini-99' }), (error) => error instanceof NotFoundError && error.code === 'model_not_found');
    });
  });

  describe('from a browser', () => {
    it('may call from any page, with the headers of its SDK', async () => {
      const wanted = 'authorization,content-type,x-stainless-os,x-stainless-lang,x-stainless-retry-count,openai-organization';
      for (const path of ['/v1/chat/completions', '/openai/v1/models', '/v1/images/edits']) {
        const answer = await play.pollux.call(path, { token: null, method: 'OPTIONS', headers: {
          Origin: 'https://chat.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': wanted } });

        assert.ok([200, 204].includes(answer.status), `${answer.status}`);
        assert.ok(['*', 'https://chat.example'].includes(answer.header('access-control-allow-origin')));
        const allowed = answer.header('access-control-allow-headers').toLowerCase().split(/, */);
        assert.ok(allowed.includes('*') || wanted.split(',').every((name) => allowed.includes(name)), allowed.join());
        assert.match(answer.header('access-control-allow-methods'), /POST|\*/);
      }
      const answer = await play.post('/v1/chat/completions', CHAT, { headers: { Origin: 'https://chat.example' } });
      assert.ok(answer.header('access-control-allow-origin'));
    });

    it('sends no credential but the pool\'s to Google', async () => {
      const openai = play.client({ organization: 'org-mine', project: 'proj-mine', defaultHeaders: { Cookie: 'a=b', 'X-Api-Key': TOKEN } });
      await openai.chat.completions.create(CHAT);
      const [entry] = play.upstream();

      assert.deepEqual(entry.credentials.map(({ via }) => via), ['x-goog-api-key']);
      assert.ok(play.keys.includes(entry.key));
      assert.doesNotMatch(JSON.stringify(entry), /org-mine|proj-mine|a=b/);
      assert.ok(!JSON.stringify(entry).includes(TOKEN));
      assert.ok(!entry.headers.some((name) => /^x-stainless/i.test(name)));
    });
  });

  describe('is told', () => {
    const errorOf = async (path, body, more) => {
      const answer = await play.post(path, body, more);
      const { error } = answer.json();
      assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type'], answer.text);
      return { status: answer.status, headers: answer, ...error };
    };

    it('that its token is wrong, or missing', async () => {
      for (const apiKey of ['sk-wrong', '']) {
        const error = await errorOf('/v1/chat/completions', CHAT, { headers: { Authorization: `Bearer ${apiKey}` } });
        assert.deepEqual([error.status, error.code], [401, 'invalid_api_key']);
      }
      await assert.rejects(play.client({ apiKey: 'sk-wrong' }).models.list(), AuthenticationError);
      await assert.rejects(play.client({ apiKey: 'sk-wrong' }).chat.completions.create({ ...CHAT, stream: true }), AuthenticationError);
      assert.equal(play.upstream().length, 0);
    });

    it('where its JSON breaks', async () => {
      const error = await errorOf('/v1/chat/completions', `{"model": "${NEW}",\n "messages" []}`);

      assert.equal(error.status, 400);
      assert.equal(error.type, 'invalid_request_error');
      assert.match(error.message, /line 2, column \d+/);
    });

    it('what is missing or of the wrong kind, by name', async () => {
      for (const [change, param] of [[{ messages: undefined }, 'messages'], [{ messages: [] }, 'messages'], [{ messages: 'hi' }, 'messages'], [{ messages: null }, 'messages'],
        [{ messages: [5] }, 'messages'], [{ messages: [{ role: 'wizard', content: 'x' }] }, 'messages'], [{ messages: [{ content: 'x' }] }, 'messages'],
        [{ messages: [user(5)] }, 'messages'], [{ messages: [user([{ type: 'hologram' }])] }, 'messages'], [{ model: 5 }, 'model'], [{ tools: 'x' }, 'tools'],
        [{ n: 'two' }, 'n'], [{ n: 0 }, 'n'], [{ temperature: 'hot' }, 'temperature'], [{ response_format: 'json' }, 'response_format'], [{ tools: [functionTool('f')], tool_choice: 5 }, 'tool_choice'],
        [{ reasoning_effort: 'enormous' }, 'reasoning_effort']]) {
        const error = await errorOf('/v1/chat/completions', { ...CHAT, ...change });
        assert.equal(error.status, 400, JSON.stringify(change));
        assert.ok(error.param === null || error.param.startsWith(param), `${JSON.stringify(change)}: ${error.param}`);
        assert.ok(`${error.param} ${error.message}`.includes(param), `${JSON.stringify(change)}: ${error.message}`);
      }
      for (const body of ['', '[]', '5', 'null', '"x"']) assert.equal((await errorOf('/v1/chat/completions', body)).status, 400, body);
      assert.equal(play.upstream().length, 0);
    });

    it('Google\'s refusals, by the right class and code', async () => {
      const rows = { too_many_tokens: [BadRequestError, 'context_length_exceeded'], invalid_argument: [BadRequestError], model_not_found: [NotFoundError, 'model_not_found'],
        location_unsupported: [BadRequestError], file_forbidden: [APIErrorOf(403)] };
      for (const [row, [kind, code]] of Object.entries(rows)) {
        play.fake.rule({ row, times: 'always' });
        await assert.rejects(chat(), (error) => error instanceof kind && (!code || error.code === code), row);
        await assert.rejects(chat({ stream: true }), (error) => error instanceof kind && (!code || error.code === code), `${row}, streamed`);
        play.fake.clearRules();
      }
    });

    it('about the pool\'s troubles never that its own token is bad', async () => {
      for (const row of ['api_key_invalid', 'suspended', 'leaked', 'token_type_unsupported', 'prepay_depleted', 'quota_day', 'quota_minute']) {
        play.fake.rule({ row, times: 'always' });
        await assert.rejects(chat(), (error) => (error instanceof InternalServerError || error instanceof RateLimitError) && Boolean(error.type), row);
        play.fake.clearRules();
        await play.pollux.admin('/admin/reset', { method: 'POST', body: {} });
      }
    });

    it('when to come back, or not to', async () => {
      play.fake.rule({ row: 'quota_minute', times: 'always' });
      await chat().catch(() => {});
      const minute = await errorOf('/v1/chat/completions', CHAT);
      await play.pollux.admin('/admin/reset', { method: 'POST', body: {} });
      play.fake.clearRules();
      play.fake.rule({ row: 'quota_day', times: 'always' });
      await chat().catch(() => {});
      const day = await errorOf('/v1/chat/completions', CHAT);

      assert.ok([429, 503].includes(minute.status) && [429, 503].includes(day.status));
      const seconds = Number(minute.headers.header('retry-after'));
      assert.ok(seconds > 10 && seconds <= 60, `Retry-After: ${seconds}`);
      assert.equal(day.headers.header('x-should-retry'), 'false');
      assert.notEqual(minute.headers.header('x-should-retry'), 'false');
    });

    it('not to try a bad request again', async () => {
      play.fake.rule({ row: 'too_many_tokens', times: 'always' });
      await assert.rejects(play.client({ maxRetries: 2 }).chat.completions.create(CHAT), BadRequestError);
      assert.equal(play.upstream().length, 1);
    });

    it('what it may not call', async () => {
      for (const [method, path] of [['GET', '/v1/chat/completions'], ['POST', '/v1/moderations'], ['POST', '/v1/fine_tuning/jobs'], ['GET', '/v1/assistants'], ['DELETE', '/v1/models/x']]) {
        const answer = await play.pollux.call(path, { token: null, method, body: method === 'POST' ? '{}' : '', headers: { Authorization: `Bearer ${TOKEN}` } });
        assert.ok([400, 404, 405].includes(answer.status), `${method} ${path}: ${answer.status}`);
        assert.equal(answer.json().error.type, 'invalid_request_error', path);
      }
    });
  });

  describe('does not notice', () => {
    for (const row of ['quota_minute', 'api_key_invalid', 'suspended', 'bad_gateway']) {
      it(`a key that answers ${row}`, async () => {
        play.fake.rule({ row });
        const [whole] = (await chat()).choices;
        await play.pollux.admin('/admin/reset', { method: 'POST', body: {} });
        play.fake.rule({ row });
        const streamed = await collect(await chat({ stream: true }));

        assert.equal(whole.message.content, 'You said: hello');
        assert.equal(streamed.content, 'You said: hello');
      });
    }

    for (const fault of ['empty', 'empty_json', 'reset', 'cut_before_head', 'cut_in_body', 'garbage']) {
      it(`an upstream that fails with ${fault}`, async () => {
        play.fake.rule({ fault });
        assert.equal((await chat()).choices[0].message.content, 'You said: hello');
        play.fake.rule({ fault: fault === 'empty_json' ? 'empty_stream' : fault });
        assert.equal((await collect(await chat({ stream: true }))).content, 'You said: hello');
      });
    }

    it('that the project of its conversation is kept, and what a key costs', async () => {
      await chat({ messages: [system('s'), user('first')] });
      const [{ key }] = play.upstream();
      await chat({ messages: [system('s'), user('first'), { role: 'assistant', content: 'You said: first' }, user('second')] });

      assert.equal(play.upstream()[1].key, key);
      assert.equal(stateOf(await play.keyStatus(key), NEW), 'ready');
      assert.ok((await play.keyStatus(key)).models[NEW].tokens_today.output > 0);
    });

    it('what a model cannot do: it is left out, once asked in vain, then never again', async () => {
      const refusal = { status: 400, body: { error: { code: 400, message: 'Penalty is not enabled for this model', status: 'INVALID_ARGUMENT' } } };
      const model = 'gemini-4-argon';
      play.fake.rule({ match: { body: 'presencePenalty' }, answer: refusal, times: 'always' });

      assert.equal((await chat({ model, presence_penalty: 0.5, temperature: 0.1 })).choices[0].message.content, 'You said: hello');
      const first = play.generations().length;
      assert.equal((await chat({ model, presence_penalty: 0.5 })).choices[0].message.content, 'You said: hello');

      assert.ok(first <= 2);
      assert.equal(play.generations().length, first + 1);
      assert.equal(play.generations()[first - 1].generationConfig.temperature, 0.1);
    });

    it('Gemma has no system instruction', async () => {
      assert.equal((await chat({ model: 'gemma-3-27b-it', messages: [system('be brief'), user('hello')] })).choices[0].message.content.slice(0, 9), 'You said:');
      assert.match(JSON.stringify(play.lastGeneration().contents), /be brief/);
    });
  });

  it('that cannot reach Pollux is told so by its SDK', async () => {
    await assert.rejects(new OpenAI({ apiKey: 'x', baseURL: 'http://127.0.0.1:9/v1', maxRetries: 0 }).models.list(), APIConnectionError);
  });

  it('without any key in the pool gets 503, not 401', async (t) => {
    const empty = await openaiStage(t, { keys: [], env: WAIT });

    await assert.rejects(empty.openai.chat.completions.create(CHAT), (error) => error instanceof InternalServerError && error.status === 503);
    assert.ok(!makeKey('one').includes(TOKEN));
  });
});

/** A class of errors for a status, as `instanceof` takes it. */
function APIErrorOf(status) {
  return { [Symbol.hasInstance]: (error) => error.status === status };
}
