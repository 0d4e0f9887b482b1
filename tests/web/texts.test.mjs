// The page's texts: every language says the same things, and all that the page asks for is there.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { fill, preferred } from '../../web/lib/i18n.js';
import en from '../../web/texts/en.js';
import zh from '../../web/texts/zh-CN.js';

const WEB = resolve(dirname(fileURLToPath(import.meta.url)), '../../web');
const isText = (value) => typeof value === 'string' || (value !== null && typeof value === 'object' && typeof value.other === 'string');

/** name -> text, of a tree of them. */
function flattened(tree, prefix = '') {
  return Object.entries(tree).flatMap(([name, value]) => (isText(value)
    ? [[prefix + name, value]] : flattened(value, `${prefix}${name}.`)));
}

const english = new Map(flattened(en));
const chinese = new Map(flattened(zh));
const forms = (text) => (typeof text === 'string' ? [text] : Object.values(text));
const placeholders = (text) => [...new Set(forms(text).flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)))].sort();

const modules = readdirSync(WEB, { recursive: true }).map((name) => join(WEB, name))
  .filter((file) => file.endsWith('.js') && !/\/(vendor|texts|node_modules)\//.test(file) && statSync(file).isFile());

// What the server says in English itself.
const isOfTheServer = (name) => /^(settings\.(group|about)|errors\.status)\./.test(name);

describe('the texts of the page', () => {
  it('have the same names in every language', () => {
    assert.deepEqual([...english.keys()].filter((name) => !chinese.has(name)), [], 'not in Chinese');
    assert.deepEqual([...chinese.keys()].filter((name) => !english.has(name) && !isOfTheServer(name)), [], 'not in English');
  });

  it('fill in the same values in every language, but for a number that a plural form says by itself', () => {
    for (const [name, text] of english) {
      const told = placeholders(chinese.get(name) ?? '');
      assert.deepEqual(told.filter((value) => !placeholders(text).includes(value)), [], `${name} has values in Chinese that it has not in English`);
      assert.deepEqual(placeholders(text).filter((value) => value !== 'n' && !told.includes(value)), [], `${name} lacks values in Chinese`);
    }
  });

  it('are never empty', () => {
    for (const [name, text] of [...english, ...chinese]) assert.ok(forms(text).every((form) => form.trim()), name);
  });

  it('are there for every name that a module asks for', () => {
    const missing = modules.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\bt\(\s*'([\w.-]+)'/g)]
      .filter(([, name]) => !english.has(name)).map(([, name]) => `${relative(WEB, file)}: ${name}`));
    assert.deepEqual(missing, []);
  });
});

describe('filling in a text', () => {
  const rules = new Intl.PluralRules('en');

  it('chooses the plural form by n and writes numbers as the language does', () => {
    const text = { one: '{n} key of {name}', other: '{n} keys of {name}' };
    assert.equal(fill(text, { n: 1, name: 'me' }, rules, 'en'), '1 key of me');
    assert.equal(fill(text, { n: 12345, name: 'me' }, rules, 'en'), '12,345 keys of me');
  });

  it('leaves what it has no value for', () => {
    assert.equal(fill('{a} and {b}', { a: 'x' }, rules, 'en'), 'x and {b}');
  });
});

describe('the language that is chosen', () => {
  it('is the first that the browser prefers and the page has', () => {
    assert.equal(preferred(['zh-CN', 'en']), 'zh-CN');
    assert.equal(preferred(['zh-TW']), 'zh-CN');
    assert.equal(preferred(['fr', 'zh']), 'zh-CN');
    assert.equal(preferred(['en-GB', 'zh']), 'en');
    assert.equal(preferred(['fr']), 'en');
    assert.equal(preferred([]), 'en');
  });
});
