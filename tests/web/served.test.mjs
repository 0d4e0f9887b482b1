// What Pollux serves as the page: small, whole, and from nowhere else.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const WEB = resolve(dirname(fileURLToPath(import.meta.url)), '../../web');
const MOST_BYTES = 200 * 1024;  // Of all pages in all languages, as they go over the line.

const served = readdirSync(WEB, { recursive: true }).map((name) => join(WEB, name))
  .filter((file) => /\.(html|css|js|svg|png|webmanifest)$/.test(file) && statSync(file).isFile());
const ownModules = served.filter((file) => file.endsWith('.js') && !file.includes('/vendor/'));
const text = (file) => readFileSync(file, 'utf8');
const named = (file) => relative(WEB, file);

/** Files that a file names: modules that it imports, and what index.html loads. */
function namedBy(file) {
  const pattern = file.endsWith('.html') ? /(?:src|href)="([^"#:]+)"/g : /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g;
  return [...text(file).matchAll(pattern)].map(([, name]) => resolve(file.endsWith('.html') ? WEB : dirname(file), name.replace(/^\.?\/?web\//, '')));
}

/** All that the page can load, from index.html on. */
function reachable() {
  const found = new Set([join(WEB, 'index.html')]);
  for (const file of found) {
    if (/\.(html|js)$/.test(file) && existsSync(file)) namedBy(file).forEach((other) => found.add(other));
  }
  return found;
}

describe('the files of the page', () => {
  it('are less than 200 KiB in all over the line, libraries and languages included', () => {
    const sizes = served.map((file) => [gzipSync(readFileSync(file)).length, named(file)]).sort(([one], [other]) => other - one);
    const sum = sizes.reduce((total, [size]) => total + size, 0);
    assert.ok(sum < MOST_BYTES, `${sum} bytes; the largest: ${sizes.slice(0, 8).map(([size, name]) => `${name} ${size}`).join(', ')}`);
  });

  it('are all there, and none is there in vain', () => {
    const loaded = reachable();
    assert.deepEqual([...loaded].filter((file) => !existsSync(file)).map(named), []);
    assert.deepEqual(ownModules.filter((file) => !loaded.has(file)).map(named), [], 'nothing loads these');
  });

  it('name no other host to load from, and hold no script or style that the page\'s own policy forbids', () => {
    for (const file of served.filter((one) => !one.includes('/vendor/'))) {
      assert.doesNotMatch(text(file), /(?:src|href|url|from|import|fetch)\s*[=(]?\s*\(?["']?(?:https?:)?\/\/[a-z]/i, named(file));
    }
    const page = text(join(WEB, 'index.html'));
    assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=/i);
  });
});
