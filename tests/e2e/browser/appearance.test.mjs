// Every page as it looks with something in it: for axe, on screens of any width, by day and by night, in each language.

import assert from 'node:assert/strict';

import { checkAccessibility } from '../harness/accessibility.mjs';
import { describeInBrowser, NARROW, picture, seen, WIDE } from '../harness/browser.mjs';
import { button, isLive, nameKeys, request, row, rows } from '../harness/dashboard.mjs';
import { keyId } from '../harness/stage.mjs';

const NAMES = ['work', 'family', 'refused', 'resting', 'put away'];

/** Keys in every state, requests of all kinds, clients, a policy of the owner's. */
async function busyStage(scene) {
  const play = await scene.stage({ keys: ['k1', 'k2', { key: 'k3', state: 'suspended' }, { key: 'k4', limits: { '*': { rpm: 1, rpd: 1000 } } }, 'k5'],
    env: { KEEP_CONVERSATIONS: 'false', MAX_FAILURES: '5', REQUEST_LOG_BODIES: 'all' },
    policies: { 'transform.lua': 'local transform = {}\n\nfunction transform.request(request)\n  request.headers["x-team"] = "home"\nend\n\nreturn transform\n' } });
  await nameKeys(play, NAMES);
  const patch = (i, body) => play.pollux.admin(`/admin/keys/${keyId(play.keys[i])}`, { method: 'PATCH', body });
  await patch(0, { tags: ['paid', 'work'], project_id: 'my-project' });
  await patch(4, { enabled: false, reason: 'until the bill is paid' });
  await play.pollux.admin('/admin/clients', { method: 'POST', body: { name: 'Open WebUI', tags: ['family'], models: ['gemini-*'], rpm: 60, daily_tokens: 100_000 } });
  for (let i = 0; i < 12; i += 1) await request(play, `[chars=${100 * i}] hello`);
  await request(play, 'hi', { token: 'no-such-token' });
  await request(play, 'hi', { path: '/v1beta/models/gemini-9-nothing:generateContent' });
  return play;
}

const first = (page, locator) => seen(locator(page).first());
const PAGES = {
  overview: { at: '#/', ready: async (page) => { await isLive(page); await first(page, (place) => place.locator('canvas')); } },
  keys: { at: '#/keys', ready: (page) => seen(row(page, 'put away')) },
  key: { at: (play) => `#/keys/${keyId(play.keys[2])}`, ready: (page) => first(page, rows) },
  requests: { at: '#/requests', ready: (page) => first(page, rows) },
  request: { at: '#/requests?status=error', ready: async (page) => {
    await rows(page).first().getByRole('link').click();
    await seen(page.locator('pre').first());
  } },
  clients: { at: '#/clients', ready: (page) => first(page, (place) => place.getByRole('meter')) },
  models: { at: '#/models', ready: (page) => first(page, rows) },
  policies: { at: '#/policies', ready: (page) => first(page, rows) },
  policy: { at: '#/policies/transform.lua', ready: (page) => first(page, (place) => place.locator('.editor textarea')) },
  settings: { at: '#/settings', ready: (page) => first(page, (place) => place.getByRole('heading', { level: 3 })) },
};
const DIALOGS = { keys: 'Add keys', clients: 'New client' };
// What stands there if a text is missing: its name.
const NAME_OF_A_TEXT = /\b(?:common|errors|nav|shell|feed|states|table|chart|signIn|overview|first|keys|requests|clients|models|policies|settings)\.(?!(?:lua|md)\b)[a-z]\w*/;

async function visit(page, play, { at, ready }) {
  await page.goto(`${play.pollux.url}/${typeof at === 'function' ? at(play) : at}`);
  await ready(page);
}

async function checkLayout(page, what) {
  const cut = await page.evaluate(() => [...document.querySelectorAll('[role=cell] .badge')]
    .filter((badge) => badge.getBoundingClientRect().right > badge.closest('[role=cell]').getBoundingClientRect().right).map(({ innerText }) => innerText));
  assert.deepEqual(cut, [], `${what}: badges are cut off`);
  const [wanted, has] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wanted <= has, `${what}: the page is ${wanted} px wide where there are ${has}`);
}

