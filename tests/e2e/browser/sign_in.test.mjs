import assert from 'node:assert/strict';

import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, signIn, title } from '../harness/dashboard.mjs';
import { ADMIN_TOKEN } from '../harness/pollux.mjs';
import { eventually } from '../harness/wait.mjs';

const WRONG = /^POST admin\/login answered 401/;
const THROTTLED = /^POST admin\/login answered 429/;
const ENDED = /answered 401/;

const password = (page) => page.getByLabel('Password');

describeInBrowser('signing in', (it) => {
  it('turns a wrong password away in words, and lets the right one in', async (scene) => {
    const page = await scene.open(await scene.stage(), { signedIn: false });
    scene.expect(WRONG);

    await signIn(page, 'wrong');

    await seen(page.getByRole('alert').getByText('The user name or the password is wrong.'));
    assert.equal(await password(page).inputValue(), '');
    assert.ok(await password(page).evaluate((field) => field === document.activeElement), 'the next try can be typed at once');
    await signIn(page);
    await seen(title(page, 'Overview'));
  });

  it('leaves no password, and no session that a script could read, in the page', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { signedIn: false });
    await signIn(page);
    await seen(title(page, 'Overview'));

    const kept = await page.evaluate(() => JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage },
      document.documentElement.outerHTML]));
    assert.ok(!kept.includes(ADMIN_TOKEN));
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite, cookie.secure], ['pollux_session', true, 'Strict', false]);
    assert.ok(!kept.includes(cookie.value));
    assert.ok(!play.pollux.log().includes(cookie.value));
  });

  it('slows down whoever guesses, and says for how long', async (scene) => {
    const page = await scene.open(await scene.stage(), { signedIn: false });
    scene.expect(WRONG, THROTTLED);
    const slowed = page.getByRole('alert').getByText(/^Too many wrong tries/);

    await eventually(async () => {
      if (await slowed.isVisible()) return true;
      const answer = page.waitForResponse(/admin\/login/);
      await signIn(page, 'guess');
      await answer;
      return false;
    }, { within_ms: 20_000, what: 'nobody slowed the guesses down' });

    assert.ok(await button(page, 'Sign in').isDisabled());
  });

  it('stays signed in over a reload, and signs out for good', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { signedIn: false, at: '#/keys' });
    await signIn(page);
    await seen(title(page, 'Keys'));

    await page.reload();
    await seen(title(page, 'Keys'));
    const [cookie] = await page.context().cookies();
    await button(page, 'Sign out').click();
    await seen(title(page, 'Sign in'));

    assert.deepEqual(await page.context().cookies(), []);
    const old = await play.pollux.call('/admin/status', { token: null, headers: { Cookie: `${cookie.name}=${cookie.value}` } });
    assert.equal(old.status, 401, 'the session is over for Pollux, too');
    await page.reload();
    await seen(title(page, 'Sign in'));
  });

  it('leads back to where one was when the session has ended', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/keys' });
    await seen(title(page, 'Keys'));
    scene.expect(ENDED);

    await page.context().request.post(`${new URL(page.url()).origin}/admin/logout`);
    await page.getByRole('link', { name: 'Settings' }).click();
    await seen(page.getByText('Your session has ended.'));
    await gone(title(page, 'Settings'));
    await signIn(page);

    await seen(title(page, 'Settings'));
    assert.match(page.url(), /#\/settings$/);
  });
});
