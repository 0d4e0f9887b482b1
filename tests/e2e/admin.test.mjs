import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { makeKey } from '../fake_gemini/server.mjs';
import { ADMIN_TOKEN } from './harness/pollux.mjs';
import { keyId, MODEL, prompt, restOf, stage, stateOf, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const basic = (user, password) => ({ Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

describe('the administration', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one', 'two'] });
    pollux = play.pollux;
  });
  after(() => play.close());

  const admin = (...words) => pollux.admin(...words);
  const post = (path, body, headers) => admin(path, { method: 'POST', body, headers });
  const keysNow = async () => (await pollux.status()).keys;

  it('tells anybody that it is alive and ready', async () => {
    for (const path of ['/health', '/ready']) assert.equal((await pollux.call(path, { token: null })).status, 200, path);
  });

  for (const [method, path] of [['GET', '/admin/status'], ['GET', '/admin/status/x'], ['GET', '/admin/keys'], ['POST', '/admin/keys'],
    ['PATCH', '/admin/keys/x'], ['DELETE', '/admin/keys/x'], ['POST', '/admin/reset'], ['GET', '/admin/policies']]) {
    it(`${method} ${path} is for the administrator alone`, async () => {
      for (const headers of [{}, { Authorization: 'Bearer wrong' }, { Authorization: `Bearer ${pollux.token}` }, { 'x-goog-api-key': pollux.token },
        basic('admin', 'wrong'), basic(ADMIN_TOKEN, ''), basic('', ''), { Authorization: 'Basic !!!' }, { Authorization: ADMIN_TOKEN }]) {
        const answer = await pollux.call(path, { method, token: null, headers, body: method === 'GET' ? '' : '{}' });
        assert.equal(answer.status, 401, JSON.stringify(headers));
        assert.ok(answer.json().error);
        assert.ok(!answer.text.includes(ADMIN_TOKEN));
      }
      await admin('/admin/status', { headers: basic('admin', ADMIN_TOKEN) });  // A right password, so that wrong ones do not add up.
    });
  }

  it('takes Basic as well as Bearer, whatever name is put before the password', async () => {
    for (const name of ['admin', 'somebody', '']) {
      assert.equal((await admin('/admin/status', { headers: basic(name, ADMIN_TOKEN) })).status, 200, name);
    }
  });

  it('is no way around the client\'s token', async () => {
    assert.equal((await pollux.post(UNARY, prompt('hi'), { token: ADMIN_TOKEN })).status, 401);
  });

  it('shows each key with its facts and never its secret', async () => {
    await pollux.post(UNARY, prompt('hi'));

    const answer = await admin('/admin/status');
    const { keys } = answer.json();

    assert.equal(keys.length, 2);
    for (const key of keys) {
      for (const name of ['id', 'name', 'project_id', 'tags', 'enabled', 'state', 'reason']) assert.ok(name in key, name);
      assert.equal(key.enabled, true);
    }
    for (const secret of play.keys) assert.ok(!answer.text.includes(secret));
    assert.match(answer.header('content-type'), /application\/json/);
  });

  it('shows one key with its recent errors', async () => {
    play.fake.rule({ row: 'quota_minute' });
    await pollux.post(UNARY, prompt('hi'));
    const failed = play.upstream().findLast(({ status }) => status === 429).key;

    const answer = await admin(`/admin/status/${keyId(failed)}`);

    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json().id ?? answer.json().key?.id, keyId(failed));
    assert.match(answer.text, /429/);
    assert.ok(restOf(answer.json().key ?? answer.json()));
    assert.equal((await admin('/admin/status/nobody')).status, 404);
  });

  it('resets one key, or all', async () => {
    const resting = (await keysNow()).find((key) => stateOf(key) === 'rests');
    assert.ok(resting);

    assert.equal((await post('/admin/reset', { key_id: resting.id })).status, 200);

    assert.ok((await keysNow()).every((key) => stateOf(key) === 'ready'));
    assert.equal((await post('/admin/reset', { key_id: 'nobody' })).status, 404);
    assert.equal((await post('/admin/reset', {})).status, 200);
    assert.ok((await keysNow()).every(({ requests_today: requests }) => requests === 0));
  });

  it('shows what a project may still ask of a model, and forgets what was learned when told to', async () => {
    play.fake.rule({ row: 'quota_zero' });
    await pollux.post(UNARY, prompt('hi'));
    const facts = async () => (await keysNow()).map(({ models }) => models[MODEL]).filter(Boolean);
    const closed = (await facts()).find((model) => !model.may_use);
    assert.match(closed.reason, /^Google gives the key's project no .* for this model \(a limit of 0\)$/);
    assert.ok(closed.learned.length > 0);
    const open = (await facts()).find((model) => model.may_use);
    assert.deepEqual([open.reason, open.learned, open.rpm_limit, open.requests_this_minute, open.project_requests_today], [null, [], null, 1, 1]);
    assert.deepEqual(Object.keys(open.tokens_today), ['input', 'cached', 'output', 'thoughts']);

    for (const learned_limits of ['yes', 1, null]) {
      const wrong = await post('/admin/reset', { learned_limits });
      assert.deepEqual([wrong.status, wrong.json().error.field], [400, 'learned_limits']);
    }
    assert.equal((await post('/admin/reset', { key_id: (await keysNow())[0].name })).status, 404, 'a name is no id');
    assert.equal((await post('/admin/reset', { learned_limits: true })).status, 200);
    assert.ok((await facts()).every((model) => model.may_use));
    assert.ok((await keysNow()).some(({ requests_today: requests }) => requests > 0), 'counts stay');
    assert.equal((await post('/admin/reset', {})).status, 200);
    assert.ok((await keysNow()).every(({ requests_today: requests }) => requests === 0));
  });

  it('adds a key with all its facts, and changes and removes it', async () => {
    const secret = makeKey('added');
    play.fake.setKey({ key: secret });
    const added = await post('/admin/keys', { key: secret, project_id: 'p-1', name: 'Number Three', tags: ['paid', 'fast'] });
    assert.ok([200, 201].includes(added.status), added.text);
    assert.ok(!added.text.includes(secret));
    const found = (await keysNow()).find(({ id }) => id === keyId(secret));
    assert.deepEqual([found.name, found.project_id, found.tags], ['Number Three', 'p-1', ['paid', 'fast']]);

    const changed = await admin(`/admin/keys/${found.id}`, { method: 'PATCH', body: { name: 'Third', tags: [], enabled: false } });
    assert.equal(changed.status, 200, changed.text);
    const after1 = (await keysNow()).find(({ id }) => id === found.id);
    assert.deepEqual([after1.name, after1.tags, after1.enabled], ['Third', [], false]);
    play.fake.clearRequests();
    for (let i = 0; i < 6; i += 1) await pollux.post(UNARY, prompt('hi'));
    assert.ok(play.upstream().every(({ key }) => key !== secret));

    assert.ok([200, 204].includes((await admin(`/admin/keys/${found.id}`, { method: 'DELETE' })).status));
    assert.equal((await keysNow()).length, 2);
    assert.equal((await admin(`/admin/keys/${found.id}`, { method: 'DELETE' })).status, 404);
    assert.equal((await admin(`/admin/keys/${found.id}`, { method: 'PATCH', body: { name: 'x' } })).status, 404);
  });

  it('adds no key by the name of another one', async () => {
    const taken = (await keysNow())[0];
    const secret = makeKey('named');
    const answer = await post('/admin/keys', { key: secret, name: taken.name });

    assert.deepEqual([answer.status, answer.json().error.field], [409, 'name'], answer.text);
    assert.equal((await keysNow()).some(({ id }) => id === keyId(secret)), false);
    const again = await post('/admin/keys', { key: play.keys[0], name: taken.name });
    assert.deepEqual([again.status, again.json().duplicates], [200, 1], again.text);
  });

  it('finds keys in any text, and skips those it has', async () => {
    const fresh = [makeKey('fresh1'), `AQ.${'Ab8fresh2_'.repeat(5)}`];
    const text = `here: "${fresh[0]}",\n  ${play.keys[0]} ; and ${fresh[1]}. ${fresh[0]}\nnot a key: hello`;

    const answer = await post('/admin/keys', { text });

    assert.ok([200, 201].includes(answer.status), answer.text);
    const ids = (await keysNow()).map(({ id }) => id);
    assert.equal(ids.length, 4);
    for (const key of fresh) assert.ok(ids.includes(keyId(key)));
    for (const key of fresh) await admin(`/admin/keys/${keyId(key)}`, { method: 'DELETE' });
    const none = await post('/admin/keys', { text: 'nothing in here' });
    assert.ok(none.status === 400 || (none.status === 200 && (await keysNow()).length === 2), none.text);
  });

  for (const [what, body, field] of [['no key', {}, /key/], ['a number for a key', { key: 7 }, /key/], ['an OAuth token', { key: 'ya29.abcdefghijklmnop' }, /key/],
    ['a blank inside', { key: 'AIza with blank' }, /key/], ['tags that are no list', { key: makeKey('bad'), tags: 'paid' }, /tags/],
    ['a tag that is no text', { key: makeKey('bad'), tags: [1] }, /tags/], ['a name that is no text', { key: makeKey('bad'), name: {} }, /name/],
    ['a name that is too long', { key: makeKey('bad'), name: 'n'.repeat(101) }, /"field":"name"/],
    ['too many tags', { key: makeKey('bad'), tags: Array.from({ length: 51 }, (_, i) => `tag-${i}`) }, /"field":"tags"/],
    ['a weight beyond all bounds', { key: makeKey('bad'), weight: 1e300 }, /"field":"weight"/],
    ['an unknown field', { key: makeKey('bad'), colour: 'red' }, /colour/]]) {
    it(`refuses ${what}, naming the field`, async () => {
      const answer = await post('/admin/keys', body);

      assert.equal(answer.status, 400, answer.text);
      assert.match(JSON.stringify(answer.json().error), field);
      assert.equal((await keysNow()).length, 2);
    });
  }

  it('a change that is refused names the field, too', async () => {
    for (const [body, field] of [[{ name: '' }, 'name'], [{ weight: 1e300 }, 'weight'], [{ tags: ['a\u0001'] }, 'tags']]) {
      const answer = await admin(`/admin/keys/${keyId(play.keys[0])}`, { method: 'PATCH', body });
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json().error.field, field);
    }
  });

  it('a page of another site cannot change anything by a password that the browser remembers', async () => {
    const password = `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}`;
    const reset = (headers) => pollux.call('/admin/reset', { method: 'POST', token: null, headers });

    assert.equal((await reset({ Authorization: password, Origin: 'http://evil.example' })).status, 403);
    assert.equal((await reset({ Authorization: password, 'Sec-Fetch-Site': 'cross-site' })).status, 403);
    assert.equal((await reset({ Authorization: password, Origin: pollux.url })).status, 200);
    assert.equal((await reset({ Authorization: `Bearer ${ADMIN_TOKEN}`, Origin: 'http://evil.example' })).status, 200);
    assert.equal((await reset({ Authorization: password })).status, 200);
  });

  it('a body is nothing to those who only ask whether it lives', async () => {
    const answer = await pollux.call('/health', { method: 'POST', token: null, body: 'x'.repeat(100_000) });
    assert.equal(answer.status, 200, answer.text);
  });

  it('refuses what is no JSON, and what it does not know', async () => {
    const answer = await pollux.call('/admin/keys', { method: 'POST', token: null, body: '{"key":', headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } });
    assert.equal(answer.status, 400);
    assert.ok(answer.json().error);
    const deep = `{"MAX_RETRIES": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const nested = await pollux.call('/admin/settings', { method: 'PATCH', token: null, body: deep, headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } });
    assert.deepEqual([nested.status, nested.json().error.message], [400, 'the body is nested too deeply']);
    assert.equal((await admin('/admin/nothing')).status, 404);
  });

  it('names in Allow, as in words, what an address offers', async () => {
    const id = keyId(play.keys[0]);
    for (const [method, path, allow, words] of [
      ['PUT', '/admin/status', 'GET, HEAD', 'only GET is offered here'],
      ['DELETE', '/admin/keys', 'GET, HEAD, POST', 'only GET and POST are offered here'],
      ['POST', `/admin/keys/${id}`, 'GET, HEAD, PATCH, DELETE', 'only GET, PATCH and DELETE are offered here'],
      ['GET', `/admin/keys/${id}/check`, 'POST', 'only POST is offered here'],
      ['POST', '/admin/policies/keys.lua', 'GET, HEAD, PUT, DELETE', 'only GET, PUT and DELETE are offered here'],
      ['OPTIONS', '/admin/settings', 'GET, HEAD, PATCH', 'only GET and PATCH are offered here'],
      ['OPTIONS', '/metrics', 'GET, HEAD', 'only GET is offered here'],
    ]) {
      const answer = await admin(path, { method });
      assert.deepEqual([answer.status, answer.header('allow'), answer.json().error.message], [405, allow, words], `${method} ${path}`);
    }
    for (const method of ['GET', 'OPTIONS', 'PUT']) {
      assert.equal((await admin('/admin/nope', { method })).status, 404, method);
      assert.equal((await pollux.call('/admin/nope', { method, token: null })).status, 401, method);
    }
  });

  it('refuses parameters that a call does not know, but for what monitors ask', async () => {
    for (const path of ['status', `status/${keyId(play.keys[0])}`, 'keys', 'settings', 'models', 'session', 'policies', 'policies/keys.lua', 'events',
      'requests/1', 'stats']) {
      const answer = await admin(`/admin/${path}?foo=1`);
      assert.deepEqual([answer.status, answer.json().error.field], [400, 'foo'], path);
    }
    for (const path of ['/health', '/ready', '/metrics']) assert.equal((await admin(`${path}?_=1`)).status, 200, path);
  });

  it('lists the policies', async () => {
    const answer = await admin('/admin/policies');

    assert.equal(answer.status, 200);
    for (const name of ['auth.lua', 'models.lua', 'keys.lua', 'failover.lua', 'transform.lua', 'health.lua']) assert.ok(answer.text.includes(name), name);
  });
});

describe('what was set', () => {
  it('survives a restart: keys, their facts, their state and counts', async (t) => {
    const play = await stage(t, { keys: ['one', 'two', 'three'] });
    const { pollux, fake, keys } = play;
    fake.rule({ match: { key: keys[0] }, row: 'leaked' });
    fake.rule({ match: { key: keys[1] }, row: 'quota_day' });
    for (let i = 0; i < 4; i += 1) await pollux.post(UNARY, prompt('hi'));
    const added = makeKey('pasted');
    await pollux.admin('/admin/keys', { method: 'POST', body: { key: added, name: 'Pasted', tags: ['t'] } });
    const before1 = await pollux.status();
    await pollux.stop();

    play.pollux = await pollux.restart({ env: { GEMINI_API_KEYS: null } });

    const { keys: after1 } = await play.pollux.status();
    const facts = (list) => list.map((key) => [key.id, key.name, key.tags, stateOf(key), key.reason, key.requests_today]).sort();
    assert.deepEqual(facts(after1), facts(before1.keys));
    assert.deepEqual(after1.map((key) => stateOf(key)).sort(), ['disabled', 'ready', 'ready', 'rests']);
    assert.equal(after1.find(({ id }) => id === keyId(added)).name, 'Pasted');
  });

  it('survives a kill -9, with at most the last second of counts lost', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const added = makeKey('pasted');
    await play.pollux.admin('/admin/keys', { method: 'POST', body: { key: added, name: 'Pasted' } });
    await play.pollux.admin(`/admin/keys/${keyId(added)}`, { method: 'PATCH', body: { enabled: false } });
    for (let i = 0; i < 5; i += 1) await play.pollux.post(UNARY, prompt('hi'));
    await new Promise((done) => { setTimeout(done, 1500); });
    await play.pollux.admin('/admin/keys', { method: 'POST', body: { key: makeKey('last'), name: 'Last' } });
    await play.pollux.kill();

    play.pollux = await play.pollux.restart();

    const keys = (await play.pollux.status()).keys;
    assert.equal(keys.length, 3);
    assert.equal(keys.find(({ id }) => id === keyId(added)).enabled, false);
    assert.equal(keys.find(({ id }) => id === keyId(play.keys[0])).requests_today, 5);
    assert.ok(keys.some(({ name }) => name === 'Last'));
  });

  it('a key taken away stays away, though the environment names it no more', async (t) => {
    const play = await stage(t, { keys: ['one', 'two'] });
    await play.pollux.stop();

    play.pollux = await play.pollux.restart({ env: { GEMINI_API_KEYS: null, REMOVE_GOOGLE_KEYS: play.keys[0] } });

    await eventually(async () => (await play.pollux.status()).keys.length === 1);
    assert.equal((await play.pollux.status()).keys[0].id, keyId(play.keys[1]));
  });
});
