import assert from 'node:assert/strict';

import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, nameKeys, payersOf, request, row, title, toast } from '../harness/dashboard.mjs';
import { eventually } from '../harness/wait.mjs';

const BLUE_ONLY = 'local keys = {}\n\nfunction keys.select(request, pool)\n  return pool:named("blue"):least_busy()\nend\n\nreturn keys\n';
const BROKEN = BLUE_ONLY.replace('return pool', 'retrun pool');  // In line 4.
const ENV = { KEEP_CONVERSATIONS: 'false' };

const editor = (page) => page.getByRole('textbox', { name: 'Text of keys.lua' });

describeInBrowser('the policies\' pages', (it) => {
  it('refuse a policy that does not load, with its line, and change nothing', async (scene) => {
    const play = await scene.stage({ env: ENV });
    await nameKeys(play, ['red', 'blue']);
    const page = await scene.open(play, { at: '#/policies' });
    scene.expect(/^PUT admin\/policies\/keys\.lua\S* answered 400/);
    await row(page, 'keys.lua').getByRole('link').first().click();
    await seen(title(page, 'keys.lua'));
    await editor(page).fill(BROKEN);

    await button(page, 'Check').click();
    await seen(page.getByRole('alert').getByText(/keys\.lua:4: /));
    await button(page, 'Save').click();
    await seen(page.getByText('Not saved: Pollux would not load it.'));

    assert.equal(await editor(page).inputValue(), BROKEN, 'what was written is still there');
    assert.deepEqual(await payersOf(play), [0, 1]);
    const { files, error } = (await play.pollux.admin('/admin/policies')).json();
    assert.deepEqual([files.find(({ path }) => path === 'keys.lua').owner, error], [false, null]);
  });

  it('save one that does, and the next request obeys; and go back to the shipped one', async (scene) => {
    const play = await scene.stage({ env: ENV });
    await nameKeys(play, ['red', 'blue']);
    const page = await scene.open(play, { at: '#/policies/keys.lua' });
    await editor(page).fill(BLUE_ONLY);

    await page.keyboard.press('Control+s');
    await seen(toast(page, 'keys.lua is saved and in force.'));
    assert.deepEqual(await payersOf(play), [1]);
    await seen(page.getByText('Yours, over shipped'));
    await button(page, 'Your changes').click();
    await seen(page.getByText(/^Lines added/));

    await button(page, 'Back to shipped').click();
    await button(page.getByRole('dialog'), 'Back to shipped').click();
    await seen(toast(page, 'keys.lua is the shipped one again.'));
    assert.deepEqual(await payersOf(play), [0, 1]);
    await gone(button(page, 'Back to shipped'));
    await eventually(async () => await editor(page).inputValue() !== BLUE_ONLY);
  });

  it('ask before what was written is lost', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/policies/keys.lua' });
    await editor(page).fill(BLUE_ONLY);

    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await button(page.getByRole('dialog', { name: 'Leave without saving?' }), 'Cancel').click();
    assert.equal(await editor(page).inputValue(), BLUE_ONLY);
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await button(page.getByRole('dialog', { name: 'Leave without saving?' }), 'Leave').click();
    await seen(title(page, 'Keys'));
  });

  it('show at once what an editor beside the page has saved, and what broke', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/policies' });
    await seen(row(page, 'keys.lua').getByText('Shipped'));

    play.pollux.writePolicy('keys.lua', BLUE_ONLY);
    await seen(row(page, 'keys.lua').getByText('Yours, over shipped'));
    play.pollux.writePolicy('keys.lua', BROKEN);
    await seen(page.getByText(/The last change did not load/));
    await seen(page.getByText(/keys\.lua:4: /).first());
    assert.equal(await request(play), 503, 'the set before goes on: no key is called blue');
  });

  it('write a file of the owner\'s own, and delete it', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/policies' });

    await button(page, 'New file').click();
    const dialog = page.getByRole('dialog', { name: 'New policy file' });
    await dialog.getByLabel('Name').fill('../evil');
    await button(dialog, 'Write it').click();
    await seen(dialog.getByText('Letters, digits, - and _, folders'));
    await dialog.getByLabel('Name').fill('lib/prices');
    await button(dialog, 'Write it').click();
    await seen(title(page, 'lib/prices.lua'));
    await button(page, 'Save').click();
    await seen(toast(page, 'lib/prices.lua is saved and in force.'));

    await button(page, 'Delete').click();
    await button(page.getByRole('dialog'), 'Delete').click();
    await seen(title(page, 'Policies'));
    const { files } = (await play.pollux.admin('/admin/policies')).json();
    assert.ok(files.every(({ path }) => path !== 'lib/prices.lua'));
  });
});
