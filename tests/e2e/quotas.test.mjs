import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ask, inParallel, keepAliveAgent } from './harness/load.mjs';
import { makeKey } from '../fake_gemini/server.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { openRaw } from './harness/raw.mjs';
import { keyId, MODEL, modelsOf, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually, pause } from './harness/wait.mjs';

const headers = { 'x-goog-api-key': TOKEN, 'Content-Type': 'application/json' };
const body = JSON.stringify(prompt('hello'));

/** 20 keys of 5 projects, each project with these limits at the fake. */
const twentyKeys = (limits) => Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, project: `project-${i % 5}`, limits: { '*': limits } }));

/** Gives the keys the projects that the fake has them in, as their owner would. */
async function nameProjects({ fake, pollux }) {
  for (const { key, project } of fake.keys()) {
    const answer = await pollux.admin(`/admin/keys/${keyId(key)}`, { method: 'PATCH', body: { project_id: project } });
    assert.equal(answer.status, 200, answer.text);
  }
}

async function burst(t, play, count, path = (i) => (i % 2 ? UNARY : STREAM)) {
  const agent = keepAliveAgent(count);
  t.after(() => agent.destroy());
  return inParallel(count, count, (i) => ask(agent, play.pollux.url + path(i), { headers, body }));
}

const withStatus = (answers, status) => answers.filter((answer) => answer.status === status);
const modelOf = (key) => modelsOf(key).find(({ model }) => model === MODEL) ?? key.models[MODEL];

describe('limits that are known beforehand', () => {
  for (const workers of ['2', '4']) {
    it(`are used up to the last request and not one more, by ${workers} workers`, async (t) => {
      const play = await stage(t, { keys: twentyKeys({ rpm: 4 }), env: { WORKERS: workers, DEFAULT_RPM_LIMIT: '4', MAX_WAIT_SECONDS: '0' } });
      await nameProjects(play);

      const answers = await burst(t, play, 60);

      assert.equal(withStatus(answers, 200).length, 20);
      const refused = withStatus(answers, 503);
      assert.equal(refused.length, 40);
      for (const { headers: given, text } of refused) {
        assert.ok(Number(given['retry-after']) > 50 && Number(given['retry-after']) <= 61, given['retry-after']);
        assert.match(JSON.parse(text).error.message, /no key can pay for gemini-3\.5-flash-lite now; the first one can again in \d+ s/);
      }
      assert.equal(play.upstream().length, 20);
      assert.ok(play.upstream().every(({ status }) => status === 200));
    });

  }

  it('make clients wait for the next minute, and none of them sees an error, with two workers and with four', async (t) => {
    await Promise.all(['2', '4'].map(async (workers) => {
      const play = await stage(t, { keys: twentyKeys({ rpm: 4 }), env: { WORKERS: workers, DEFAULT_RPM_LIMIT: '4', MAX_WAIT_SECONDS: '90' } });
      await nameProjects(play);

      const answers = await burst(t, play, 40);

      assert.equal(withStatus(answers, 200).length, 40);
      assert.equal(play.upstream().length, 40);
      assert.ok(play.upstream().every(({ status }) => status === 200), 'the upstream refused none');
    }));
  });

  it('hold for the day as well, and counting tokens costs nothing of it', async (t) => {
    const play = await stage(t, { keys: ['a', 'b'], env: { DEFAULT_RPD_LIMIT: '3', MAX_WAIT_SECONDS: '5' } });

    for (let i = 0; i < 6; i += 1) assert.equal((await play.pollux.post(UNARY, prompt('x'))).status, 200);
    const refused = await play.pollux.post(UNARY, prompt('x'));

    assert.equal(refused.status, 503);
    assert.ok(Number(refused.header('retry-after')) > 60);
    assert.equal(refused.header('x-should-retry'), 'false');
    assert.equal((await play.pollux.post(`/v1beta/models/${MODEL}:countTokens`, prompt('x'))).status, 200);
    const model = modelOf((await play.pollux.status()).keys[0]);
    assert.equal(model.project_requests_today, 3);
    assert.equal(model.rpd_limit, 3);
  });

  it('come from limits.lua by tier and model, and a saved file takes effect', async (t) => {
    const limits = (rpm) => `return { tiers = { "free" }, free = { ["gemini-*-lite"] = { rpm = ${rpm} } } }\n`;
    const play = await stage(t, { keys: ['a'], env: { MAX_WAIT_SECONDS: '0' }, policies: { 'limits.lua': limits(1) } });
    const [{ id }] = (await play.pollux.status()).keys;
    const ofModel = async () => {
      await play.pollux.post(UNARY, prompt('x'));
      return modelOf((await play.pollux.status()).keys[0]);
    };
    assert.equal((await ofModel()).rpm_limit, null);

    await play.pollux.admin(`/admin/keys/${id}`, { method: 'PATCH', body: { tags: ['free'] } });

    assert.equal((await ofModel()).rpm_limit, 1);
    assert.equal((await play.pollux.post(UNARY, prompt('x'))).status, 503);
    play.pollux.writePolicy('limits.lua', limits(100));
    await eventually(async () => (await ofModel()).rpm_limit === 100, { what: 'the new limits' });
    assert.equal((await play.pollux.post(UNARY, prompt('x'))).status, 200);
  });
});

