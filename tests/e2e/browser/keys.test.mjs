import assert from 'node:assert/strict';

import { makeKey } from '../../fake_gemini/server.mjs';
import { describeInBrowser, gone, NARROW, seen } from '../harness/browser.mjs';
import { button, goTo, nameKeys, payersOf, request, row, rows, title, toast } from '../harness/dashboard.mjs';
import { keyId } from '../harness/stage.mjs';
import { eventually } from '../harness/wait.mjs';

const MANY = 10_000;

async function selectKey(page, name) {
  await row(page, name).getByRole('checkbox').check();
  return page.getByRole('region', { name: '1 key selected' });
}

describeInBrowser('the keys\' page', (it) => {
  it('adds keys found in any text, and says beforehand which', async (scene) => {
    const play = await scene.stage({ keys: ['one'] });
    const fresh = [makeKey('fresh1'), makeKey('fresh2')];
    for (const key of fresh) play.fake.setKey({ key });
    const page = await scene.open(play, { at: '#/keys' });

    await button(page, 'Add keys').click();
    const dialog = page.getByRole('dialog', { name: 'Add keys' });
    await dialog.getByLabel('Keys, or any text').fill(`GEMINI_API_KEYS="${fresh[0]}, ${fresh[1]}" # and ${play.keys[0]}, once more ${fresh[0]}`);
    await seen(dialog.getByText('2 new keys'));
    await seen(dialog.getByText(/^\d is there already and is left out|^\d are there already and are left out/));
    assert.equal((await play.pollux.status()).keys.length, 1, 'a preview adds nothing');
    await dialog.getByLabel('Tags').fill('free, family');
    await dialog.getByLabel('Project').fill('my-project');
    await button(dialog, 'Add 2 keys').click();

    await seen(toast(page, '2 keys added.'));
    await gone(dialog);
    await eventually(async () => await rows(page).count() === 3);
    const added = (await play.pollux.status()).keys.filter(({ id }) => fresh.map(keyId).includes(id));
    assert.deepEqual(added.map(({ tags, project_id: project }) => [[...tags].sort(), project]), [[['family', 'free'], 'my-project'], [['family', 'free'], 'my-project']]);
    const shown = await page.content();
    for (const key of [...fresh, ...play.keys]) assert.ok(!shown.includes(key), 'a secret stands in the page');
  });

  it('says that a text holds no key, and takes none', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/keys?add=1' });
    const dialog = page.getByRole('dialog', { name: 'Add keys' });

    await dialog.getByLabel('Keys, or any text').fill('nothing in here');

    await seen(dialog.getByText('No key was found in this text.'));
    assert.ok(await button(dialog, 'Add keys').isDisabled());
    await page.keyboard.press('Escape');
    await gone(dialog);
  });

  it('disables a key, and traffic leaves it until it is enabled again', async (scene) => {
    const play = await scene.stage({ env: { KEEP_CONVERSATIONS: 'false' } });
    await nameKeys(play, ['red', 'blue']);
    const page = await scene.open(play, { at: '#/keys' });
    assert.deepEqual(await payersOf(play), [0, 1]);

    await button(await selectKey(page, 'red'), 'Disable').click();
    const dialog = page.getByRole('dialog', { name: 'Disable this key?' });
    await dialog.getByLabel('Reason').fill('to be rotated');
    await button(dialog, 'Disable').click();
    await seen(row(page, 'red').getByText('Disabled', { exact: true }));
    await seen(row(page, 'red').getByText('to be rotated'));
    assert.deepEqual(await payersOf(play), [1]);

    await button(page.getByRole('region', { name: '1 key selected' }), 'Enable').click();
    await seen(row(page, 'red').getByText('Ready', { exact: true }));
    assert.deepEqual(await payersOf(play), [0, 1]);
  });

  it('shows at once what Google thinks of a key', async (scene) => {
    const play = await scene.stage({ keys: ['one', { key: 'two', state: 'suspended' }] });
    await nameKeys(play, ['good', 'bad']);
    const page = await scene.open(play, { at: '#/keys' });
    await seen(row(page, 'bad').getByText('Ready', { exact: true }));

    for (let i = 0; i < 4; i += 1) assert.equal(await request(play), 200);

    await seen(row(page, 'bad').getByText('Disabled', { exact: true }));
    await row(page, 'bad').getByRole('link').click();
    await seen(title(page, 'bad'));
    await seen(page.getByText(/Google refused this key/));
    play.fake.setKey({ key: play.keys[1], state: 'ok' });
    await button(page, 'Check now').click();
    await seen(page.getByText(/The key is back on trial/));
  });

  it('tells of one key what it was asked today, and leads to what it failed', async (scene) => {
    const play = await scene.stage({ keys: ['one'] });
    assert.equal(await request(play, 'hi', { path: '/v1beta/models/gemini-9-nothing:generateContent' }), 404);
    assert.equal(await request(play, 'hi', { token: 'of nobody' }), 401);
    const page = await scene.open(play, { at: `#/keys/${keyId(play.keys[0])}` });

    await seen(page.getByText(/^1 request today, 1 failed\./));
    await page.getByRole('link', { name: 'Its failed requests' }).click();

    await seen(title(page, 'Requests'));
    await seen(row(page, '404'));
    assert.equal(await rows(page).count(), 1);
  });

  it('shows in full the names that Pollux gives, on a phone, too', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/keys', viewport: NARROW });

    const name = (await seen(row(page, 'key-'))).first().locator('b');

    assert.ok(await name.evaluate((element) => element.scrollWidth <= element.clientWidth), await name.innerText());
  });

  it('says what a check has found, and above a dialog what went wrong', async (scene) => {
    const play = await scene.stage({ keys: ['one'] });
    const page = await scene.open(play, { at: `#/keys/${keyId(play.keys[0])}` });
    await button(page, 'Check now').click();
    await seen(toast(page, 'Google takes the key.'));

    scene.expect(/^PATCH admin\/keys\S* answered 507/);
    await page.route('**/admin/keys/*', (route) => route.fulfill({ status: 507, json: { error: { code: 507, message: 'no room' } } }));
    await button(page, 'Disable').click();
    await button(page.getByRole('dialog'), 'Disable').click();
    await seen(toast(page, 'no room'));
    assert.ok(await page.locator('.toasts').evaluate((element) => element.matches(':popover-open')));
  });

  it('warns of a change that may not last', async (scene) => {
    const play = await scene.stage({ keys: ['one'] });
    await play.pollux.admin(`/admin/keys/${keyId(play.keys[0])}`, { method: 'PATCH', body: { enabled: false } });
    const page = await scene.open(play, { at: `#/keys/${keyId(play.keys[0])}` });
    await page.route('**/admin/keys/*', (route) => route.fulfill({ json: { warning: 'the disk is full' } }));

    await button(page, 'Enable').click();

    await seen(toast(page, 'The change is in force, but a restart may lose it: the disk is full'));
  });

  it('finds, sorts and selects among the keys, and keeps the filters in the address', async (scene) => {
    const play = await scene.stage({ keys: ['a1', 'b2', 'c3', 'd4'] });
    await nameKeys(play, ['anna', 'berta', 'carla', 'dora']);
    await play.pollux.admin(`/admin/keys/${keyId(play.keys[3])}`, { method: 'PATCH', body: { enabled: false } });
    const page = await scene.open(play, { at: '#/keys' });
    const names = async () => (await rows(page).getByRole('link').allInnerTexts()).map((text) => text.split('\n')[0]);
    await seen(row(page, 'dora'));
    assert.deepEqual(await names(), ['anna', 'berta', 'carla', 'dora']);

    await button(page, 'Name').click();
    assert.deepEqual(await names(), ['dora', 'carla', 'berta', 'anna']);
    await page.getByRole('searchbox').fill('arl');
    await eventually(async () => (await names()).join() === 'carla');
    await page.getByRole('searchbox').fill('');
    await page.getByRole('group', { name: 'State' }).getByRole('button', { name: /^Disabled/ }).click();
    await eventually(async () => (await names()).join() === 'dora');
    await eventually(() => page.url().endsWith('#/keys?state=disabled'));

    await page.reload();
    await eventually(async () => (await names()).join() === 'dora');
  });

  it('changes and deletes what is selected, after a question', async (scene) => {
    const play = await scene.stage({ keys: ['one', 'two', 'three'] });
    const page = await scene.open(play, { at: '#/keys' });
    await page.getByRole('checkbox', { name: 'Select all' }).check();
    const bar = page.getByRole('region', { name: '3 keys selected' });

    await button(bar, 'Change…').click();
    await page.getByRole('dialog').getByLabel('Add tags').fill('paid');
    await button(page.getByRole('dialog'), 'Save').click();
    await seen(toast(page, '3 keys tagged.'));
    assert.ok((await play.pollux.status()).keys.every(({ tags }) => tags.join() === 'paid'));

    await button(bar, 'Delete').click();
    await button(page.getByRole('dialog'), 'Cancel').click();
    assert.equal((await play.pollux.status()).keys.length, 3);
    await button(bar, 'Delete').click();
    await button(page.getByRole('dialog'), 'Delete').click();
    await seen(page.getByText('There is no key yet.'));
    assert.equal((await play.pollux.status()).keys.length, 0);
  });

  it('stays fluid with ten thousand keys', async (scene) => {
    const play = await scene.stage();
    const text = Array.from({ length: MANY - 2 }, (_, i) => makeKey(`many${i}x`)).join('\n');
    const added = await play.pollux.admin('/admin/keys', { method: 'POST', body: { text, tags: ['bulk'] } });
    assert.equal(added.json().added.length, MANY - 2);
    const page = await scene.open(play, { at: '#/keys' });
    const table = page.getByRole('table', { name: 'Keys' });

    const hasAll = () => eventually(async () => await table.getAttribute('aria-rowcount') === String(MANY + 1));
    await hasAll();
    assert.ok(await rows(page).count() < 100, 'only rows in sight are in the document');
    const first = await rows(page).first().innerText();
    await page.keyboard.press('End');
    await eventually(async () => await rows(page).last().getAttribute('aria-rowindex') === String(MANY + 1));
    assert.ok(await rows(page).count() < 100);
    assert.notEqual(await rows(page).first().innerText(), first);

    await page.keyboard.press('Home');
    await page.getByRole('searchbox').fill(keyId(makeKey('many4711x')));
    await eventually(async () => await rows(page).count() === 1);
    await page.getByRole('searchbox').fill('');
    await hasAll();
    await page.getByRole('checkbox', { name: 'Select all' }).check();
    await button(page.getByRole('region', { name: '10,000 keys selected' }), 'Disable').click();
    await button(page.getByRole('dialog', { name: 'Disable 10,000 keys?' }), 'Disable').click();
    await seen(toast(page, '10,000 keys disabled.'));
    assert.equal((await play.pollux.status()).disabled_keys, MANY);
    await goTo(page, 'Overview');
  });
});
