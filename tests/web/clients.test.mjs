// The logic behind the page of clients: the form, usage, and the lines to connect a program.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { changedBy, createdBy, emptyForm, formOf, localTimeOf, readForm, stateOf, wholeNumberOf } from '../../web/pages/clients/form.js';
import { SNIPPET_NAMES, baseOf, snippetFor, toolsFor } from '../../web/pages/clients/snippets.js';

const client = (more = {}) => ({
  id: 'c1', name: 'phone', tags: ['family'], models: [], rpm: 10, daily_requests: null, daily_tokens: null, expires_at: null, enabled: true,
  usage: { requests_this_minute: 2, requests_today: 30, tokens_today: 4000 }, ...more,
});

describe('the form of a client', () => {
  it('reads numbers as people write them', () => {
    assert.deepEqual(['', ' 10 000 ', '10,000', '50k', '1.5m', '2M'].map(wholeNumberOf), [null, 10_000, 10_000, 50_000, 1_500_000, 2_000_000]);
    assert.deepEqual(['ten', '-1', '0', '1.5', '1e9', '9007199254740993'].map(wholeNumberOf), Array(6).fill(undefined));
  });

  it('names the fields that cannot be read', () => {
    const { errors } = readForm({ ...emptyForm(), name: '  ', rpm: 'ten' });
    assert.deepEqual(errors, { name: 'clients.error.name', rpm: 'clients.error.number' });
  });

  it('says of a new client only what was filled in', () => {
    assert.deepEqual(createdBy({ ...emptyForm(), name: ' phone ', rpm: '5' }).values, { name: 'phone', rpm: 5 });
  });

  it('says of a client only what was changed, and takes a limit away', () => {
    assert.deepEqual(changedBy(formOf(client()), client()).values, {});
    assert.deepEqual(changedBy({ ...formOf(client()), rpm: '', models: ['gemini-*'] }, client()).values, { models: ['gemini-*'], rpm: null });
  });

  it('shows a time as the reader’s own, and gives back the same', () => {
    const iso = '2026-12-24T18:30:00.000Z';
    assert.equal(new Date(localTimeOf(iso)).toISOString(), iso);
    assert.deepEqual(changedBy(formOf(client({ expires_at: iso })), client({ expires_at: iso })).values, {});
  });

  it('leaves a time alone that has seconds, which the form does not show', () => {
    const expiring = client({ expires_at: '2026-12-24T18:30:42.123Z' });
    assert.deepEqual(changedBy({ ...formOf(expiring), name: 'tablet' }, expiring).values, { name: 'tablet' });
  });
});

describe('the state of a client', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');

  it('tells what stops it from asking', () => {
    assert.equal(stateOf(client(), now), 'ready');
    assert.equal(stateOf(client({ enabled: false }), now), 'disabled');
    assert.equal(stateOf(client({ expires_at: '2026-11-21T11:59:59Z' }), now), 'expired');
    assert.equal(stateOf(client({ daily_requests: 30 }), now), 'at_limit');
  });
});

describe('lines to connect a program', () => {
  it('finds the address behind a path of a reverse proxy', () => {
    assert.equal(baseOf({ origin: 'https://example.com', pathname: '/pollux/' }), 'https://example.com/pollux');
    assert.equal(baseOf({ origin: 'http://pi:8000', pathname: '/' }), 'http://pi:8000');
    assert.equal(baseOf({ origin: 'http://pi:8000', pathname: '/index.html' }), 'http://pi:8000');
  });

  it('has address and token in each', () => {
    for (const name of SNIPPET_NAMES) {
      const text = snippetFor(name, 'http://pi:8000', 'pollux-token');
      assert.ok(text.includes('http://pi:8000') && text.includes('pollux-token'), name);
      assert.ok(!text.includes('undefined'), name);
    }
  });

  it('gives tools the address with or without a version, as they want it', () => {
    const addresses = Object.fromEntries(toolsFor('http://pi:8000').map(({ name, address }) => [name, address]));
    assert.equal(addresses['Cherry Studio'], 'http://pi:8000');
    assert.equal(addresses['Open WebUI'], 'http://pi:8000/v1');
  });
});