describe('limits that Google tells', () => {
  it('are learned from a 429, shown, kept over a restart and can be forgotten', async (t) => {
    const play = await stage(t, { keys: [{ key: 'a', limits: { '*': { rpm: 2 } } }, 'b'], env: { MAX_WAIT_SECONDS: '0' } });
    for (let i = 0; i < 6; i += 1) assert.equal((await play.pollux.post(UNARY, prompt('x'))).status, 200);

    const learned = modelOf(await play.keyStatus(play.keys[0]));
    assert.equal(learned.rpm_limit, 2);
    assert.deepEqual(learned.learned, ['rpm']);
    assert.equal(play.upstream().filter(({ status }) => status === 429).length, 1);

    await play.pollux.stop();
    play.pollux = await play.pollux.restart();
    assert.equal(modelOf(await play.keyStatus(play.keys[0])).rpm_limit, 2);

    const answer = await play.pollux.admin('/admin/reset', { method: 'POST', body: { learned_limits: true } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(modelOf(await play.keyStatus(play.keys[0])).rpm_limit, null);
  });

  it('of 0 mean never: the project is not asked again, and the answer says why', async (t) => {
    const play = await stage(t, { keys: [{ key: 'a', limits: { [MODEL]: { rpm: 0 } } }], env: { MAX_WAIT_SECONDS: '0' } });

    await play.pollux.post(UNARY, prompt('x'));
    const asked = play.upstream().length;
    const again = await play.pollux.post(UNARY, prompt('x'));

    assert.equal(play.upstream().length, asked);
    assert.equal(again.status, 503);
    assert.equal(again.header('x-should-retry'), 'false');
    assert.equal(again.header('x-pollux-error'), 'model_not_granted');
    assert.match(again.json().error.message, /gives? |grants/);
    const other = `/v1beta/models/gemini-3.5-flash:generateContent`;
    assert.equal((await play.pollux.post(other, prompt('x'))).status, 200);
  });
});

describe('waiting', () => {
  it('is in order: who came first is served first', async (t) => {
    const play = await stage(t, { keys: ['a'], env: { WORKERS: '3', DEFAULT_RPM_LIMIT: '1', MAX_WAIT_SECONDS: '0.2' } });
    assert.equal((await play.pollux.post(UNARY, prompt('x'))).status, 200);
    const began = Date.now();
    const refused = await play.pollux.post(UNARY, prompt('x'));
    assert.equal(refused.status, 503);
    assert.ok(Date.now() - began < 1000, 'nobody waits for what will not come in time');
  });

  it('ends when a key is added, and a client that left has left the line', async (t) => {
    const play = await stage(t, { keys: ['a'], env: { WORKERS: '2', DEFAULT_RPM_LIMIT: '1', MAX_WAIT_SECONDS: '90' } });
    assert.equal((await play.pollux.post(UNARY, prompt('first'))).status, 200);
    const leaving = await openRaw(play.pollux.url);
    const text = JSON.stringify(prompt('who left'));
    leaving.send(`POST ${UNARY} HTTP/1.1\r\nHost: x\r\nx-goog-api-key: ${TOKEN}\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    const staying = play.pollux.post(UNARY, prompt('who stayed'));
    await eventually(async () => (await play.pollux.status()).waiting === 2, { what: 'two that wait' });
    leaving.destroy();
    await eventually(async () => (await play.pollux.status()).waiting === 1, { what: 'one that waits' });

    const fresh = makeKey('fresh');
    play.fake.setKey({ key: fresh });
    await play.pollux.admin('/admin/keys', { method: 'POST', body: { key: fresh } });

    assert.equal((await staying).status, 200);
    assert.deepEqual(play.upstream().map((entry) => JSON.parse(entry.body).contents[0].parts[0].text), ['first', 'who stayed']);
  });
});

describe('limits over a kill', () => {
  it('are kept: what was sent in the minute before counts after it', async (t) => {
    const play = await stage(t, { keys: twentyKeys({ rpm: 4 }), env: { DEFAULT_RPM_LIMIT: '4', DEFAULT_RPD_LIMIT: '100', MAX_WAIT_SECONDS: '0' } });
    await nameProjects(play);
    await burst(t, play, 30);
    await eventually(() => play.pollux.readData('pollux.db-wal').length > 0);
    await pause(1200); // States are written once a second.
    await play.pollux.kill();
    play.pollux = await play.pollux.restart();

    const answers = await burst(t, play, 30);

    assert.equal(withStatus(answers, 200).length, 0);
    assert.equal(play.upstream().length, 20);
    const models = (await play.pollux.status()).keys.map(modelOf);
    assert.ok(models.every(({ project_requests_today: today }) => today === 4));
  });
});

describe('a policy that takes its time to choose', () => {
  it('is asked once at a time, also while keys become free', async (t) => {
    const slow = `local keys = {}


function keys.select(request, pool)
  sleep(0.03)
  return pool:least_busy()
end


return keys
`;
    const play = await stage(t, { keys: ['a', 'b'], policies: { 'keys.lua': slow }, env: { DEFAULT_RPM_LIMIT: '2', MAX_WAIT_SECONDS: '90', WORKERS: '2' } });
    const waiting = burst(t, play, 8);
    for (let i = 0; i < 6; i += 1) {
      await eventually(async () => (await play.pollux.status()).waiting > 0);
      const key = makeKey(`more${i}`);
      play.fake.setKey({ key });
      await play.pollux.admin('/admin/keys', { method: 'POST', body: { key } });
      if (play.upstream().length >= 8) break;
    }
    assert.deepEqual((await waiting).map(({ status }) => status), Array(8).fill(200));
    assert.equal(play.upstream().length, 8);
  });
});

describe('a client with a key of its own', () => {
  it('is refused as long as nobody has allowed it', async (t) => {
    const play = await stage(t, { keys: ['pooled'] });
    const own = makeKey('own');
    play.fake.setKey({ key: own });
    assert.equal((await play.pollux.post(UNARY, prompt('x'), { token: own })).status, 401);
    assert.equal(play.upstream().length, 0);
  });

  it('pays with it where that is allowed, and it never enters the pool', async (t) => {
    const play = await stage(t, { keys: ['pooled'], env: { ALLOW_OWN_KEYS: 'true' } });
    const own = makeKey('own');
    play.fake.setKey({ key: own });

    assert.equal((await play.pollux.post(UNARY, prompt('x'), { token: own })).status, 200);
    assert.equal(play.upstream()[0].key, own);
    play.fake.setKey({ key: own, state: 'suspended' });
    const refused = await play.pollux.post(UNARY, prompt('x'), { token: own });

    assert.equal(refused.status, 403);
    assert.ok(!refused.text.includes(own));
    assert.equal((await play.pollux.status()).total_keys, 1);
    assert.ok((await play.pollux.status()).keys.every(({ enabled }) => enabled));
    assert.ok(!play.pollux.log().includes(own));
  });
});

describe('a conversation', () => {
  const turns = (count) => ({
    contents: Array.from({ length: count }, (_, i) => ({ role: i % 2 ? 'model' : 'user', parts: [{ text: `turn ${i}` }] })),
  });

  it('stays with its key while that can pay, and others take turns', async (t) => {
    const play = await stage(t, { keys: ['a', 'b', 'c', 'd'] });
    for (let i = 1; i < 10; i += 2) {
      assert.equal((await play.pollux.post(UNARY, turns(i))).status, 200);
      assert.equal((await play.pollux.post(UNARY, prompt(`something else ${i}`))).status, 200);
    }
    const ofConversation = play.upstream().filter(({ body: sent }) => sent.includes('turn 0'));
    assert.equal(new Set(ofConversation.map(({ key }) => key)).size, 1);

    const [{ key }] = ofConversation;
    play.fake.rule({ match: { key }, row: 'quota_minute', times: 'always' });
    assert.equal((await play.pollux.post(UNARY, turns(11))).status, 200);
    assert.equal((await play.pollux.post(UNARY, turns(13))).status, 200);
    const [, , ...moved] = play.upstream().filter(({ body: sent }) => sent.includes('turn 10'));
    assert.notEqual(moved[0].key, key);
  });
});

describe('tokens', () => {
  it('are counted from what the answers say, also at the end of a stream', async (t) => {
    const play = await stage(t, { keys: ['a'] });
    await play.pollux.post(UNARY, prompt('some words to count'));
    const afterOne = (await eventually(async () => {
      const model = modelOf((await play.pollux.status()).keys[0]);
      return model.tokens_today.input > 0 && model;
    })).tokens_today;
    await play.pollux.post(STREAM, prompt('some words to count'));
    const afterTwo = (await eventually(async () => {
      const model = modelOf((await play.pollux.status()).keys[0]);
      return model.tokens_today.input > afterOne.input && model;
    }));
    assert.equal(afterTwo.tokens_today.input, 2 * afterOne.input);
    assert.ok(afterTwo.tokens_today.output > afterOne.output);
    assert.equal(afterTwo.tokens_this_minute, afterTwo.tokens_today.input);
  });
});