describeInBrowser('every page', (it) => {
  for (const [width, viewport] of [['wide', WIDE], ['narrow', NARROW]]) {
    for (const colorScheme of ['light', 'dark']) {
      it(`can be used by everybody, ${width} and ${colorScheme}`, async (scene) => {
        const play = await busyStage(scene);
        const page = await scene.open(play, { viewport, colorScheme });
        for (const [name, place] of Object.entries(PAGES)) {
          const what = `${name}-${width}-${colorScheme}`;
          await visit(page, play, place);
          await checkAccessibility(page, what);
          await checkLayout(page, what);
          await picture(page, what);
          if (!DIALOGS[name]) continue;
          await button(page, DIALOGS[name]).first().click();
          await seen(page.getByRole('dialog'));
          await checkAccessibility(page, `${what}, its dialog`);
          await picture(page, `${what}-dialog`);
        }
      });
    }
  }

  it('speaks the browser\'s language, or the one that is chosen, and leaves nothing unsaid', async (scene) => {
    const play = await busyStage(scene);
    const page = await scene.open(play, { locale: 'zh-CN' });
    await seen(page.getByRole('link', { name: '密钥' }));
    for (const language of ['zh-CN', 'en']) {
      for (const [name, place] of Object.entries(PAGES)) {
        await visit(page, play, { ...place, ...(name === 'overview' && { ready: (shown) => seen(shown.getByRole('heading', { level: 1 })) }) });
        assert.equal(await page.locator('html').getAttribute('lang'), language);
        const text = await page.locator('body').innerText();
        assert.doesNotMatch(text, NAME_OF_A_TEXT, `${name} in ${language}`);
        assert.doesNotMatch(text, /\{[a-z]+\}|\bundefined\b|\bNaN\b|\[object/, `${name} in ${language}`);
        await picture(page, `${name}-${language}`);
      }
      await page.getByRole('combobox').filter({ hasText: 'English' }).selectOption('en');
      await seen(page.getByRole('link', { name: 'Keys', exact: true }));
    }
    await page.reload();
    await seen(page.getByRole('link', { name: 'Keys', exact: true }));
  });

  it('breaks no word of a table, on a tablet', async (scene) => {
    const play = await busyStage(scene);
    const { requests } = (await play.pollux.admin('/admin/requests')).json();
    const { id } = requests.find(({ attempts }) => attempts > 1);
    const page = await scene.open(play, { viewport: { width: 1024, height: 768 }, at: `#/requests/${id}` });
    const keys = page.getByRole('region', { name: 'Attempts' }).getByRole('link');
    await seen(keys);

    for (const key of await keys.all()) assert.equal(await key.evaluate((link) => link.getClientRects().length), 1, await key.innerText());
  });

  it('holds the longest names and many tags', async (scene) => {
    const play = await scene.stage({ keys: ['one'] });
    const name = 'Averylongnamewithoutspaces'.repeat(3);
    const tags = Array.from({ length: 12 }, (_, i) => `tag-${i}`);
    const id = keyId(play.keys[0]);
    await play.pollux.admin(`/admin/keys/${id}`, { method: 'PATCH', body: { name, tags } });
    await play.pollux.admin('/admin/clients', { method: 'POST', body: { name, tags, models: [`${name}-*`] } });
    await request(play);
    const [asked] = (await play.pollux.admin('/admin/requests')).json().requests;
    for (const viewport of [WIDE, NARROW]) {
      const page = await scene.open(play, { viewport });
      for (const at of ['#/keys', `#/keys/${id}`, `#/requests/${asked.id}`, '#/clients']) {
        await visit(page, play, { at, ready: () => seen(page.getByText(name).first()) });
        await checkLayout(page, `${at}, ${viewport.width} px`);
      }
      await visit(page, play, { at: '#/keys', ready: () => seen(row(page, name)) });
      const [inside, outside] = await row(page, name).evaluate((element) => [element.querySelector('.tags')?.getBoundingClientRect().bottom ?? 0,
        element.getBoundingClientRect().bottom]);
      assert.ok(inside <= outside, 'the tags run over the next row');
    }
  });

  it('underlines links, not buttons', async (scene) => {
    const page = await scene.open(await scene.stage(), { at: '#/requests' });

    await button(page, 'Pause').hover();

    assert.equal(await button(page, 'Pause').evaluate((element) => getComputedStyle(element).textDecorationLine), 'none');
  });

  it('says in the reader\'s language what kind of error the server tells of', async (scene) => {
    const play = await busyStage(scene);
    const page = await scene.open(play, { locale: 'zh-CN', at: `#/keys/${keyId(play.keys[0])}` });
    scene.expect(/^PATCH admin\/keys\S* answered 400/);

    await button(page, '编辑').click();
    await page.getByLabel('名称').fill('x'.repeat(101));
    await button(page.getByRole('dialog'), '保存').click();

    await seen(page.getByText('输入有误：name: longer than 100 bytes'));
  });

  it('costs the line less than 300 KiB, all pages together, and next to nothing the second time', async (scene) => {
    const play = await busyStage(scene);
    const page = await scene.open(play);
    const sizes = [];
    page.on('requestfinished', (loaded) => {
      if (/\/(?:web\/.*)?$/.test(new URL(loaded.url()).pathname)) sizes.push(loaded.sizes().then(({ responseBodySize }) => responseBodySize));
    });
    const visitAll = async () => {
      sizes.length = 0;
      await page.reload();
      for (const place of Object.values(PAGES)) await visit(page, play, place);
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };

    const cache = await page.context().newCDPSession(page);
    await cache.send('Network.clearBrowserCache');
    const fresh = await visitAll();
    const again = await visitAll();
    assert.ok(fresh > 50 * 1024 && fresh < 300 * 1024, `${fresh} bytes`);
    assert.ok(again < 10 * 1024, `${again} bytes`);
  });

  it('can be used by everybody before one is signed in, and on the first visit', async (scene) => {
    const play = await scene.stage({ keys: [] });
    scene.expect(/^GET ready answered 503/);
    for (const colorScheme of ['light', 'dark']) {
      for (const viewport of [WIDE, NARROW]) {
        const what = `${viewport.width}-${colorScheme}`;
        const stranger = await scene.open(play, { signedIn: false, colorScheme, viewport });
        await seen(stranger.getByLabel('Password'));
        await checkAccessibility(stranger, `sign-in-${what}`);
        await picture(stranger, `sign-in-${what}`);
        const owner = await scene.open(play, { colorScheme, viewport });
        await seen(owner.getByRole('heading', { name: 'Welcome to Pollux' }));
        await checkAccessibility(owner, `first-visit-${what}`);
        await checkLayout(owner, `first-visit-${what}`);
        await picture(owner, `first-visit-${what}`);
      }
    }
  });
});
