// Where the page can be reached: by bookmarks of other proxies, below a path, and over HTTPS.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificates } from '../../fake_gemini/certificates.mjs';
import { describeInBrowser, seen } from '../harness/browser.mjs';
import { goTo, isLive, request, row, signIn, title } from '../harness/dashboard.mjs';
import { startPrefixProxy } from '../harness/prefix_proxy.mjs';
import { MODEL } from '../harness/stage.mjs';

describeInBrowser('the page\'s addresses', (it) => {
  it('lead bookmarks of other proxies to the right page', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play);

    for (const [bookmark, name, at] of [['keys_status', 'Keys', /#\/keys$/], ['status', 'Keys', /#\/keys$/], ['config', 'Settings', /#\/settings$/],
      ['error_logs', 'Requests', /#\/requests\?status=error$/], ['admin/keys', 'Keys', /#\/keys$/], ['admin', 'Overview', /#\/$/]]) {
      await page.goto(`${play.pollux.url}/${bookmark}`);
      await seen(title(page, name));
      assert.match(page.url(), at, bookmark);
    }
  });

  it('say what is not there, and how to go on', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/nowhere/at/all' });

    await seen(title(page, 'There is no such page.'));
    await page.getByRole('main').getByRole('link', { name: 'Overview' }).click();
    await seen(title(page, 'Overview'));
  });

  it('work below a path, behind a reverse proxy', async (scene) => {
    const play = await scene.stage();
    const proxy = await startPrefixProxy(play.pollux.url, '/pollux');
    scene.atEnd(proxy.close);
    const page = await scene.open(play, { url: proxy.url, signedIn: false, at: 'keys_status' });

    await signIn(page);
    await seen(title(page, 'Keys'));
    assert.equal(page.url(), `${proxy.url}/#/keys`);
    for (const name of ['Requests', 'Clients', 'Models', 'Policies', 'Settings', 'Overview']) await goTo(page, name);
    await isLive(page);
    await goTo(page, 'Requests');
    await request(play);
    await seen(row(page, MODEL));
  });

  it('keep the session for HTTPS alone where Pollux speaks HTTPS', async (scene) => {
    const folder = mkdtempSync(join(tmpdir(), 'pollux-e2e-tls-'));
    scene.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    const made = makeCertificates();
    scene.atEnd(made.remove);
    writeFileSync(join(folder, 'cert.pem'), made.cert);
    writeFileSync(join(folder, 'key.pem'), made.key);
    const play = await scene.stage({ env: { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') } });
    const page = await scene.open(play, { signedIn: false, ignoreHTTPSErrors: true });

    await signIn(page);
    await seen(title(page, 'Overview'));
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite], [true, true, 'Strict']);
    await isLive(page);
  });
});
