// The page without a mouse.

import assert from 'node:assert/strict';

import { makeKey } from '../../fake_gemini/server.mjs';
import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, nameKeys, request, row, title, toast } from '../harness/dashboard.mjs';
import { ADMIN_TOKEN } from '../harness/pollux.mjs';
import { MODEL } from '../harness/stage.mjs';

const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement || element.contains(document.activeElement));

/** Presses Tab until it has the focus; what cannot be reached so is out of reach for many. */
async function tabTo(page, locator, most = 60) {
  await seen(locator);
  for (let i = 0; i < most; i += 1) {
    if (await isFocused(locator)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`no Tab leads to ${locator}`);
}

async function press(page, locator, key = 'Enter') {
  await tabTo(page, locator);
  await page.keyboard.press(key);
}

describeInBrowser('the keyboard alone', (it) => {
  it('signs in, and skips to the content', async (scene) => {
    const page = await scene.open(await scene.stage(), { signedIn: false });

    await tabTo(page, page.getByLabel('Password'));
    await page.keyboard.type(ADMIN_TOKEN);
    await page.keyboard.press('Enter');

    await seen(title(page, 'Overview'));
    await page.reload();
    await seen(title(page, 'Overview'));
    await press(page, page.getByRole('link', { name: 'Skip to the content' }));
    assert.ok(await isFocused(page.getByRole('main')));
  });

  it('adds a key, and the focus stays in the dialog and comes back', async (scene) => {
    const play = await scene.stage();
    const fresh = makeKey('typed');
    play.fake.setKey({ key: fresh });
    const page = await scene.open(play, { at: '#/keys' });
    const dialog = page.getByRole('dialog', { name: 'Add keys' });

    await press(page, button(page, 'Add keys'));
    assert.ok(await isFocused(dialog.getByLabel('Keys, or any text')), 'one can type at once');
    await page.keyboard.type(fresh);
    await seen(dialog.getByText('1 new key'));
    for (let i = 0; i < 15; i += 1) {
      await page.keyboard.press('Tab');
      assert.ok(await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))));
    }
    await page.keyboard.press('Escape');
    await gone(dialog);
    assert.ok(await isFocused(button(page, 'Add keys')));

    await page.keyboard.press('Enter');
    await page.keyboard.type(fresh);
    await press(page, button(dialog, 'Add 1 key'));
    await seen(toast(page, '1 key added.'));
  });

  it('opens a request, and goes back to the list', async (scene) => {
    const play = await scene.stage();
    await request(play);
    const page = await scene.open(play);
    await press(page, page.getByRole('navigation').getByRole('link', { name: 'Requests' }));
    await seen(title(page, 'Requests'));

    await press(page, row(page, MODEL).getByRole('link'));

    await seen(title(page, MODEL));
    await press(page, page.getByRole('main').getByRole('link', { name: 'Requests', exact: true }));
    await seen(title(page, 'Requests'));
  });

  it('selects keys and disables them', async (scene) => {
    const play = await scene.stage();
    await nameKeys(play, ['red', 'blue']);
    const page = await scene.open(play, { at: '#/keys' });

    await press(page, row(page, 'red').getByRole('checkbox'), 'Space');
    await press(page, button(page.getByRole('region', { name: '1 key selected' }), 'Disable'));
    await seen(page.getByRole('dialog'));
    await page.keyboard.type('resting');
    await page.keyboard.press('Enter');

    await seen(row(page, 'red').getByText('Disabled', { exact: true }));
  });

  it('leaves the editor of a policy by Esc and Tab', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/policies/keys.lua' });
    const editor = page.getByRole('textbox', { name: 'Text of keys.lua' });

    await tabTo(page, editor);
    await page.keyboard.press('Tab');
    assert.ok(await isFocused(editor), 'Tab indents');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    assert.ok(!await isFocused(editor));
  });
});
