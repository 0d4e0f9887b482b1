import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { makeKey } from '../fake_gemini/server.mjs';
import { keyId, stage } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

describe('many keys at once', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one'] });
    pollux = play.pollux;
  });
  after(() => play.close());

  const post = (path, body) => pollux.admin(path, { method: 'POST', body });
  const batch = (ids, action, more) => post('/admin/keys/batch', { ids, action, ...more });
  const keysNow = async () => (await pollux.status()).keys;
  const others = async () => (await keysNow()).filter(({ id }) => id !== keyId(play.keys[0]));
  const add = async (...names) => {
    const secrets = names.map(makeKey);
    for (const key of secrets) play.fake.setKey({ key });
    await post('/admin/keys', { text: secrets.join('\n') });
    return secrets.map(keyId);
  };
  afterEach(async () => {
    const ids = (await others()).map(({ id }) => id);
    if (ids.length > 0) await batch(ids, 'delete');
  });

  it('a text of any kind adds the keys in it, with their facts, and tells of the others', async () => {
    const [fresh, csv, json] = ['fresh', 'csv', 'json'].map(makeKey);
    const foreign = 'sk-proj-abcdefghijklmnopqrstuvwxyz012345';
    const text = `# my keys\nGEMINI_API_KEY='${fresh}'\nname,key\nwork,${csv},x\n{"keys": ["${json}", "${fresh}"]}\nhttps://x/?key=${play.keys[0]}&alt=sse\nOPENAI_API_KEY=${foreign}\nAIzaTooShortToBeOne`;

    const answer = await post('/admin/keys', { text, tags: ['bulk'], project_id: 'p-1', weight: 2, enabled: false });

    assert.equal(answer.status, 201, answer.text);
    const { added, duplicates, duplicate_keys: known, refused } = answer.json();
    assert.deepEqual(added.map(({ id }) => id), [fresh, csv, json].map(keyId));
    for (const key of added) {
      assert.deepEqual([key.tags, key.project_id, key.weight, key.enabled, key.state, key.reason], [['bulk'], 'p-1', 2, false, 'disabled', 'disabled by hand']);
      assert.ok(Math.abs(new Date(key.added_at) - Date.now()) < 60_000);
    }
    assert.equal(duplicates, 1);
    assert.equal(known[0].id, keyId(play.keys[0]));
    assert.deepEqual(refused.map(({ reason }) => reason), ['a key of OpenAI\'s or the like, not of Google\'s', 'too short: a key that begins with AIza has 39 characters']);
    for (const secret of [fresh, csv, json, foreign, play.keys[0]]) assert.ok(!answer.text.includes(secret));
  });

  it('a preview shows what would come, and adds nothing', async () => {
    const answer = await post('/admin/keys', { text: `${makeKey('new1')} ${makeKey('new2')} ${play.keys[0]} ya29.abcdefghijklmnop`, preview: true });

    assert.equal(answer.status, 200, answer.text);
    const { preview, new: fresh, duplicates, refused } = answer.json();
    assert.deepEqual([preview, fresh.length, duplicates, refused.length], [true, 2, 1, 1]);
    assert.match(fresh[0].masked_key, /^AIza….{4}$/);
    assert.equal((await keysNow()).length, 1);
    assert.deepEqual((await post('/admin/keys', { text: 'nothing in here', preview: true })).json().new, []);
    assert.equal((await post('/admin/keys', { text: 'nothing in here' })).status, 400);
  });

  for (const [body, field] of [[{ text: 7 }, 'text'], [{ text: 'x', preview: 'yes' }, 'preview'], [{ text: makeKey('x'), tags: [''] }, 'tags'],
    [{ text: makeKey('x'), tags: ['a\u0001'] }, 'tags'], [{ text: makeKey('x'), weight: -1 }, 'weight'], [{ text: makeKey('x'), weight: 1e300 }, 'weight'],
    [{ text: makeKey('x'), project_id: 'p'.repeat(101) }, 'project_id'], [{ text: makeKey('x'), name: 'all' }, 'name'], [{ text: makeKey('x'), key: 'y' }, 'key']]) {
    it(`a text with a wrong ${field} adds nothing: ${JSON.stringify(body).slice(-40)}`, async () => {
      const answer = await post('/admin/keys', body);
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], answer.text);
      assert.equal((await keysNow()).length, 1);
    });
  }

  it('are disabled with a reason, enabled, tagged, set and removed', async () => {
    const ids = await add('a', 'b', 'c');
    const facts = async (name) => (await others()).map((key) => key[name]);

    assert.deepEqual((await batch([...ids, 'nobody', ids[0]], 'disable', { reason: 'kept for the weekend' })).json(), { action: 'disable', done: 3, missing: ['nobody'], refused: [] });
    assert.deepEqual(await facts('reason'), Array(3).fill('kept for the weekend'));
    assert.equal((await batch(ids, 'enable')).json().done, 3);
    assert.deepEqual(await facts('state'), Array(3).fill('ready'));
    await batch(ids, 'tag', { tags: ['paid', 'fast'] });
    await batch(ids.slice(1), 'untag', { tags: ['fast', 'unknown'] });
    assert.deepEqual(await facts('tags'), [['paid', 'fast'], ['paid'], ['paid']]);
    await batch(ids, 'set', { project_id: 'p-7', weight: 3 });
    assert.deepEqual([await facts('project_id'), await facts('weight')], [Array(3).fill('p-7'), [3, 3, 3]]);
    await batch(ids, 'set', { project_id: null });
    assert.deepEqual([await facts('project_id'), await facts('weight')], [Array(3).fill(null), [3, 3, 3]]);
    assert.equal((await batch(ids, 'reset')).json().done, 3);
    assert.deepEqual((await batch([ids[0], ids[2]], 'delete')).json(), { action: 'delete', done: 2, missing: [], refused: [] });
    assert.deepEqual(await facts('id'), [ids[1]]);
  });

  it('one that cannot be changed does not hold up the others', async () => {
    const ids = await add('full', 'free');
    await pollux.admin(`/admin/keys/${ids[0]}`, { method: 'PATCH', body: { tags: Array.from({ length: 50 }, (_, i) => `t${i}`) } });

    const answer = (await batch(ids, 'tag', { tags: ['one-more'] })).json();

    assert.equal(answer.done, 1);
    assert.deepEqual(answer.refused, [{ id: ids[0], reason: 'tags: more than 50' }]);
  });

  it('are checked in the background, and each shows what was found', async () => {
    const ids = await add(...Array.from({ length: 12 }, (_, i) => `sick-${i}`));
    play.fake.rule({ match: { key: makeKey('sick-3') }, row: 'leaked' });

    const answer = await batch([...ids, 'nobody'], 'check');

    assert.deepEqual([answer.status, answer.json()], [202, { action: 'check', started: 12, missing: ['nobody'] }]);
    await eventually(async () => (await others()).some(({ state }) => state === 'disabled'));
    assert.equal((await others()).filter(({ state }) => state === 'disabled').length, 1);
    play.fake.clearRules();
  });

  for (const [body, field] of [[{}, 'ids'], [{ ids: [], action: 'enable' }, 'ids'], [{ ids: 'x', action: 'enable' }, 'ids'], [{ ids: [1], action: 'enable' }, 'ids'],
    [{ ids: ['x'] }, 'action'], [{ ids: ['x'], action: 'explode' }, 'action'], [{ ids: ['x'], action: 7 }, 'action'], [{ ids: ['x'], action: 'enable', reason: 'y' }, 'reason'],
    [{ ids: ['x'], action: 'tag' }, 'tags'], [{ ids: ['x'], action: 'tag', tags: [] }, 'tags'], [{ ids: ['x'], action: 'tag', tags: ['a\u0001'] }, 'tags'],
    [{ ids: ['x'], action: 'set' }, 'project_id'], [{ ids: ['x'], action: 'set', weight: 1e300 }, 'weight'], [{ ids: ['x'], action: 'disable', reason: 7 }, 'reason'],
    [{ ids: ['x'], action: 'disable', colour: 'red' }, 'colour']]) {
    it(`a batch says what is wrong with ${JSON.stringify(body)}`, async () => {
      const answer = await post('/admin/keys/batch', body);
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], answer.text);
    });
  }

  it('a batch is of 20,000 keys at most', async () => {
    const ids = Array.from({ length: 20_001 }, (_, i) => `k${i}`);
    const answer = await post('/admin/keys/batch', { ids, action: 'enable' });
    assert.deepEqual([answer.status, answer.json().error.field], [400, 'ids'], answer.text);
    assert.equal((await post('/admin/keys/batch', { ids: ids.slice(1), action: 'enable' })).json().missing.length, 20_000);
  });

  it('a batch is a POST, and a reason goes with disabling', async () => {
    assert.equal((await pollux.admin('/admin/keys/batch')).status, 405);
    const patch = (body) => pollux.admin(`/admin/keys/${keyId(play.keys[0])}`, { method: 'PATCH', body });
    assert.equal((await patch({ reason: 'because' })).json().error.field, 'reason');
    assert.equal((await patch({ enabled: true, reason: 'because' })).json().error.field, 'reason');
    assert.equal((await patch({ enabled: false, reason: 'x'.repeat(501) })).json().error.field, 'reason');
    assert.equal((await patch({ enabled: false, reason: 'because' })).json().reason, 'because');
    assert.equal((await patch({ enabled: true })).json().reason, null);
  });
});

