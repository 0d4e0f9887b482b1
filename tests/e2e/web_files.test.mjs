import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { openRaw } from './harness/raw.mjs';
import { stage } from './harness/stage.mjs';

const FILES = {
  'index.html': `<!doctype html><title>Pollux</title>${' '.repeat(2000)}`,
  'app.js': `export const text = "${'x'.repeat(20_000)}";`,
  'styles/page.css': 'a { color: red }',
  'texts/zh-CN.js': 'export default {};',
  'icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  '.hidden.js': 'hidden',
  'notes.lua': 'hidden',
};

function folderOf(files) {
  const folder = mkdtempSync(join(tmpdir(), 'pollux-web-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe('the page\'s files', () => {
  let play;
  let folder;
  before(async () => {
    folder = folderOf(FILES);
    writeFileSync(`${folder}-secret.js`, 'secret');
    symlinkSync(`${folder}-secret.js`, join(folder, 'link.js'));
    play = await stage(undefined, { keys: ['one'], args: ['--web', folder] });
  });
  after(async () => {
    await play.close();
    for (const path of [folder, `${folder}-secret.js`]) rmSync(path, { recursive: true });
  });
  const get = (path, headers = {}, method = 'GET') => play.pollux.call(path, { method, token: null, headers });

  for (const [path, name, type] of [['/', 'index.html', 'text/html; charset=UTF-8'], ['/index.html', 'index.html', 'text/html; charset=UTF-8'],
    ['/?x=1', 'index.html', 'text/html; charset=UTF-8'], ['/web/app.js', 'app.js', 'text/javascript; charset=UTF-8'], ['//web//app.js', 'app.js', 'text/javascript; charset=UTF-8'],
    ['/web/styles/page.css', 'styles/page.css', 'text/css; charset=UTF-8'], ['/web/texts/zh-CN.js', 'texts/zh-CN.js', 'text/javascript; charset=UTF-8'],
    ['/favicon.svg', 'icon.svg', 'image/svg+xml'], ['/favicon.ico', 'icon.svg', 'image/svg+xml']]) {
    it(`${path} is ${name}, for anybody`, async () => {
      const answer = await get(path);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.text, FILES[name]);
      assert.equal(answer.header('content-type'), type);
      assert.equal(answer.header('cache-control'), 'no-cache');
    });
  }

  it('come compressed, and only once', async () => {
    const answer = await get('/web/app.js', { 'Accept-Encoding': 'gzip, br' });
    assert.equal(answer.header('content-encoding'), 'gzip');
    assert.equal(gunzipSync(answer.body).toString(), FILES['app.js']);
    assert.match(answer.header('vary'), /Accept-Encoding/);

    const again = await get('/web/app.js', { 'Accept-Encoding': 'gzip', 'If-None-Match': answer.header('etag') });
    assert.deepEqual([again.status, again.text, again.header('etag')], [304, '', answer.header('etag')]);
    assert.equal((await get('/web/app.js', { 'If-None-Match': answer.header('etag') })).status, 200, 'plain bytes have a tag of their own');
  });

  it('are new as soon as they are saved', async () => {
    const before1 = await get('/web/styles/page.css');
    writeFileSync(join(folder, 'styles/page.css'), 'a { color: blue }');
    const after1 = await get('/web/styles/page.css', { 'If-None-Match': before1.header('etag') });
    assert.deepEqual([after1.status, after1.text], [200, 'a { color: blue }']);
  });

  it('HEAD tells what GET would send', async () => {
    const answer = await get('/web/app.js', {}, 'HEAD');
    assert.deepEqual([answer.status, answer.text, answer.header('content-length')], [200, '', String(FILES['app.js'].length)]);
  });

  for (const path of ['/web', '/web/', '/web/none.js', '/web/.hidden.js', '/web/notes.lua', '/web/link.js', '/web/styles', '/web/../pollux.db', '/web/..%2f..%2fetc%2fpasswd',
    '/web/%2e%2e/app.js', '/web/app.js%00.css', '/web/app%2ejs', '/web/styles/..%5capp.js', `/web/${'a/'.repeat(500)}b.js`]) {
    it(`${path.slice(0, 40)} is not found, in a few plain words`, async () => {
      const answer = await play.pollux.call('/', { target: path, token: null });  // As it stands: a URL would put it right.
      assert.equal(answer.status, 404, answer.text);
      assert.match(answer.header('content-type'), /^text\/plain/);
      assert.doesNotMatch(answer.text, /secret|hidden|root:/);
    });
  }

  it('carry what keeps other sites out, and nothing that asks for TLS', async () => {
    const page = await get('/');
    assert.equal(page.header('content-security-policy'), "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
      + "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    for (const answer of [page, await get('/web/app.js'), await get('/web/none.js'), await get('/admin/status'), await get('/status'), await play.pollux.admin('/admin/status')]) {
      assert.equal(answer.header('x-content-type-options'), 'nosniff');
      assert.equal(answer.header('x-frame-options'), 'DENY');
      assert.equal(answer.header('referrer-policy'), 'no-referrer');
      assert.equal(answer.header('cross-origin-resource-policy'), 'same-origin');
      assert.match(answer.header('content-security-policy'), /^default-src 'none'.*frame-ancestors 'none'$/);
      assert.equal(answer.header('strict-transport-security'), undefined);
    }
    for (const part of [await get('/web/app.js'), await play.pollux.admin('/admin/status')]) {
      assert.equal(part.header('content-security-policy'), "default-src 'none'; base-uri 'none'; frame-ancestors 'none'", 'shown by itself it may do nothing');
    }
    assert.match(page.header('permissions-policy'), /camera=\(\)/);
    assert.equal(page.header('cross-origin-opener-policy'), 'same-origin', 'on this very machine');
    assert.equal((await get('/', { Host: 'pi.local' })).header('cross-origin-opener-policy'), undefined, 'browsers complain of it without TLS');
    assert.equal((await get('/', { Host: 'pi.local', 'X-Forwarded-Proto': 'https' })).header('cross-origin-opener-policy'), 'same-origin');
  });

  for (const [path, place] of [['/keys_status', './#/keys'], ['/status', './#/keys'], ['/config', './#/settings'], ['/error_logs', './#/requests?status=error'],
    ['/status/', '../#/keys'], ['/admin', './#/'], ['/admin/', '../#/'], ['/admin/keys', '../#/keys'], ['/admin/keys/?page=2', '../../#/keys']]) {
    it(`${path}, opened in a browser, leads to ${place}`, async () => {
      const answer = await get(path, { Accept: 'text/html,*/*;q=0.8' });
      assert.deepEqual([answer.status, answer.header('location')], [302, place]);
      const target = new URL(place, `http://host/prefix${path}`);
      assert.equal(target.pathname, '/prefix/');
    });
  }

  it('an address of the API stays one for programs and for calls of the page', async () => {
    assert.equal((await get('/admin/keys')).status, 401);
    assert.equal((await get('/admin/keys', { Accept: '*/*', 'Sec-Fetch-Mode': 'cors' })).status, 401);
    assert.equal((await play.pollux.admin('/admin/keys', { headers: { Accept: 'text/html' } })).status, 200);
    assert.equal((await play.pollux.admin('/admin')).status, 404);
  });

  it('stand in nobody\'s way', async () => {
    assert.equal((await play.pollux.call('/v1beta/models')).status, 200);
    assert.equal((await play.pollux.call('/status', { method: 'POST', body: '{}' })).status, 404);
    assert.equal((await play.pollux.call('/', { method: 'POST', body: '{}' })).status, 404);
  });

  it('many at once, and clients that leave before they come', async () => {
    const leaving = await Promise.all(Array.from({ length: 20 }, () => openRaw(play.pollux.url)));
    for (const connection of leaving) connection.send('GET /web/app.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n').destroy();
    const answers = await Promise.all(Array.from({ length: 60 }, () => get('/web/app.js', { 'Accept-Encoding': 'gzip' })));
    assert.ok(answers.every(({ status }) => status === 200 || status === 503));
    assert.ok(answers.some(({ status }) => status === 200));
  });
});

describe('a Pollux without a page', () => {
  it('says what to do where libraries are missing', async (t) => {
    const folder = folderOf({ 'index.html': 'page', 'package.json': '{}' });
    t.after(() => rmSync(folder, { recursive: true }));
    const { pollux } = await stage(t, { keys: ['one'], args: ['--web', folder] });
    const answer = await pollux.call('/', { token: null });
    assert.equal(answer.status, 404);
    assert.match(answer.text, /run scripts\/vendor/);
  });

  it('says so where there is none, and serves', async (t) => {
    const folder = folderOf({});
    t.after(() => rmSync(folder, { recursive: true }));
    const { pollux } = await stage(t, { keys: ['one'], args: ['--web', folder] });
    const answer = await pollux.call('/', { token: null });
    assert.deepEqual([answer.status, /page is not installed/.test(answer.text)], [404, true]);
    assert.equal((await pollux.call('/v1beta/models')).status, 200);
  });
});
