import assert from 'node:assert/strict';

import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, request, toast } from '../harness/dashboard.mjs';

const field = (page, name) => page.getByLabel(`Value of ${name}`, { exact: true });
const attemptsOf = async (play) => {
  play.fake.clearRequests();
  await request(play);
  return play.upstream().length;
};

describeInBrowser('the settings\' page', (it) => {
  it('changes a setting, and the next request and the next start obey', async (scene) => {
    const play = await scene.stage({ keys: ['one', 'two', 'three', 'four', 'five'], env: { MAX_FAILURES: '100' } });
    play.fake.rule({ row: 'internal', times: 'always' });
    assert.equal(await attemptsOf(play), 3);
    const page = await scene.open(play, { at: '#/settings?q=MAX_RETRIES' });

    await field(page, 'MAX_RETRIES').fill('1');
    await seen(page.getByText('1 change is not saved'));
    assert.equal(await attemptsOf(play), 3, 'nothing is changed before it is saved');
    await button(page, 'Save').click();
    await seen(toast(page, 'MAX_RETRIES is saved.'));
    assert.equal(await attemptsOf(play), 2);
    await seen(page.getByText('set here'));

    await page.close();

    await play.pollux.stop();
    play.pollux = await play.pollux.restart();
    assert.equal(await attemptsOf(play), 2);
    const again = await scene.open(play, { at: '#/settings?q=MAX_RETRIES' });
    assert.equal(await field(again, 'MAX_RETRIES').inputValue(), '1');
    await button(again, 'Back to the default').click();
    await button(again, 'Save').click();
    await seen(toast(again, 'MAX_RETRIES is saved.'));
    assert.equal(await attemptsOf(play), 3);
  });

  it('says beside the field what is wrong, and changes nothing', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/settings?q=MAX_RETRIES' });

    for (const [wrong, words] of [['many', 'A number is needed.'], ['1.5', 'A whole number is needed.'], ['-1', 'At least 0.']]) {
      await field(page, 'MAX_RETRIES').fill(wrong);
      await button(page, 'Save').click();
      await seen(page.getByText(words));
      assert.equal(await field(page, 'MAX_RETRIES').getAttribute('aria-invalid'), 'true');
    }
    await button(page, 'Undo').click();
    assert.equal(await field(page, 'MAX_RETRIES').inputValue(), '3');
    const { settings } = (await play.pollux.admin('/admin/settings')).json();
    assert.equal(settings.find(({ name }) => name === 'MAX_RETRIES').source, 'default');
  });

  it('shows what the environment has set, and that it wins', async (scene) => {
    const page = await scene.open(await scene.stage({ env: { MAX_RETRIES: '2' } }), { at: '#/settings?q=MAX_RETRIES' });

    await seen(page.getByText('Set by environment, which wins: change MAX_RETRIES there and start Pollux again.'));
    assert.equal(await field(page, 'MAX_RETRIES').innerText(), '2');
    assert.equal(await page.getByRole('textbox', { name: 'Value of MAX_RETRIES' }).count(), 0);
  });

  it('turns a switch that is named after its setting', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/settings?q=KEEP_CONVERSATIONS' });
    const valueNow = async () => (await play.pollux.admin('/admin/settings')).json().KEEP_CONVERSATIONS;
    assert.equal(await valueNow(), true);

    await page.getByRole('switch', { name: /KEEP_CONVERSATIONS/ }).uncheck({ force: true });
    await button(page, 'Save').click();

    await seen(toast(page, 'KEEP_CONVERSATIONS is saved.'));
    assert.equal(await valueNow(), false);
  });

  it('finds settings by their words, each with its sentence, and never shows a secret', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/settings' });
    await seen(page.getByRole('heading', { level: 3, name: 'MAX_RETRIES' }));
    assert.ok(await page.getByRole('heading', { level: 3 }).count() > 25);
    const all = await page.content();
    for (const secret of [play.pollux.token, play.pollux.adminToken, ...play.keys]) assert.ok(!all.includes(secret));

    await page.getByRole('searchbox').fill('max retries');

    await gone(page.getByRole('heading', { level: 3, name: 'PORT', exact: true }));
    await seen(page.getByRole('heading', { level: 3, name: 'MAX_RETRIES' }));
  });
});
