import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { openRaw, requestText } from './harness/raw.mjs';
import { keyId, prompt, stage, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const OFTEN = { CHECK_INTERVAL_HOURS: '0.0003' };  // A good second.
const LIST = '/v1beta/models?pageSize=1';

const checksOf = (play, key) => play.upstream().filter((entry) => entry.url === LIST && (!key || entry.key === key));
const generations = (play) => play.upstream().filter(({ method }) => method === 'POST');
const check = (play, key) => play.pollux.admin(`/admin/keys/${keyId(key)}/check`, { method: 'POST' });
const becomes = (play, key, state) => eventually(async () => {
  const status = await play.keyStatus(key);
  return status.state === state && status;
}, { within_ms: 10_000, what: `the key never became ${state}` });

/** A good key that went bad, and was put away by the first request. */
async function putAway(play, key, state = 'leaked') {
  play.fake.setKey({ key, state });
  await play.pollux.post(UNARY, prompt('hi'));
  return becomes(play, key, 'disabled');
}

// A key rests as a whole where a policy says so.
const RESTS_ON_500 = `
local shipped = require "default.failover"
local failover = {}
function failover.judge(request, attempt)
  if attempt.status == 500 then return answer():cool_down(attempt.key, 3600, nil, "it looked ill") end
  return shipped.judge(request, attempt)
end
return failover
`;

describe('a key that was put away', () => {
  it('stays so while Google refuses it, and comes back by itself when it is well', async (t) => {
    const play = await stage(t, { keys: ['one'], env: OFTEN });
    const [key] = play.keys;
    const before = await putAway(play, key);

    await eventually(() => checksOf(play, key).length >= 2, { within_ms: 10_000, what: 'no checks' });
    const meanwhile = await play.keyStatus(key);
    assert.deepEqual([meanwhile.state, meanwhile.reason, meanwhile.disabled_since], ['disabled', before.reason, before.disabled_since]);
    play.fake.setKey({ key, state: 'ok' });
    const back = await becomes(play, key, 'probing');

    assert.deepEqual([back.enabled, back.reason, back.disabled_since], [true, null, null]);
    assert.equal((await play.pollux.post(UNARY, prompt('hi'))).status, 200);
    assert.equal((await play.keyStatus(key)).state, 'ready');
    assert.equal(back.requests_today, before.requests_today, 'a check is no request');
  });

  it('serves one request at a time until one has succeeded', async (t) => {
    const play = await stage(t, { keys: ['one', 'two'], env: OFTEN });
    const [key] = play.keys;
    play.fake.setKey({ key, state: 'leaked' });
    for (let i = 0; i < 2; i += 1) await play.pollux.post(UNARY, prompt('hi'));
    await becomes(play, key, 'disabled');
    play.fake.setKey({ key, state: 'ok' });
    await becomes(play, key, 'probing');
    play.fake.clearRequests();
    const ofKey = () => generations(play).filter((entry) => entry.key === key);
    play.fake.rule({ match: { key, method: 'POST' }, row: 'internal', delay_ms: 500 });
    play.fake.rule({ match: { key, method: 'POST' }, fault: 'informational', delay_ms: 500 });

    const burst = () => Promise.all(Array.from({ length: 8 }, () => play.pollux.post(UNARY, prompt('hi'))));
    const first = await burst();
    assert.equal((await play.keyStatus(key)).state, 'probing', 'a failure proves nothing');
    assert.deepEqual(ofKey().map(({ status }) => status), [500]);
    const second = await burst();
    assert.deepEqual(ofKey().map(({ status }) => status), [500, 200]);
    assert.equal((await play.keyStatus(key)).state, 'ready');
    const third = await burst();

    assert.ok([...first, ...second, ...third].every(({ status }) => status === 200));
    assert.equal(ofKey().length, 2 + 4);
  });

  it('is put away again if it fails on trial', async (t) => {
    const play = await stage(t, { keys: ['one', 'two'], env: OFTEN });
    const [key] = play.keys;
    play.fake.setKey({ key, state: 'leaked' });
    for (let i = 0; i < 2; i += 1) await play.pollux.post(UNARY, prompt('hi'));
    await becomes(play, key, 'disabled');
    play.fake.rule({ match: { key, method: 'POST' }, row: 'prepay_depleted' });
    play.fake.setKey({ key, state: 'ok' });
    await becomes(play, key, 'probing');

    for (let i = 0; i < 2; i += 1) assert.equal((await play.pollux.post(UNARY, prompt('hi'))).status, 200);

    assert.match((await becomes(play, key, 'disabled')).reason, /credits/);
  });

  it('is back soon after a restart, and what is on trial stays on trial', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const [key] = play.keys;
    await putAway(play, key);
    play.fake.setKey({ key, state: 'ok' });
    await play.pollux.stop();

    play.pollux = await play.pollux.restart({ env: OFTEN });
    await becomes(play, key, 'probing');
    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { CHECK_INTERVAL_HOURS: '0' } });

    assert.equal((await play.keyStatus(key)).state, 'probing');
    assert.equal((await play.pollux.post(UNARY, prompt('hi'))).status, 200);
    assert.equal((await play.keyStatus(key)).state, 'ready');
  });

  it('is not asked about if a person did it', async (t) => {
    const play = await stage(t, { keys: ['one', 'two'], env: OFTEN });
    const [byHand, byGoogle] = play.keys;
    await play.pollux.admin(`/admin/keys/${keyId(byHand)}`, { method: 'PATCH', body: { enabled: false } });
    await putAway(play, byGoogle);

    await eventually(() => checksOf(play, byGoogle).length >= 2, { within_ms: 10_000 });

    assert.deepEqual(checksOf(play, byHand), []);
    assert.equal((await play.keyStatus(byHand)).state, 'disabled');
  });

  it('waits for its turn: three are asked about at a time', async (t) => {
    const names = Array.from({ length: 9 }, (_, i) => `k${i}`);
    const play = await stage(t, { keys: names, env: { ...OFTEN, MAX_RETRIES: '20' } });
    for (const key of play.keys) play.fake.setKey({ key, state: 'leaked' });
    await play.pollux.post(UNARY, prompt('hi'));
    await eventually(async () => (await play.pollux.status()).disabled_keys === 9);
    play.fake.clearRequests();
    play.fake.rule({ match: { path: '^/v1beta/models\\?' }, fault: 'hang', times: 'always' });

    await eventually(() => checksOf(play).length > 0, { within_ms: 10_000 });
    await eventually(() => checksOf(play).length === 3);
    await new Promise((done) => { setTimeout(done, 200); });
    assert.equal(checksOf(play).length, 3);
  });
});

