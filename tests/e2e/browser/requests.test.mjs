import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, isLive, nameKeys, request, row, rows, title, toast } from '../harness/dashboard.mjs';
import { inParallel, keepAliveAgent, ask } from '../harness/load.mjs';
import { MODEL, prompt, UNARY } from '../harness/stage.mjs';
import { eventually } from '../harness/wait.mjs';

const NOBODY = 'no-such-token-at-all';
const others = (count) => `/v1beta/models/gemini-3.8-flash:${count}`;

describeInBrowser('the requests\' page', (it) => {
  it('shows a request as it arrives, and holds still when told to', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/requests' });
    await isLive(page);
    await seen(page.getByText('No request yet'));

    await request(play);
    await seen(row(page, MODEL));
    await button(page, 'Pause').click();
    await request(play);
    await seen(button(page, 'Show 1 new request'));
    assert.equal(await rows(page).count(), 1);

    await button(page, 'Show 1 new request').click();
    await eventually(async () => await rows(page).count() === 2);
    await request(play);
    await eventually(async () => await rows(page).count() === 3, { what: 'the list did not go on' });
  });

  it('tells of a request that a second key made good', async (scene) => {
    const play = await scene.stage();
    await nameKeys(play, ['red', 'blue']);
    const page = await scene.open(play, { at: '#/requests' });
    await isLive(page);
    play.fake.rule({ row: 'quota_minute' });
    assert.equal(await request(play), 200);

    await row(page, '2 attempts').getByRole('link').click();

    await seen(title(page, MODEL));
    const attempts = page.getByRole('region', { name: 'Attempts' }).getByRole('table');
    await seen(attempts.getByRole('row').filter({ hasText: '429' }));
    const told = await attempts.getByRole('row').filter({ has: page.getByRole('cell') }).allInnerTexts();
    assert.equal(told.length, 2);
    assert.match(told[0], /^1\b[\s\S]*429/);
    assert.match(told[1], /^2\b[\s\S]*200/);
    assert.deepEqual(told.map((text) => /red|blue/.exec(text)[0]).sort(), ['blue', 'red']);
    await page.goBack();
    await seen(title(page, 'Requests'));
  });

  it('says what is wrong with a request that failed, and what helps', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/requests' });
    await isLive(page);
    assert.equal(await request(play, 'hi', { token: NOBODY }), 401);

    await row(page, '401').getByRole('link').click();

    await seen(page.getByText(/The token is missing, unknown, disabled or expired/));
    assert.ok(!(await page.content()).includes(NOBODY));
    await page.getByRole('link', { name: 'See the clients' }).click();
    await seen(title(page, 'Clients'));
  });

  it('gives a request as a line for curl that works and holds no secret', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/requests' });
    await request(play);
    await row(page, MODEL).getByRole('link').click();

    const curl = await page.getByRole('region', { name: 'As curl' }).locator('pre').innerText();

    assert.match(curl, /^curl /);
    assert.ok(curl.includes(play.pollux.url) && curl.includes(UNARY) && curl.includes('POLLUX_TOKEN'));
    for (const secret of [...play.keys, play.pollux.token]) assert.ok(!(await page.content()).includes(secret));
  });

  it('filters by what is chosen, in the address, too, and exports and deletes just that', async (scene) => {
    const play = await scene.stage();
    await request(play);
    await request(play, 'hi', { path: others('generateContent') });
    await request(play, 'hi', { token: NOBODY });
    const page = await scene.open(play, { at: '#/requests' });
    await eventually(async () => await rows(page).count() === 3);

    await page.getByLabel('Status').selectOption({ label: 'Failed' });
    await eventually(async () => await rows(page).count() === 1);
    await seen(row(page, '401'));
    assert.match(page.url(), /status=error/);
    await request(play, 'hi', { token: NOBODY });
    await eventually(async () => await rows(page).count() === 2, { what: 'what fits the filter does not arrive live' });
    await page.reload();
    await eventually(async () => await rows(page).count() === 2);

    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'JSONL' }).click()]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ status }) => status), [401, 401]);

    await button(page, 'Delete what is shown').click();
    await button(page.getByRole('dialog'), 'Delete').click();
    await seen(toast(page, '2 requests deleted.'));
    await button(page, 'Remove all filters').first().click();
    await eventually(async () => await rows(page).count() === 2);
    await gone(row(page, '401'));
  });

  it('finds words, and says where nothing fits', async (scene) => {
    const play = await scene.stage();
    await request(play);
    await request(play, 'hi', { path: others('generateContent') });
    const page = await scene.open(play, { at: '#/requests' });
    await eventually(async () => await rows(page).count() === 2);

    await page.getByRole('searchbox').fill('gemini-3.8');
    await eventually(async () => await rows(page).count() === 1);
    await page.getByRole('searchbox').fill('nobody ever asked this');
    await seen(page.getByText('No request fits these filters.'));
  });

  it('stays usable under load, and says that it left some out', async (scene) => {
    const play = await scene.stage({ env: { MAX_WAIT_SECONDS: '60' } });
    const page = await scene.open(play, { at: '#/requests' });
    await isLive(page);
    const agent = keepAliveAgent(300);
    scene.atEnd(() => agent.destroy());
    play.fake.rule({ times: 'always', delay_ms: 700, answer: { status: 200, body: { candidates: [{ content: { parts: [{ text: 'x' }], role: 'model' }, finishReason: 'STOP' }] } } });

    // All wait for the fake at once, and so come back within the same second: far more than are told in one.
    const headers = { 'x-goog-api-key': play.pollux.token, 'Content-Type': 'application/json' };
    const answers = await inParallel(300, 300, () => ask(agent, play.pollux.url + UNARY, { headers, body: JSON.stringify(prompt('x')) }));
    assert.ok(answers.every(({ status }) => status === 200));

    await button(page, 'There are more new requests than are shown: read again').click();
    const table = page.getByRole('table', { name: 'Requests' });
    await eventually(async () => Number(await table.getAttribute('aria-rowcount')) > 100, { what: 'the list was not read again' });
    assert.ok(await rows(page).count() < 100, 'only rows in sight are in the document');
    await isLive(page);
  });

  it('says so when a request is no longer in the log', async (scene) => {
    scene.expect(/^GET admin\/requests\/\S+ answered 404/);
    const page = await scene.open(await scene.stage(), { at: '#/requests/1-nothing' });

    await seen(page.getByText('This request is no longer in the log'));
  });
});
