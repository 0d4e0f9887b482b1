// What the pages Overview and Keys make of the keys.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { inOrder, sortRows, toggled } from '../../web/lib/sorting.js';
import { filtered, replaced, restingModels, successShare, surveyed } from '../../web/pages/keys/key_list.js';
import { attention, nextBack } from '../../web/pages/overview/attention.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const at = (seconds) => new Date(NOW + seconds * 1000).toISOString();
const model = (more = {}) => ({ may_use: true, cooldown_until: null, ...more });
const key = (id, more = {}) => ({
  id, name: `key ${id}`, masked_key: `AIza…${id}`, project_id: null, tags: [], enabled: true, state: 'ready', reason: null, disabled_by_hand: false,
  cooldown_until: null, successes: 0, failures: 0, models: {}, ...more,
});
const refused = (id, more = {}) => key(id, { enabled: false, state: 'disabled', reason: 'the key is not valid', ...more });
const told = (what) => attention({ keys: [key('a')], warnings: [], policies: null, totals: null, ...what }, NOW);
const names = (what) => told(what).map((item) => item.name);

describe('finding keys', () => {
  const keys = [key('a', { tags: ['free'], project_id: 'home' }), key('b', { state: 'resting', tags: ['paid'] }), key('c', { name: 'Work 7' })];
  const ids = (filter) => filtered(keys, filter).map(({ id }) => id);

  it('goes by state, tag, project, and words in any of what names a key', () => {
    assert.deepEqual(ids({}), ['a', 'b', 'c']);
    assert.deepEqual(ids({ state: 'resting' }), ['b']);
    assert.deepEqual(ids({ tag: 'free', project: 'home' }), ['a']);
    assert.deepEqual(ids({ q: 'WORK' }), ['c']);
    assert.deepEqual(ids({ q: '…b paid' }), ['b']);
    assert.deepEqual(ids({ q: 'work home' }), []);
  });

  it('counts states and lists tags and projects', () => {
    assert.deepEqual(surveyed(keys), { states: { ready: 2, resting: 1, probing: 0, disabled: 0 }, tags: ['free', 'paid'], projects: ['home'] });
  });

  it('takes over what was read anew, and what came or went', () => {
    const next = replaced(keys, [{ id: 'a', gone: true }, key('b', { state: 'ready' }), key('d'), { id: 'never', gone: true }]);
    assert.deepEqual(next.map(({ id, state }) => `${id} ${state}`), ['b ready', 'c ready', 'd ready']);
  });
});

describe('one key', () => {
  it('has no success rate before its first answer', () => {
    assert.equal(successShare(key('a')), null);
    assert.equal(successShare(key('a', { successes: 3, failures: 1 })), 0.75);
  });

  it('rests for the models that are cooling down or not granted', () => {
    const cools = (seconds) => model({ cooldown_until: at(seconds) });
    const models = { now: cools(5), past: cools(-5), never: model({ may_use: false }), free: model() };
    assert.deepEqual(restingModels(key('a', { models }), NOW), ['now', 'never']);
  });
});