describe('a key at rest', () => {
  it('says why, and comes back on trial before its time if it is well', async (t) => {
    const play = await stage(t, { keys: ['one'], env: OFTEN, policies: { 'failover.lua': RESTS_ON_500 } });
    const [key] = play.keys;
    play.fake.rule({ match: { path: '^/v1beta/models\\?' }, row: 'unavailable', times: 2 });
    play.fake.rule({ match: { method: 'POST' }, row: 'internal' });
    await play.pollux.post(UNARY, prompt('hi'));

    const resting = await becomes(play, key, 'resting');
    assert.equal(resting.reason, 'it looked ill');
    const ready = await play.pollux.call('/ready', { token: null });
    assert.equal(ready.status, 200);
    assert.match(ready.json().warnings[0], /at rest; the first one can pay again at \d{4}-/);

    await becomes(play, key, 'probing');
    assert.equal(checksOf(play, key).length >= 3, true, 'a 503 says nothing of a key');
  });

  it('is put away if Google refuses it', async (t) => {
    const play = await stage(t, { keys: ['one'], env: OFTEN, policies: { 'failover.lua': RESTS_ON_500 } });
    const [key] = play.keys;
    play.fake.rule({ match: { method: 'POST' }, row: 'internal' });
    await play.pollux.post(UNARY, prompt('hi'));
    await play.pollux.admin('/health');
    play.fake.setKey({ key, state: 'leaked' });

    assert.match((await becomes(play, key, 'disabled')).reason, /leaked/);
    assert.equal((await play.pollux.call('/ready', { token: null })).status, 503);
  });
});

