// The logic behind the pages of settings, policies and models.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { findModels, rowsOf, usageByModel } from '../../web/pages/models/usage.js';
import { countsOf, isGoodPath, placeOf, rowsOfDiff } from '../../web/pages/policies/diff.js';
import { bytesOf, bytesText, changesOf, found, fromInput, grouped, toInput } from '../../web/pages/settings/model.js';

const setting = (more = {}) => ({
  name: 'MAX_RETRIES', value: 3, default: 3, source: 'default', pinned: false, changeable: true, type: 'integer', min: 0, max: 1000,
  about: 'How often a failed request is tried again.', group: 'Retries and limits', policy: null, ...more,
});

describe('settings as a form', () => {
  it('groups them in the order they come in', () => {
    const groups = grouped([setting({ group: 'B' }), setting({ group: 'A' }), setting({ group: 'B', name: 'X' })]);
    assert.deepEqual(groups.map(({ name, settings }) => [name, settings.length]), [['B', 2], ['A', 1]]);
  });

  it('finds them by words of the name and the sentence', () => {
    const all = [setting(), setting({ name: 'TIME_OUT', about: 'Seconds without a byte.', group: 'Upstream' })];
    assert.equal(found(all, 'max retries').length, 1);
    assert.equal(found(all, 'byte seconds').length, 1);
    assert.equal(found(all, 'byte retries').length, 0);
    assert.equal(found(all, 'anders', () => 'ganz anders').length, 2);
  });

  it('reads and writes bytes without losing any', () => {
    assert.deepEqual([0, 1000, 1024, 67108864, 2 ** 31].map(bytesText), ['0', '1000', '1KiB', '64MiB', '2GiB']);
    assert.deepEqual(['64MiB', '2 gb', '512k', '10', '1.5KiB'].map(bytesOf), [67108864, 2 ** 31, 524288, 10, 1536]);
    assert.equal(bytesOf('many'), undefined);
  });

  it('reads an input by its type', () => {
    assert.deepEqual(fromInput(setting(), '7'), { value: 7 });
    assert.deepEqual(fromInput(setting(), ' '), { value: null });
    assert.equal(fromInput(setting(), '7.5').error, 'settings.error.integer');
    assert.equal(fromInput(setting(), 'many').error, 'settings.error.number');
    assert.deepEqual(fromInput(setting(), '1001'), { error: 'settings.error.max', bound: 1000 });
    assert.deepEqual(fromInput(setting({ type: 'number', min: 0.5 }), '0.25'), { error: 'settings.error.min', bound: 0.5 });
    assert.deepEqual(fromInput(setting({ type: 'list' }), 'a=b\n\n c=d '), { value: ['a=b', 'c=d'] });
    assert.deepEqual(fromInput(setting({ type: 'boolean' }), false), { value: false });
  });

  it('gives back what it showed', () => {
    for (const each of [setting(), setting({ type: 'bytes', value: 67108864, max: undefined }), setting({ type: 'list', value: ['a', 'b'] }),
      setting({ type: 'boolean', value: true }), setting({ type: 'text', value: 'info' })]) {
      assert.deepEqual(fromInput(each, toInput(each)), { value: each.value }, each.type);
    }
  });

  it('sends only what was changed and may be', () => {
    const all = [setting(), setting({ name: 'PINNED', pinned: true }), setting({ name: 'PORT', changeable: false }), setting({ name: 'SAME' }),
      setting({ name: 'WRONG' })];
    const { changes, errors } = changesOf(all, { MAX_RETRIES: '', PINNED: '1', PORT: '1', SAME: '3', WRONG: '-1' });
    assert.deepEqual(changes, { MAX_RETRIES: null });
    assert.deepEqual(changesOf([setting({ value: 7, source: 'here' })], { MAX_RETRIES: '3' }).changes, { MAX_RETRIES: null }, 'the default');
    assert.deepEqual(Object.keys(errors), ['WRONG']);
  });
});

