import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { ADMIN_TOKEN } from './harness/pollux.mjs';
import { stage } from './harness/stage.mjs';

const basic = (user, password) => ({ Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
const FREE_TRIES = 5;

/** What a browser does: no token, but the cookie that it was given. */
const browser = (pollux) => ({
  cookie: null,
  async call(method, path, { body, headers } = {}) {
    const answer = await pollux.call(path, {
      method, token: null, body: body === undefined ? '' : JSON.stringify(body), headers: { ...(this.cookie && { Cookie: this.cookie }), ...headers },
    });
    const set = answer.header('set-cookie');
    if (set) this.cookie = /Max-Age=0/.test(set) ? null : set.split(';')[0];
    return answer;
  },
  signIn(password = ADMIN_TOKEN, { username = 'admin', headers } = {}) {
    return this.call('POST', '/admin/login', { body: { username, password }, headers });
  },
});

describe('signing in', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one'] });
    pollux = play.pollux;
  });
  after(() => play.close());

  it('gives a cookie that is as good as the token, and takes it back', async () => {
    const page = browser(pollux);
    assert.deepEqual((await page.call('GET', '/admin/session')).json(), { username: null });

    const answer = await page.signIn();
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json().username, 'admin');
    const days = (new Date(answer.json().expires_at) - Date.now()) / 86_400_000;
    assert.ok(days > 6.9 && days <= 7, `${days} days`);
    assert.match(answer.header('set-cookie'), /^pollux_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);

    const session = await page.call('GET', '/admin/session');
    assert.deepEqual(Object.keys(session.json()), ['username', 'expires_at', 'version', 'keys']);
    assert.equal(session.json().keys, 1);
    assert.equal((await page.call('GET', '/admin/status')).status, 200);
    assert.equal((await page.call('POST', '/admin/reset')).status, 200);

    const stolen = page.cookie;
    assert.equal((await page.call('POST', '/admin/logout')).status, 200);
    assert.equal(page.cookie, null);
    page.cookie = stolen;
    assert.equal((await page.call('GET', '/admin/status')).status, 401);
    assert.equal((await page.call('GET', '/admin/session')).json().username, null);
    assert.equal((await browser(pollux).call('POST', '/admin/logout')).status, 200, 'signing out without a session');
  });

  it('the session says when it ends, the token never does', async () => {
    assert.equal((await pollux.admin('/admin/session')).json().expires_at, null);
  });

  it('the cookie is for encrypted connections alone where the browser has one', async () => {
    const answer = await browser(pollux).signIn(ADMIN_TOKEN, { headers: { 'X-Forwarded-Proto': 'https' } });
    assert.match(answer.header('set-cookie'), /; Secure$/);
  });

  it('is refused with a wrong name or password, in the same words, and asks no browser for a dialog', async () => {
    const wrong = await browser(pollux).signIn('wrong');
    const stranger = await browser(pollux).signIn(ADMIN_TOKEN, { username: 'root' });
    assert.deepEqual([wrong.status, wrong.text], [401, stranger.text]);
    assert.equal(wrong.header('www-authenticate'), 'Bearer realm="Pollux"');
    assert.equal(wrong.header('set-cookie'), undefined);
    await browser(pollux).signIn();
  });

  for (const [what, body, field] of [['nothing', undefined, 'username'], ['no name', { password: 'x' }, 'username'], ['no password', { username: 'admin' }, 'password'],
    ['a number', { username: 'admin', password: 1 }, 'password'], ['too much', { username: 'admin', password: 'x'.repeat(2000) }, 'password'],
    ['more than that', { username: 'admin', password: 'x', remember: true }, 'remember']]) {
    it(`tells what is wrong with ${what}`, async () => {
      const answer = await browser(pollux).call('POST', '/admin/login', { body });
      assert.deepEqual([answer.status, answer.json().error.field], [400, field], answer.text);
    });
  }

  it('reads no more of a stranger than names and passwords need', async () => {
    const name = '\u0001'.repeat(1024);
    assert.equal((await browser(pollux).signIn(name, { username: name })).status, 401);
    await browser(pollux).signIn();
    const large = '['.repeat(20_000);
    for (const [body, headers] of [[large, {}], [`4e20\r\n${large}\r\n0\r\n\r\n`, { 'Transfer-Encoding': 'chunked' }]]) {
      const answer = await pollux.call('/admin/login', { method: 'POST', token: null, body, headers });
      assert.equal(answer.status, 413, answer.text);
    }
  });

  it('is no way in without a cookie that was given', async () => {
    for (const Cookie of ['pollux_session=', 'pollux_session=wrong', `pollux_session=${ADMIN_TOKEN}`, `pollux_session=${'x'.repeat(4000)}`, 'pollux_session',
      ';;;=;', 'pollux_session="a"; pollux_session=b']) {
      assert.equal((await pollux.call('/admin/status', { token: null, headers: { Cookie } })).status, 401, Cookie);
    }
  });

  it('only a navigation or a program is asked for Basic', async () => {
    const challenge = async (headers) => (await pollux.call('/admin/status', { token: null, headers })).header('www-authenticate');
    assert.match(await challenge({}), /^Basic /);
    assert.match(await challenge({ Accept: 'text/html,*/*' }), /^Basic /);
    assert.equal(await challenge({ 'Sec-Fetch-Mode': 'cors', Accept: '*/*' }), 'Bearer realm="Pollux"');
    assert.equal(await challenge({ 'X-Requested-With': 'fetch', Accept: 'application/json' }), 'Bearer realm="Pollux"');
  });
});

