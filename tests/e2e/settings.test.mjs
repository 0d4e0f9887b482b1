import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { inParallel } from './harness/load.mjs';
import { ADMIN_TOKEN, startPollux } from './harness/pollux.mjs';
import { MODEL, prompt, stage, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const settingsOf = (pollux) => pollux.admin('/admin/settings');
const change = (pollux, body) => pollux.admin('/admin/settings', { method: 'PATCH', body });
const factsOf = async (pollux, name) => (await settingsOf(pollux)).json().settings.find((one) => one.name === name);

const refused = async (pollux, body, status, field, message) => {
  const answer = await change(pollux, body);
  assert.equal(answer.status, status, answer.text);
  const { error } = answer.json();
  assert.equal(error.code, status);
  assert.equal(error.field, field);
  assert.match(error.message, message);
};

describe('settings of the running process', () => {
  let play;
  let pollux;
  const touched = ['MAX_RETRIES', 'MAX_WAIT_SECONDS', 'MODEL_ALIASES', 'LOG_LEVEL', 'TIME_OUT', 'MAX_BODY_BYTES', 'DEFAULT_RPM_LIMIT', 'PROXIES'];
  before(async () => {
    play = await stage(undefined, { keys: ['one', 'two', 'three', 'four'], env: { MAX_FAILURES: '0' } });
    pollux = play.pollux;
  });
  after(() => play.close());
  beforeEach(async () => {
    play.fake.reset();
    await pollux.admin('/admin/reset', { method: 'POST' });
    const answer = await change(pollux, Object.fromEntries(touched.map((name) => [name, null])));
    assert.equal(answer.status, 200, answer.text);
    play.fake.clearRequests();
  });

  /** How often Google is asked for one request that always fails, of each of many requests: every worker answers some. */
  const triesOfFailing = async (requests = 24) => {
    play.fake.clearRequests();
    play.fake.rule({ match: { path: 'generateContent' }, times: 'always', row: 'internal' });
    const counts = new Map();
    await inParallel(requests, 4, async (number) => {
      await pollux.post(UNARY, prompt(`request ${number}.`), { headers: { Connection: 'close' } });
    });
    for (const { body } of play.upstream()) {
      const number = body?.match(/request (\d+)\./)?.[1];
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    play.fake.clearRules();
    await pollux.admin('/admin/reset', { method: 'POST' });
    return [...new Set(counts.values())];
  };

  it('are told by name, and each with its sentence, default and source', async () => {
    const answer = (await settingsOf(pollux)).json();

    assert.equal(answer.MAX_RETRIES, 3);
    assert.equal(answer.TIME_OUT, 300);
    assert.equal(answer.LOG_LEVEL, 'info');
    assert.equal(answer.GEMINI_API_KEYS, '4 keys');
    for (const facts of answer.settings) {
      assert.deepEqual(facts.value, answer[facts.name]);
      for (const name of ['name', 'value', 'default', 'source', 'pinned', 'changeable', 'type', 'about', 'group', 'policy']) assert.ok(name in facts, name);
      assert.ok(facts.about.endsWith('.'), facts.about);
    }
    const facts = (name) => answer.settings.find((one) => one.name === name);
    assert.deepEqual([facts('WORKERS').source, facts('WORKERS').pinned, facts('WORKERS').changeable], ['environment', true, false]);
    assert.deepEqual([facts('PORT').source, facts('PORT').pinned], ['command line', true]);
    assert.deepEqual([facts('MAX_RETRIES').min, facts('MAX_RETRIES').max], [0, 1000]);
    assert.deepEqual(facts('LOG_LEVEL').choices, ['trace', 'debug', 'info', 'warn', 'error', 'off']);
    assert.deepEqual([facts('MODEL_ALIASES').policy, facts('MODEL_ALIASES').form], ['models.lua', 'name=model']);
    assert.equal(facts('DEFAULT_RPM_LIMIT').default_text, 'by model');
  });

  it('show no secret', async () => {
    const { text } = await settingsOf(pollux);
    for (const secret of [...play.keys, pollux.token, ADMIN_TOKEN]) assert.ok(!text.includes(secret));
  });

  it('are obeyed by the next request of every worker', async () => {
    assert.deepEqual(await triesOfFailing(), [3]);

    const answer = await change(pollux, { MAX_RETRIES: 1 });

    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json().MAX_RETRIES, 1);
    assert.equal(answer.json().settings.find(({ name }) => name === 'MAX_RETRIES').source, 'here');
    assert.deepEqual(await triesOfFailing(), [2]);
    await change(pollux, { MAX_RETRIES: '0' });
    assert.deepEqual(await triesOfFailing(), [1]);
    await change(pollux, { MAX_RETRIES: null });
    assert.deepEqual(await triesOfFailing(), [3]);
  });

  it('change how long a request waits for a key', async () => {
    const waited = async () => {
      const began = Date.now();
      const answer = await pollux.post(UNARY, prompt('hi'));
      return [answer.status, Date.now() - began];
    };
    assert.equal((await change(pollux, { MAX_WAIT_SECONDS: 0 })).status, 200);
    play.fake.rule({ times: 'always', row: 'quota_minute' });
    await waited();

    const [status, ms] = await waited();

    assert.ok([429, 503].includes(status), String(status));
    assert.ok(ms < 2000, `${ms} ms`);
  });

  it('of a policy are obeyed as well', async () => {
    await change(pollux, { MODEL_ALIASES: [`mine=${MODEL}`] });

    await inParallel(12, 4, () => pollux.post('/v1beta/models/mine:generateContent', prompt('hi'), { headers: { Connection: 'close' } }));

    const asked = play.upstream().filter(({ method }) => method === 'POST');
    assert.equal(asked.length, 12);
    for (const { url } of asked) assert.match(url, new RegExp(`/${MODEL}:`));
  });

  it('change the log at once, the size of bodies and the patience with Google', async () => {
    await change(pollux, { LOG_LEVEL: 'error' });
    const before_length = pollux.log().length;
    await change(pollux, { MAX_BODY_BYTES: 1000, TIME_OUT: 0.2, MAX_RETRIES: 0 });

    assert.equal((await pollux.post(UNARY, prompt('x'.repeat(2000)))).status, 413);
    play.fake.rule({ match: { path: 'generateContent' }, fault: 'hang' });
    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 504);

    await change(pollux, { LOG_LEVEL: 'info' });
    await eventually(() => /settings changed\s+names=LOG_LEVEL/.test(pollux.log().slice(before_length)));
    assert.doesNotMatch(pollux.log().slice(before_length), /names=MAX_BODY_BYTES/);
  });

  it('give models without a known limit another one', async () => {
    const model = 'nobody-knows-it';
    await pollux.post(`/v1beta/models/${model}:generateContent`, prompt('hi'));
    const limit = async () => (await pollux.status()).keys.map(({ models }) => models[model]).find(Boolean).rpm_limit;
    assert.notEqual(await limit(), 77);

    assert.equal((await change(pollux, { DEFAULT_RPM_LIMIT: 77 })).status, 200);

    assert.equal(await limit(), 77);
  });

  it('that are set to nothing are at their defaults', async () => {
    for (const [name, model] of [['IMAGE_MODEL', 'dall-e-3'], ['SPEECH_MODEL', 'tts-1']]) {
      await change(pollux, { [name]: 'gemini-of-mine' });
      const answer = await change(pollux, { [name]: '' });
      assert.equal(answer.status, 200, answer.text);
      const { value, default: fallback, source } = await factsOf(pollux, name);
      assert.deepEqual([value, source], [fallback, 'default']);
      play.fake.clearRequests();
      const body = model === 'tts-1' ? { model, input: 'hi', voice: 'alloy' } : { model, prompt: 'a cat' };
      await pollux.post(model === 'tts-1' ? '/v1/audio/speech' : '/v1/images/generations', body);
      assert.match(play.upstream().at(-1).url, new RegExp(`/${fallback}:`));
    }
  });

  it('are refused by name: unknown, wrong, pinned, read at start only; and nothing of such a change is kept', async () => {
    await refused(pollux, { MAX_RETRY: 1 }, 400, 'MAX_RETRY', /did you mean MAX_RETRIES/);
    await refused(pollux, { NONSENSE: 1 }, 400, 'NONSENSE', /there is no setting/);
    await refused(pollux, { MAX_RETRIES: -1 }, 400, 'MAX_RETRIES', /found "-1"; expected a whole number from 0 to 1000/);
    await refused(pollux, { MAX_RETRIES: true }, 400, 'MAX_RETRIES', /expected a number/);
    await refused(pollux, { MODEL_LIST_MINUTES: 0 }, 400, 'MODEL_LIST_MINUTES', /below 1/);
    for (const row of ['a', '=b', 'a=', 'a=b=c', 'a=models/']) {
      await refused(pollux, { MODEL_ALIASES: ['fine=gemini-x', row] }, 400, 'MODEL_ALIASES', new RegExp(`"${row}" is not of the form name=model`));
    }
    await refused(pollux, { PROXIES: ['http://…@127.0.0.1:10'] }, 400, 'PROXIES', /user name and password in full/);
    await refused(pollux, { PROXIES: ['http://user:hush@'] }, 400, 'PROXIES', /^(?!.*hush)/);
    await refused(pollux, { MAX_FAILURES: 2 }, 409, 'MAX_FAILURES', /set in the environment; change it there/);
    await refused(pollux, { PORT: 1 }, 409, 'PORT', /--port/);
    await refused(pollux, { HOST: '::' }, 409, 'HOST', /./);
    await refused(pollux, { TLS_CERT_FILE: '/etc/passwd' }, 409, 'TLS_CERT_FILE', /read at start only/);
    await refused(pollux, { MAX_RETRIES: 1, NONSENSE: 1 }, 400, 'NONSENSE', /./);
    assert.equal((await settingsOf(pollux)).json().MAX_RETRIES, 3);
    for (const [method, path, body, status] of [['POST', '/admin/settings', {}, 405], ['GET', '/admin/settings/x', undefined, 404],
      ['PATCH', '/admin/settings', [1], 400], ['PATCH', '/admin/settings', 'x', 400], ['PATCH', '/admin/settings', {}, 200]]) {
      assert.equal((await pollux.admin(path, { method, body })).status, status, `${method} ${path} ${JSON.stringify(body)}`);
    }
    assert.equal((await pollux.call('/admin/settings', { token: null })).status, 401);
  });

  it('are changed one after the other, however many ask at once', async () => {
    const answers = await inParallel(40, 20, (number) => change(pollux, { MAX_RETRIES: number, DEFAULT_RPM_LIMIT: number + 1 }));

    for (const answer of answers) assert.equal(answer.status, 200);
    const now = (await settingsOf(pollux)).json();
    assert.equal(now.DEFAULT_RPM_LIMIT, now.MAX_RETRIES + 1);
  });

  it('are changed without a failed request under load', async () => {
    let going = true;
    const load = inParallel(4, 4, async () => {
      let asked = 0;
      while (going) {
        const answer = await pollux.post(UNARY, prompt('hi'));
        assert.equal(answer.status, 200, answer.text);
        asked += 1;
      }
      return asked;
    });
    for (let number = 0; number < 30; number += 1) {
      assert.equal((await change(pollux, { MAX_RETRIES: number, MAX_WAIT_SECONDS: number + 10, MODEL_ALIASES: [`a${number}=${MODEL}`] })).status, 200);
    }
    going = false;
    assert.ok((await load).every((asked) => asked > 0));
  });
});