describe('a diff as people read it', () => {
  const diff = ['--- shipped/keys.lua', '+++ yours/keys.lua', '@@ -1,3 +1,3 @@', ' one', '-two', '+2', ' three',
    '@@ -10 +10,2 @@', ' ten', '+eleven', '\\ No newline at end of file', ''].join('\n');

  it('numbers the lines of both sides', () => {
    const rows = rowsOfDiff(diff);
    assert.deepEqual(rows.map(({ kind, before, after }) => [kind, before, after]), [['same', 1, 1], ['removed', 2, null], ['added', null, 2],
      ['same', 3, 3], ['gap', undefined, undefined], ['same', 10, 10], ['added', null, 11]]);
    assert.deepEqual(countsOf(rows), { added: 2, removed: 1 });
  });

  it('takes a removed comment of Lua for what it is', () => {
    const rows = rowsOfDiff('--- a\n+++ b\n@@ -1,2 +1 @@\n--- a comment\n one\n');
    assert.deepEqual(rows.map(({ kind, text }) => [kind, text]), [['removed', '-- a comment'], ['same', 'one']]);
  });

  it('finds the place that an error names', () => {
    assert.deepEqual(placeOf("lib/colours.lua:7: '=' expected near 'pool'"),
      { path: 'lib/colours.lua', line: 7, message: "'=' expected near 'pool'" });
    assert.deepEqual(placeOf('Pollux: a policy failed: keys.lua:12: no'), { path: 'keys.lua', line: 12, message: 'no' });
    assert.equal(placeOf('out of memory').path, null);
    assert.equal(placeOf(undefined).line, null);
  });

  it('knows which names a policy may have', () => {
    assert.deepEqual(['record.lua', 'lib/a-b_1.lua'].map(isGoodPath), [true, true]);
    assert.deepEqual(['../x.lua', 'x.txt', '/x.lua', 'a b.lua', '.lua', 'a//b.lua', 'default/x.lua'].map(isGoodPath), Array(7).fill(false));
  });
});

describe('what was used of each model', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  const later = (minutes) => new Date(now + minutes * 60_000).toISOString();
  const use = (more = {}) => ({ requests_today: 2, failures: 1, tokens_today: { input: 10, cached: 1, output: 5, thoughts: 2 }, may_use: true,
    cooldown_until: null, ...more });
  const key = (models, more = {}) => ({ enabled: true, state: 'ready', cooldown_until: null, models, ...more });

  it('sums over the keys', () => {
    const sum = usageByModel([key({ a: use() }), key({ a: use(), b: use() })], now).get('a');
    assert.deepEqual([sum.requests, sum.failures, sum.input, sum.output, sum.thoughts], [4, 2, 20, 10, 4]);
    assert.equal(sum.exhausted, false);
  });

  it('calls a model used up when no usable key can pay, until the first comes back', () => {
    const keys = [key({ a: use({ may_use: false, cooldown_until: later(30) }) }), key({}, { cooldown_until: later(5), state: 'resting' }),
      key({}, { state: 'disabled' })];
    const sum = usageByModel(keys, now).get('a');
    assert.equal(sum.exhausted, true);
    assert.equal(sum.until, later(5));
    assert.deepEqual([sum.resting, sum.usable], [2, 2]);
  });

  it('knows no time where Google allows none', () => {
    const sum = usageByModel([key({ a: use({ may_use: false }) })], now).get('a');
    assert.deepEqual([sum.exhausted, sum.until], [true, null]);
  });

  it('lists what was used and is not in Google’s list', () => {
    const rows = rowsOf([{ name: 'b', display_name: 'B', methods: [], visible: true }], usageByModel([key({ a: use() })], now));
    assert.deepEqual(rows.map(({ name, unlisted }) => [name, Boolean(unlisted)]), [['a', true], ['b', false]]);
    assert.deepEqual(findModels(rows, 'B').map(({ name }) => name), ['b']);
  });
});
