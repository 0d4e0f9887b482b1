import assert from 'node:assert/strict';

import { makeKey } from '../../fake_gemini/server.mjs';
import { describeInBrowser, seen } from '../harness/browser.mjs';
import { button, isLive, request, signIn, title } from '../harness/dashboard.mjs';

describeInBrowser('the first visit', (it) => {
  it('leads from no key to a first answer', async (scene) => {
    const play = await scene.stage({ keys: [] });
    const key = makeKey('first');
    play.fake.setKey({ key });
    const page = await scene.open(play, { signedIn: false });
    scene.expect(/^GET ready answered 503/);
    await signIn(page);
    await seen(title(page, 'Welcome to Pollux'));
    assert.match(await page.getByRole('link', { name: /Google AI Studio/ }).getAttribute('href'), /^https:\/\/aistudio\.google\.com\//);

    await page.getByLabel('Keys, or any text').fill(key);
    await button(page, 'Add 1 key').click();
    await seen(page.getByText('Google takes the key.'));

    assert.equal(await request(play), 200);
    await button(page, 'To the overview').click();
    await seen(title(page, 'Overview'));
    await isLive(page);
    assert.ok(!(await page.content()).includes(key));
  });

  it('says so when Google does not take the key', async (scene) => {
    const play = await scene.stage({ keys: [] });
    const page = await scene.open(play);
    scene.expect(/^GET ready answered 503/);

    await page.getByLabel('Keys, or any text').fill(makeKey('nobody-knows-it'));
    await button(page, 'Add 1 key').click();

    await seen(page.getByText('Disabled', { exact: true }));
    await seen(page.getByText(/API key not valid|does not know|not valid/i));
  });
});