describe('what was set here', () => {
  it('survives a restart, gives way to what the start says, and is warned of where nothing understands it', async (t) => {
    const policy = (name) => `return { settings = { { name = "${name}", type = "number", default = 1, about = "A number." } } }\n`;
    const play = await stage(t, { keys: ['one'], policies: { 'own.lua': policy('MY_NUMBER') } });
    assert.equal((await change(play.pollux, { MAX_RETRIES: 1, LOG_LEVEL: 'debug', MY_NUMBER: 2.5 })).status, 200);

    await play.pollux.kill();
    play.pollux = await play.pollux.restart();

    let now = (await settingsOf(play.pollux)).json();
    assert.deepEqual([now.MAX_RETRIES, now.LOG_LEVEL, now.MY_NUMBER], [1, 'debug', 2.5]);

    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { MAX_RETRIES: '2', LOG_LEVEL: 'info' }, policies: { 'own.lua': policy('ANOTHER') } });

    now = (await settingsOf(play.pollux)).json();
    assert.equal(now.MAX_RETRIES, 2);
    const stray = await factsOf(play.pollux, 'MY_NUMBER');
    assert.equal(stray.source, 'here');
    assert.match(stray.error, /nothing knows/);
    await play.pollux.waitForLog(/counts for nothing\s+name=MY_NUMBER/);
    assert.equal((await change(play.pollux, { MY_NUMBER: null })).status, 200);
    assert.equal(await factsOf(play.pollux, 'MY_NUMBER'), undefined);
  });

  it('is not lost when Pollux is killed right after the answer', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    assert.equal((await change(play.pollux, { MAX_RETRIES: 9 })).status, 200);
    await play.pollux.kill();
    play.pollux = await startPollux({ ...play.pollux.options, folder: play.pollux.folder });
    assert.equal((await settingsOf(play.pollux)).json().MAX_RETRIES, 9);
  });
});
