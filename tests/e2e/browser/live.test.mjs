// What the page does while things happen: traffic, trouble, a server that goes away and comes back.

import assert from 'node:assert/strict';

import { describeInBrowser, gone, seen } from '../harness/browser.mjs';
import { button, goTo, isLive, nameKeys, request, row, rows, title } from '../harness/dashboard.mjs';
import { startPrefixProxy } from '../harness/prefix_proxy.mjs';
import { MODEL } from '../harness/stage.mjs';
import { eventually } from '../harness/wait.mjs';

describeInBrowser('the overview', (it) => {
  it('counts what happens, and how it went', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play);
    await isLive(page);
    for (let i = 0; i < 5; i += 1) await request(play);

    await page.reload();

    await seen(page.getByText('5 requests, 0 failed'));
    await seen(page.getByText(/^5 requests: 5 answered, 0 failed/));
    await page.getByRole('table', { name: 'By model' }).getByRole('link', { name: MODEL }).click();
    await seen(title(page, 'Requests'));
    await eventually(async () => await rows(page).count() === 5);
  });

  it('speaks of one request as of one, and shows it in every chart', async (scene) => {
    const play = await scene.stage();
    await request(play);
    const page = await scene.open(play, { colorScheme: 'light' });

    await seen(page.getByText('1 request, 0 failed'));
    await seen(page.getByText(/^1 request: 1 answered/));
    const latency = page.getByRole('figure', { name: 'Latency' }).locator('canvas');
    await eventually(() => latency.evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4) if (data[i] === 0x27 && data[i + 1] === 0x47 && data[i + 2] === 0xb0) return true;  // --accent
      return false;
    }), { what: 'the only value of the latency is not drawn' });
  });

  it('draws the states of the keys from end to end', async (scene) => {
    const page = await scene.open(await scene.stage());
    await isLive(page);

    const bar = page.locator('.key-states-bar');
    const [whole, seenOfIt] = await bar.evaluate((element) => [element.clientWidth, element.firstElementChild.clientWidth]);

    assert.equal(seenOfIt, whole, 'all keys are ready');
  });

  it('says what needs attention, with the button that helps', async (scene) => {
    const play = await scene.stage({ keys: ['one', { key: 'two', state: 'suspended' }] });
    const page = await scene.open(play);
    await isLive(page);
    for (let i = 0; i < 4; i += 1) await request(play);

    const attention = page.getByRole('region', { name: 'Needs attention' });
    await seen(attention.getByText(/Google refused 1 key/));
    play.fake.setKey({ key: play.keys[1], state: 'ok' });
    await button(attention, 'Check it').click();
    await gone(attention.getByText(/Google refused 1 key/));
  });

  it('tells of a policy that does not load, and leads to it', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play);
    await isLive(page);

    play.pollux.writePolicy('keys.lua', 'this is no Lua\n');

    await seen(page.getByText(/A policy does not load/));
    await page.getByRole('link', { name: 'Open the policy' }).click();
    await seen(title(page, 'keys.lua'));
  });

  it('says when the first key comes back', async (scene) => {
    const play = await scene.stage({ keys: ['one'], env: { MAX_WAIT_SECONDS: '0' } });
    const page = await scene.open(play);
    await isLive(page);
    play.fake.rule({ row: 'quota_minute' });

    assert.notEqual(await request(play), 200);

    await seen(page.getByRole('region', { name: 'Needs attention' }).getByText(/The first comes back in \d+:\d\d/));
  });
});

describeInBrowser('the live feed', (it) => {
  it('comes back after a restart of Pollux, and so does what was missed', async (scene) => {
    const play = await scene.stage();
    await nameKeys(play, ['red', 'blue']);
    const proxy = await startPrefixProxy(play.pollux.url, '/pollux');
    scene.atEnd(proxy.close);
    const page = await scene.open(play, { url: proxy.url, at: '#/requests' });
    await isLive(page);
    await seen(title(page, 'Requests'));
    scene.expect(/failed: net::/, /answered 50[23]/);

    await play.pollux.stop();
    await seen(page.getByText(/The connection to Pollux is lost/));
    play.pollux = await play.pollux.restart();
    proxy.target = play.pollux.url;
    await request(play);

    await isLive(page);
    await gone(page.getByText(/The connection to Pollux is lost/));
    await seen(row(page, MODEL));
    await goTo(page, 'Keys');
    await seen(row(page, 'red'));
  });

  it('brings a page that could not be loaded while Pollux was away', async (scene) => {
    const play = await scene.stage();
    const proxy = await startPrefixProxy(play.pollux.url, '/pollux');
    scene.atEnd(proxy.close);
    const page = await scene.open(play, { url: proxy.url });
    await isLive(page);
    scene.expect(/failed: net::/, /answered 50[23]/);

    await play.pollux.stop();
    await seen(page.getByText(/The connection to Pollux is lost/));
    await page.getByRole('link', { name: 'Clients', exact: true }).click();
    await seen(page.getByText(/^Pollux does not answer/));
    assert.equal(await button(page, 'Try again').count(), 0, 'to reload now would lead out of the page');

    play.pollux = await play.pollux.restart();
    proxy.target = play.pollux.url;
    await seen(title(page, 'Clients'));
  });

  it('rests while nobody looks, and goes on with what was missed', async (scene) => {
    const play = await scene.stage();
    const page = await scene.open(play, { at: '#/requests' });
    await isLive(page);
    const see = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
      document.dispatchEvent(new window.Event('visibilitychange'));
    }, hidden);

    await see(true);
    await seen(page.getByRole('status').getByText('Paused', { exact: true }));
    await request(play);
    await see(false);

    await isLive(page);
    await seen(row(page, MODEL));
  });
});