describe('POST /admin/keys/{key_id}/check', () => {
  it('answers what Google says of a key, and heeds it', async (t) => {
    const play = await stage(t, { keys: ['one', 'two'] });
    const [key, other] = play.keys;

    const well = (await check(play, key)).json();
    assert.deepEqual([well.id, well.well, well.status, well.key.state], [keyId(key), true, 200, 'ready']);
    assert.equal(well.message, 'Google accepts this key');
    assert.equal(well.key.requests_today, 0);

    play.fake.setKey({ key, state: 'suspended' });
    const ill = await check(play, key);
    assert.deepEqual([ill.json().well, ill.json().status, ill.json().key.state], [false, 403, 'disabled']);
    assert.match(ill.json().key.reason, /suspended/);
    assert.equal(ill.json().message, ill.json().key.reason);
    assert.ok(!ill.text.includes(key));

    play.fake.setKey({ key, state: 'ok' });
    const again = (await check(play, key)).json();
    assert.deepEqual([again.well, again.key.state], [true, 'probing']);
    assert.equal((await play.keyStatus(other)).state, 'ready');
  });

  for (const [what, rule, status, message] of [
    ['a full service', { row: 'unavailable' }, 503, /Google answered 503: The service/],
    ['a 403 that nobody knows', { answer: { status: 403, headers: {}, body: '{"error":{"code":403,"message":"No."}}' } }, 403, /Google answered 403: No\./],
    ['a page of somebody else\'s', { answer: { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>' } }, 200, /Google answered 200/],
    ['a connection that breaks', { fault: 'reset', times: 'always' }, null, /./],
  ]) {
    it(`finds nothing out from ${what}, and leaves the key as it is`, async (t) => {
      const play = await stage(t, { keys: ['one'] });
      play.fake.rule({ match: { path: '^/v1beta/models\\?' }, ...rule });

      const answer = (await check(play, play.keys[0])).json();

      assert.deepEqual([answer.well, answer.status, answer.key.state], [null, status, 'ready']);
      assert.match(answer.message, message);
    });
  }

  it('never sees the secret, whatever Google repeats', async (t) => {
    const play = await stage(t, { keys: ['one'], policies: { 'health.lua': `
      local health = {}
      function health.check(key)
        local answered = google.fetch(key, { path = "/v1beta/models?pageSize=1" })
        return nil, answered.body:match('Consumer .- has') .. " " .. answered.headers["x-echo"], answered.status
      end
      return health` } });
    const [key] = play.keys;
    const body = JSON.stringify({ error: { code: 403, message: `Permission denied: Consumer '${key}' has been suspended.` } });
    play.fake.rule({ match: { path: '^/v1beta/models\\?' }, answer: { status: 403, headers: { 'X-Echo': key }, body } });

    const answer = await check(play, key);

    assert.equal(answer.json().status, 403);
    assert.match(answer.json().message, /^Consumer 'AIza….{0,4}' has AIza…/);
    assert.ok(!answer.text.includes(key));
  });

  it('lets in a key that may generate, but not list models', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    play.fake.rule({ match: { path: '^/v1beta/models\\?' }, row: 'method_blocked', times: 'always' });
    const [key] = play.keys;
    assert.equal((await check(play, key)).json().well, true);

    play.fake.setKey({ key, state: 'restricted' });
    const answer = (await check(play, key)).json();
    assert.deepEqual([answer.well, answer.key.state], [false, 'disabled']);
    assert.match(answer.message, /restrictions/);
  });

  it('only answers where a person has disabled the key', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const [key] = play.keys;
    await play.pollux.admin(`/admin/keys/${keyId(key)}`, { method: 'PATCH', body: { enabled: false } });

    const answer = (await check(play, key)).json();

    assert.deepEqual([answer.well, answer.key.enabled, answer.key.reason], [true, false, 'disabled by hand']);
  });

  it('asks the upstream under its prefix', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { GEMINI_BASE_URL: `${play.fake.url}/somewhere/else` } });

    const answer = (await check(play, play.keys[0])).json();

    assert.equal(answer.well, null);
    assert.equal(play.upstream().at(-1).url, `/somewhere/else${LIST}`);
  });

  it('refuses what is wrong, by name', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const path = `/admin/keys/${keyId(play.keys[0])}/check`;

    assert.equal((await play.pollux.admin('/admin/keys/nobody/check', { method: 'POST' })).status, 404);
    assert.equal((await play.pollux.admin(path)).status, 405);
    const odd = await play.pollux.admin(path, { method: 'POST', body: { force: true } });
    assert.deepEqual([odd.status, odd.json().error.field], [400, 'force']);
    assert.equal((await play.pollux.call(path, { method: 'POST', token: null })).status, 401);
    assert.equal(play.upstream().length, 0);
  });

  it('tells what is wrong with a health.lua of the owner\'s', async (t) => {
    const play = await stage(t, { keys: ['one'], policies: { 'health.lua': 'local health = {}\nfunction health.check(key)\n  return key.nothing\nend\nreturn health\n' } });
    const failed = (await check(play, play.keys[0])).json();
    assert.deepEqual([failed.well, failed.status], [null, null]);
    assert.match(failed.message, /^health\.lua:3: .*nothing/);

    play.pollux.writePolicy('health.lua', 'local health = {}\nfunction health.check(key)\n  return key.name\nend\nreturn health\n');
    await eventually(async () => /expected true, false or nil/.test((await check(play, play.keys[0])).json().message));

    play.pollux.writePolicy('health.lua', 'return {}\n');
    await eventually(async () => /no health\.lua with a function check/.test((await check(play, play.keys[0])).json().message));
  });

  it('does not hold up others while Google keeps silent, and ends its request when the client leaves', async (t) => {
    const play = await stage(t, { keys: ['one'], env: { WORKERS: '1' } });
    play.fake.rule({ match: { path: '^/v1beta/models\\?' }, fault: 'hang', times: 'always' });
    const url = `${play.pollux.url}/admin/keys/${keyId(play.keys[0])}/check`;
    const client = await openRaw(url);
    client.send(requestText(url, { method: 'POST', headers: { Authorization: `Bearer ${play.pollux.adminToken}` } }));
    await eventually(() => checksOf(play).length === 1);

    assert.equal((await play.pollux.post(UNARY, prompt('hi'))).status, 200);
    client.destroy();

    await eventually(() => checksOf(play)[0].client_aborted, { what: 'the check went on without its client' });
  });

  it('gives up in time', async (t) => {
    const play = await stage(t, { keys: ['one'], policies: { 'health.lua': `
      local health = {}
      function health.check(key) return nil, select(2, google.fetch(key, { path = "/v1beta/models?pageSize=1", timeout = 1 })) end
      return health` } });
    play.fake.rule({ match: { path: '^/v1beta/models\\?' }, fault: 'hang', times: 'always' });

    const answer = (await check(play, play.keys[0])).json();

    assert.deepEqual([answer.well, answer.status, answer.message], [null, null, 'no whole answer in time']);
  });
});