describe('thousands of keys', () => {
  it('come, are kept, and go within seconds', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const post = (path, body) => play.pollux.admin(path, { method: 'POST', body });
    const secrets = Array.from({ length: 3000 }, (_, i) => makeKey(`many-${i}`));

    const added = await post('/admin/keys', { text: secrets.join('\n') });
    assert.equal(added.json().added.length, 3000);
    await play.pollux.kill();
    play.pollux = await play.pollux.restart();

    const { keys } = await play.pollux.status();
    assert.equal(keys.length, 3001, 'the answer came when they were on the disk');
    const ids = keys.slice(1).map(({ id }) => id);
    assert.equal((await post('/admin/keys/batch', { ids, action: 'delete' })).json().done, 3000);
    assert.equal((await play.pollux.status()).total_keys, 1);
  });

  it('that are being checked do not hold up the end', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const text = Array.from({ length: 500 }, (_, i) => makeKey(`many-${i}`)).join('\n');
    const { added } = (await play.pollux.admin('/admin/keys', { method: 'POST', body: { text } })).json();
    await play.pollux.admin('/admin/keys/batch', { method: 'POST', body: { ids: added.map(({ id }) => id), action: 'check' } });
    const began = Date.now();
    await play.pollux.stop();
    assert.ok(Date.now() - began < 10_000);
  });
});
