// The texts of the page: each language says all of it, and the page asks for no other.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const WEB = resolve(dirname(fileURLToPath(import.meta.url)), '../../web');
const LANGUAGES = readdirSync(join(WEB, 'texts')).filter((name) => name.endsWith('.js'));
// What the server says of its settings, in English.
const SAID_BY_SERVER = /^settings\.(?:about|group)\./;
const english = leaves((await import(join(WEB, 'texts/en.js'))).default);

/** Names and texts; a text with plural forms is one. */
function leaves(texts, before = '') {
  return new Map(Object.entries(texts).flatMap(([name, text]) => (typeof text === 'string' || 'other' in text
    ? [[before + name, text]] : [...leaves(text, `${before}${name}.`)])));
}

const forms = (text) => (typeof text === 'string' ? [text] : Object.values(text));
// But for the number itself, which some languages need not say.
const blanks = (text) => [...new Set(forms(text).join(' ').match(/\{(?!n\})\w+\}/g) ?? [])].sort().join();

describe('the texts of the page', () => {
  for (const file of LANGUAGES.filter((name) => name !== 'en.js')) {
    it(`say as much in ${file} as in English, with the same blanks to fill`, async () => {
      const other = leaves((await import(join(WEB, 'texts', file))).default);
      assert.deepEqual([...english.keys()].filter((name) => !other.has(name)), [], `${file} lacks these`);
      assert.deepEqual([...other.keys()].filter((name) => !english.has(name) && !SAID_BY_SERVER.test(name)), [], `English lacks these of ${file}`);
      for (const [name, text] of english) assert.equal(blanks(other.get(name)), blanks(text), name);
    });
  }

  it('are all there that the page asks for by name', () => {
    const asked = readdirSync(WEB, { recursive: true }).filter((name) => name.endsWith('.js') && !/^(vendor|texts)/.test(name))
      .flatMap((name) => [...readFileSync(join(WEB, name), 'utf8').matchAll(/\bt\('([\w.]+)'/g)].map(([, text]) => `${name}: ${text}`));
    assert.ok(asked.length > 100);
    assert.deepEqual(asked.filter((one) => !english.has(one.split(': ')[1])), []);
  });
});