describe('a page of another site', () => {
  let play;
  let page;
  before(async () => {
    play = await stage(undefined, { keys: ['one'] });
    page = browser(play.pollux);
    await page.signIn();
  });
  after(() => play.close());

  for (const [what, headers] of [['its origin', { Origin: 'http://evil.example' }], ['what its browser says', { 'Sec-Fetch-Site': 'cross-site' }],
    ['its place beside us', { 'Sec-Fetch-Site': 'same-site' }], ['an origin it hides', { Origin: 'null' }], ['another port', { Origin: 'http://127.0.0.1:1' }]]) {
    it(`changes nothing by a session that the browser adds, known by ${what}`, async () => {
      for (const [method, path] of [['POST', '/admin/reset'], ['POST', '/admin/keys'], ['DELETE', '/admin/keys/x'], ['POST', '/admin/logout']]) {
        const answer = await page.call(method, path, { body: {}, headers });
        assert.equal(answer.status, 403, path);
      }
      assert.equal((await page.signIn(ADMIN_TOKEN, { headers })).status, 403, 'nor signs anybody in');
    });
  }

  it('is the only one that is refused', async () => {
    const { url } = play.pollux;
    for (const headers of [{}, { Origin: url }, { 'Sec-Fetch-Site': 'same-origin', Origin: url }, { 'Sec-Fetch-Site': 'none' },
      { Origin: 'https://gate.example', Host: 'gate.example' }, { Origin: 'https://gate.example:8443', 'X-Forwarded-Host': 'gate.example:8443' }]) {
      assert.equal((await page.call('POST', '/admin/reset', { headers })).status, 200, JSON.stringify(headers));
    }
  });

  it('is not told that it may call', async () => {
    for (const [path, status] of [['/admin/keys', 401], ['/admin/login', 405], ['/', 405], ['/web/app.js', 405], ['/keys_status', 405]]) {
      const answer = await play.pollux.call(path, {
        method: 'OPTIONS', token: null, headers: { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' },
      });
      assert.equal(answer.status, status, path);
      for (const name of ['origin', 'methods', 'headers']) assert.equal(answer.header(`access-control-allow-${name}`), undefined, path);
    }
    const client = await play.pollux.call('/v1beta/models', { method: 'OPTIONS', token: null, headers: { Origin: 'http://app.example', 'Access-Control-Request-Method': 'POST' } });
    assert.deepEqual([client.status, client.header('access-control-allow-origin')], [204, '*']);
  });
});

describe('who guesses', () => {
  it('waits longer and longer, without locking out those who are in', async (t) => {
    const { pollux } = await stage(t, { keys: ['one'] });
    const inside = browser(pollux);
    await inside.signIn();
    const guesser = browser(pollux);
    for (let i = 0; i < FREE_TRIES; i += 1) {
      assert.equal((await (i % 2 ? guesser.signIn('wrong') : guesser.call('GET', '/admin/status', { headers: basic('admin', 'wrong') }))).status, 401);
    }

    const held = await guesser.signIn();
    assert.equal(held.status, 429, 'even the right password waits');
    assert.equal(held.header('retry-after'), '1');
    assert.equal((await guesser.call('GET', '/admin/status', { headers: basic('admin', ADMIN_TOKEN) })).status, 429);
    assert.equal((await inside.call('GET', '/admin/status')).status, 200);
    assert.equal((await pollux.admin('/admin/status')).status, 200);
    for (let i = 0; i < 20; i += 1) assert.equal((await pollux.admin('/admin/status', { headers: { Authorization: 'Bearer wrong' } })).status, 401);

    await new Promise((done) => { setTimeout(done, 1100); });
    assert.equal((await guesser.signIn('wrong')).status, 401);
    assert.equal((await guesser.signIn()).header('retry-after'), '2');
    await new Promise((done) => { setTimeout(done, 2100); });
    assert.equal((await guesser.signIn()).status, 200);
    assert.equal((await browser(pollux).signIn('wrong')).status, 401, 'and all is forgotten');
  });
});

describe('sessions', () => {
  it('outlive a restart, and end with another token or name', async (t) => {
    const play = await stage(t, { keys: ['one'] });
    const page = browser(play.pollux);
    await page.signIn();
    const { cookie } = page;
    const status = async (pollux) => (await pollux.call('/admin/status', { token: null, headers: { Cookie: cookie } })).status;

    await play.pollux.stop();
    play.pollux = await play.pollux.restart();
    assert.equal(await status(play.pollux), 200);
    for (const name of ['pollux.db', 'pollux.db-wal']) {
      assert.ok(!play.pollux.readData(name).includes(cookie.split('=')[1]), `the token stands in ${name}`);
    }

    await play.pollux.stop();
    play.pollux = await play.pollux.restart({ env: { ADMIN_USERNAME: 'somebody' } });
    assert.equal(await status(play.pollux), 401);
    await play.pollux.stop();
    play.pollux = await play.pollux.restart();
    assert.equal(await status(play.pollux), 401, 'ended for good');
  });

  it('are known to every worker at once', async (t) => {
    const { pollux } = await stage(t, { keys: ['one'], env: { WORKERS: '4' } });
    const page = browser(pollux);
    await page.signIn();
    const answers = await Promise.all(Array.from({ length: 32 }, () => page.call('GET', '/admin/status')));
    assert.ok(answers.every(({ status }) => status === 200));
    const { cookie } = page;
    await page.call('POST', '/admin/logout');
    page.cookie = cookie;
    const gone = await Promise.all(Array.from({ length: 32 }, () => page.call('GET', '/admin/status')));
    assert.ok(gone.every(({ status }) => status === 401));
  });
});
