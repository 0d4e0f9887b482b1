import assert from 'node:assert/strict';

import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, request, title, toast } from '../harness/dashboard.mjs';
import { eventually } from '../harness/wait.mjs';

const client = (page, name) => page.getByRole('listitem', { name });
const tokenShown = (page) => page.getByRole('dialog', { name: /^The token of/ }).locator('.token code').innerText();

async function create(page, name, limits = {}) {
  await button(page, 'New client').first().click();
  const dialog = page.getByRole('dialog', { name: 'New client' });
  await dialog.getByLabel('Name').fill(name);
  for (const [label, value] of Object.entries(limits)) await dialog.getByLabel(label).fill(value);
  await button(dialog, 'Create client').click();
  await seen(page.getByRole('dialog', { name: `The token of ${name}` }));
}

describeInBrowser('the clients\' page', (it) => {
  it('makes a client whose token works until its limit, and shows the token this once', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/clients' });
    await create(page, 'Anna\'s phone', { 'Requests a minute': '2' });

    const token = await tokenShown(page);
    assert.deepEqual([await request(play, 'hi', { token }), await request(play, 'hi', { token }), await request(play, 'hi', { token })], [200, 200, 429]);
    const snippet = page.getByRole('dialog').getByRole('combobox');
    for (const option of await snippet.getByRole('option').all()) {
      await snippet.selectOption(await option.getAttribute('value'));
      await seen(page.getByRole('dialog').getByText(token).nth(1));
    }
    await button(page.getByRole('dialog'), 'I have copied it').click();

    await seen(client(page, 'Anna\'s phone').getByText('At its limit'));
    assert.equal(await client(page, 'Anna\'s phone').getByRole('meter', { name: 'This minute' }).getAttribute('aria-valuenow'), '2');
    await page.reload();
    await seen(client(page, 'Anna\'s phone'));
    assert.ok(!(await page.content()).includes(token), 'the token is shown twice');
  });

  it('changes what a client may, and the next request obeys', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/clients' });
    await create(page, 'radio', { 'Requests a day': '1' });
    const token = await tokenShown(page);
    await button(page.getByRole('dialog'), 'I have copied it').click();
    assert.deepEqual([await request(play, 'hi', { token }), await request(play, 'hi', { token })], [200, 429]);

    await button(client(page, 'radio'), 'Edit').click();
    const dialog = page.getByRole('dialog', { name: 'Edit radio' });
    await dialog.getByLabel('Requests a day').fill('many');
    await button(dialog, 'Save').click();
    await seen(dialog.getByText('A whole number from 1, or nothing for no limit.'));
    await dialog.getByLabel('Requests a day').fill('1k');
    await button(dialog, 'Save').click();
    await seen(toast(page, 'radio is changed.'));
    assert.equal(await request(play, 'hi', { token }), 200);

    await button(client(page, 'radio'), 'Disable').click();
    await seen(client(page, 'radio').getByText('Disabled'));
    assert.equal(await request(play, 'hi', { token }), 401);
  });

  it('revokes a client, after a question', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/clients' });
    await create(page, 'old laptop');
    const token = await tokenShown(page);
    await button(page.getByRole('dialog'), 'I have copied it').click();

    await button(client(page, 'old laptop'), 'Delete').click();
    await button(page.getByRole('dialog', { name: 'Delete old laptop?' }), 'Delete').click();

    await gone(client(page, 'old laptop'));
    assert.equal(await request(play, 'hi', { token }), 401);
  });

  it('gives a client another token, and the old one ends', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/clients' });
    await create(page, 'tv');
    const old = await tokenShown(page);
    await button(page.getByRole('dialog'), 'I have copied it').click();

    await button(client(page, 'tv'), 'New token').click();
    await button(page.getByRole('dialog', { name: 'New token' }), 'New token').click();

    const fresh = await eventually(() => tokenShown(page));
    assert.notEqual(fresh, old);
    assert.deepEqual([await request(play, 'hi', { token: old }), await request(play, 'hi', { token: fresh })], [401, 200]);
  });

  it('leads from a client to its requests', async (scene) => {
    const play = await scene.stage();
    await request(play);
    await request(play, 'hi', { token: 'somebody-else-entirely' });
    const page = await scene.open(play, { at: '#/clients' });

    await page.getByRole('main').getByRole('link', { name: 'Requests' }).first().click();

    await seen(title(page, 'Requests'));
    await eventually(async () => await page.getByRole('table').getAttribute('aria-rowcount') === '2');
  });
});
