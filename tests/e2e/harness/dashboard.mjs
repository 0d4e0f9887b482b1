// The words of the page, for tests that use it as a person does.

import { ADMIN_TOKEN, TOKEN } from './pollux.mjs';
import { seen } from './browser.mjs';
import { keyId, prompt, UNARY } from './stage.mjs';
import { ask } from './load.mjs';

/** The page's own title. */
export const title = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
export const button = (place, name) => place.getByRole('button', { name, exact: true });
export const rows = (page) => page.getByRole('row').filter({ has: page.getByRole('cell') });
export const row = (page, text) => rows(page).filter({ hasText: text });
/** The short word on what was done. */
export const toast = (page, text) => page.locator('.toasts').getByText(text);
export const isLive = (page) => seen(page.getByRole('status').getByText('Live', { exact: true }));

export async function signIn(page, password = ADMIN_TOKEN) {
  await page.getByLabel('Password').fill(password);
  await button(page, 'Sign in').click();
}

/** By the navigation; on narrow screens that is behind a button. */
export async function goTo(page, name) {
  const menu = button(page, 'Open the navigation');
  if (await menu.isVisible()) await menu.click();
  await page.getByRole('link', { name, exact: true }).and(page.locator(':visible')).first().click();
  await seen(title(page, name));
}

/** Gives the keys of a stage names: the first is named first. */
export async function nameKeys(play, names) {
  await Promise.all(names.map((name, i) => play.pollux.admin(`/admin/keys/${keyId(play.keys[i])}`, { method: 'PATCH', body: { name } })));
}

/** One request of a client's; gives its status. */
export async function request(play, text = 'hi', { token = TOKEN, path = UNARY } = {}) {
  const headers = { 'x-goog-api-key': token, 'Content-Type': 'application/json' };
  return (await ask(undefined, play.pollux.url + path, { headers, body: JSON.stringify(prompt(text)) })).status;
}

/** Which of the stage's keys paid for `count` requests, by their place among its keys. */
export async function payersOf(play, count = 6) {
  play.fake.clearRequests();
  for (let i = 0; i < count; i += 1) await request(play);
  return [...new Set(play.upstream().map(({ key }) => play.keys.indexOf(key)))].sort();
}
