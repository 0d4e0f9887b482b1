// A real browser before the real page: Debian's Chromium without a window, one for a file of tests, and a fresh profile
// for each test. A page that complains, fails a request or calls another host fails its test.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { ADMIN_TOKEN } from './pollux.mjs';
import { stage } from './stage.mjs';
import { scaled } from './wait.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const PROGRAM = process.env.CHROMIUM_BIN || ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
// Whoever has no Chromium can still run the rest; what decides about a change may not leave this out.
const MAY_SKIP = !PROGRAM && process.env.CI !== 'true';

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 320, height: 640 };

const launch = () => chromium.launch({
  executablePath: PROGRAM,
  // No name but that of this machine has an address.
  args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost', '--disable-breakpad'],
});

/**
 * A suite whose tests get a Scene: `define(it)` with `it(words, async (scene) => ...)`. Skipped, in words, where there is
 * no Chromium.
 */
export function describeInBrowser(name, define) {
  if (MAY_SKIP) {
    it(name, { skip: 'there is no Chromium; scripts/setup --tests installs it, or CHROMIUM_BIN names it' }, () => {});
    return;
  }
  describe(name, () => {
    let browser;
    before(async () => {
      if (!PROGRAM) throw new Error('there is no Chromium; scripts/setup --tests installs it');
      browser = await launch();
    });
    after(() => browser?.close());
    define((words, test) => it(words, () => perform(new Scene(browser), test)));
  });
}

async function perform(scene, test) {
  try {
    await test(scene);
  } catch (error) {
    const told = await scene.tell();
    await scene.end().catch(() => {});
    error.stack += `\n${told}`;  // Reporters print the stack.
    throw error;
  }
  await scene.end();
}

/** What one test has started. All of it ends with the test, the last first. */
class Scene {
  #browser;
  #ends = [];
  #pages = [];
  #expected = [];
  #problems = [];

  constructor(browser) { this.#browser = browser; }

  atEnd(action) { this.#ends.push(action); }

  /** Pollux and the fake Gemini, as stage() starts them. */
  async stage(options) {
    const play = await stage(undefined, options);
    this.atEnd(() => play.close());
    return play;
  }

  /** Problems that the test causes itself, such as /PATCH admin\/settings answered 409/. */
  expect(...patterns) { this.#expected.push(...patterns); }

  /**
   * The page of a stage in a profile of its own. `at`: where, below Pollux's address; `signedIn`; `url`: the address, if
   * it is not Pollux's own; the rest goes to the profile: viewport, colorScheme, locale, ...
   */
  async open(play, { at = '', signedIn = true, url = play.pollux.url, ...profile } = {}) {
    const context = await this.#browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', locale: 'en-US', ...profile });
    this.atEnd(() => context.close());
    context.setDefaultTimeout(scaled(7000));
    if (signedIn) await signIn(context, url);
    const page = await context.newPage();
    this.#watch(page, new URL(url).host);
    this.#pages.push(page);
    await page.goto(`${url}/${at}`);
    return page;
  }

  #watch(page, host) {
    const note = (text) => this.#problems.push(text);
    const about = (request) => `${request.method()} ${request.url().replace(/^https?:\/\/[^/]+\//, '')}`;
    page.on('console', (message) => {
      // What could not be loaded is told below, with its address.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) note(`the console: ${message.text()}`);
    });
    page.on('pageerror', (error) => note(`an error of the page: ${error.stack ?? error}`));
    page.on('crash', () => note('the page crashed'));
    page.on('request', (request) => {
      const address = new URL(request.url());
      if (/^(http|ws)/.test(address.protocol) && address.host !== host) note(`a request to another host: ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) note(`${about(response.request())} answered ${response.status()}`);
    });
    page.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText;
      if (reason !== 'net::ERR_ABORTED') note(`${about(request)} failed: ${reason}`);  // Aborted: the page did not want it any more.
    });
  }

  /** All that went wrong in the pages and was not expected. */
  problems() { return this.#problems.filter((problem) => !this.#expected.some((pattern) => pattern.test(problem))); }

  /** What the pages show, and what went wrong in them: for the message of a test that failed. */
  async tell() {
    const views = await Promise.all(this.#pages.map((page) => page.locator('body').ariaSnapshot({ timeout: 2000 })
      .then((view) => `-- ${page.url()} shows --\n${view.slice(0, 6000)}`, () => `-- ${page.url()} is closed or hangs --`)));
    return [...this.problems(), ...views].join('\n');
  }

  async end() {
    const problems = this.problems();
    let firstError;
    for (const action of this.#ends.reverse()) await Promise.resolve().then(action).catch((error) => { firstError ??= error; });
    assert.equal(problems.join('\n'), '', 'a page complained');
    if (firstError) throw firstError;
  }
}

/** A session for the profile, as the page's form would get it. */
async function signIn(context, url) {
  const answer = await context.request.post(`${url}/admin/login`, { data: { username: 'admin', password: ADMIN_TOKEN } });
  assert.equal(answer.status(), 200, await answer.text());
}

/** Waits until it is seen, and gives it back. */
export async function seen(locator) {
  await locator.first().waitFor({ state: 'visible' });
  return locator;
}

/** Waits until it is seen no more. */
export const gone = (locator) => locator.waitFor({ state: 'hidden' });

/** Saves what the page shows, if SCREENSHOTS=1, for people to look at. */
export async function picture(page, name) {
  if (process.env.SCREENSHOTS !== '1') return;
  const folder = join(ROOT, 'build-tools/screenshots');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