describe('what needs attention', () => {
  it('is nothing while all is well', () => {
    assert.deepEqual(told({ policies: { error: null }, totals: { answered: 100, failed: 2 } }), []);
  });

  it('names keys that Google refused, not those that their owner disabled', () => {
    const keys = [key('a'), refused('b'), refused('c', { disabled_by_hand: true })];
    assert.deepEqual(told({ keys }), [{ name: 'refused', kind: 'bad', values: { n: 1 }, ids: ['b'] }]);
  });

  it('says when the first key is back if all rest, and that none will come back if all are disabled', () => {
    const keys = [key('a', { state: 'resting', cooldown_until: at(60) }), key('b', { state: 'resting', cooldown_until: at(30) })];
    assert.deepEqual(told({ keys }).map(({ name, until }) => [name, until]), [['allResting', NOW + 30_000]]);
    assert.deepEqual(names({ keys: [refused('a')] }), ['allDisabled', 'refused']);
  });

  it('names a model that no key can pay for, but not while one has never been asked', () => {
    const spent = (seconds) => ({ 'gemini-3-pro': model({ cooldown_until: at(seconds) }) });
    const both = [key('a', { models: spent(600) }), key('b', { models: spent(60) })];
    assert.deepEqual(told({ keys: both }), [{ name: 'exhausted', kind: 'warn', values: { model: 'gemini-3-pro', n: 2 }, until: NOW + 60_000 }]);
    assert.deepEqual(names({ keys: [...both, key('c')] }), []);
    assert.deepEqual(names({ keys: [...both, refused('c')] }), ['refused', 'exhausted']);
  });

  it('says so where Google grants no key the model', () => {
    assert.deepEqual(names({ keys: [key('a', { models: { m: model({ may_use: false }) } })] }), ['notGranted']);
  });

  it('leads from an error of a policy to its file', () => {
    const [item] = told({ policies: { error: 'dialects/openai.lua:7: unexpected symbol' } });
    assert.deepEqual([item.name, item.file], ['policy', 'dialects/openai.lua']);
    assert.equal(told({ policies: { error: 'no policy folder' } })[0].file, null);
  });

  it('passes on what the server warns of, without what is said already', () => {
    const warnings = ['the database cannot be written', 'policies: keys.lua:7: x', 'every key is disabled or at rest; the first ...'];
    assert.deepEqual(told({ warnings }).map(({ values }) => values.text), ['the database cannot be written']);
  });

  it('tells of many failures, if there were enough requests to say so', () => {
    assert.deepEqual(names({ totals: { answered: 80, failed: 20 } }), ['failing']);
    assert.deepEqual(names({ totals: { answered: 8, failed: 2 } }), []);
    assert.deepEqual(names({ totals: { answered: 99, failed: 1 } }), []);
  });

  it('foretells the next return among keys and their models, not among disabled ones', () => {
    const soon = { m: model({ cooldown_until: at(5) }) };
    assert.equal(nextBack([key('a', { cooldown_until: at(9) }), refused('b', { models: soon })], NOW), NOW + 9000);
    assert.equal(nextBack([key('a', { cooldown_until: at(9), models: soon })], NOW), NOW + 5000);
    assert.equal(nextBack([key('a', { cooldown_until: at(-1) })], NOW), null);
  });
});

describe('sorting', () => {
  const rows = [{ n: 'key 10', v: 2 }, { n: 'key 9', v: null }, { n: 'Key 1', v: 5 }];
  const order = (...args) => sortRows(rows, ...args).map((row) => row.n);

  it('reads numbers in names and puts what has no value last, either way', () => {
    assert.deepEqual(order((row) => row.n), ['Key 1', 'key 9', 'key 10']);
    assert.deepEqual(order((row) => row.v), ['key 10', 'Key 1', 'key 9']);
    assert.deepEqual(order((row) => row.v, true), ['Key 1', 'key 10', 'key 9']);
  });

  it('begins from the order of before, with what is new at the end and without what is gone', () => {
    const next = [{ id: 'new' }, { id: 'b' }, { id: 'a', fresh: true }];
    assert.deepEqual(inOrder(next, ['a', 'gone', 'b'], ({ id }) => id), [{ id: 'a', fresh: true }, { id: 'b' }, { id: 'new' }]);
  });

  it('leaves the rows that it was given as they are', () => {
    order((row) => row.n);
    assert.equal(rows[0].n, 'key 10');
  });
});

describe('selecting', () => {
  const ids = ['a', 'b', 'c', 'd'];

  it('turns one over', () => {
    assert.deepEqual([...toggled(new Set(['a']), ids, 'b')], ['a', 'b']);
    assert.deepEqual([...toggled(new Set(['a']), ids, 'a')], []);
  });

  it('gives a whole range the state of its end, in either direction', () => {
    assert.deepEqual([...toggled(new Set(['d']), ids, 'b', 'd')].sort(), ['b', 'c', 'd']);
    assert.deepEqual([...toggled(new Set(ids), ids, 'c', 'b')], ['a', 'd']);
    assert.deepEqual([...toggled(new Set(), ids, 'c', 'filtered away')], ['c']);
  });
});
