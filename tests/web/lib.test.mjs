// The page's own small libraries: addresses, numbers and times.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { address } from '../../web/lib/api.js';
import { bytes, compact, countdown, duration, number, percent, relative } from '../../web/lib/format.js';
import { href, match, parseHash } from '../../web/lib/router.js';
import { tagsOf } from '../../web/widgets/fields.js';

describe('addresses of the page', () => {
  it('are read into segments and a query', () => {
    assert.deepEqual(parseHash('#/requests?status=error&q=a%20b'),
      { path: '/requests', segments: ['requests'], query: { status: 'error', q: 'a b' } });
    assert.deepEqual(parseHash('#/policies/dialects%2Fx/y').segments, ['policies', 'dialects/x', 'y']);
    assert.deepEqual(parseHash(''), { path: '/', segments: [], query: {} });
    assert.deepEqual(parseHash('#/keys/%zz').segments, ['keys', '%zz'], 'what cannot be decoded stays as it is');
  });

  it('leave out what is empty', () => {
    assert.equal(href('/keys', { state: '', tag: null, q: 'a&b' }), '#/keys?q=a%26b');
    assert.equal(href('/keys'), '#/keys');
    assert.equal(address('admin/requests', { key: 'x', limit: undefined }), 'admin/requests?key=x');
  });

  it('lead to the page whose pattern fits', () => {
    const routes = ['/', '/keys', '/keys/:id', '/policies/*path'].map((pattern) => ({ pattern }));
    const found = (hash) => {
      const hit = match(routes, parseHash(hash).segments);
      return hit && [hit.route.pattern, hit.params];
    };
    assert.deepEqual(found('#/'), ['/', {}]);
    assert.deepEqual(found('#/keys/3f'), ['/keys/:id', { id: '3f' }]);
    assert.deepEqual(found('#/policies/dialects/openai.lua'), ['/policies/*path', { path: 'dialects/openai.lua' }]);
    assert.equal(found('#/policies'), null);
    assert.equal(found('#/keys/a/b'), null);
  });
});

describe('numbers for people', () => {
  it('say that a value is missing', () => {
    for (const write of [number, compact, percent, duration, bytes]) assert.equal(write(null), '–');
    assert.equal(number(NaN), '–');
  });

  it('never round nearly all up to all', () => {
    assert.equal(percent(1), '100%');
    assert.equal(percent(0.99999), '99.9%');
    assert.equal(percent(0.5), '50%');
    assert.equal(percent(0), '0%');
  });

  it('write durations in the unit that fits', () => {
    assert.deepEqual([38, 1240, 12_400, 185_000].map(duration), ['38ms', '1.24s', '12.4s', '3:05']);
    assert.deepEqual([0, 37_001, 725_000, 25_920_000, -5].map(countdown), ['0:00', '0:38', '12:05', '7:12:00', '0:00']);
  });

  it('write sizes in binary units', () => {
    assert.deepEqual([0, 1023, 1024, 1_600_000, 5e12].map(bytes), ['0 B', '1,023 B', '1 KiB', '1.5 MiB', '4,657 GiB']);
  });

  it('say how long ago something was', () => {
    const now = Date.parse('2026-11-21T12:00:00Z');
    assert.equal(relative('2026-11-21T11:57:00Z', now), '3 min. ago');
    assert.equal(relative('2026-11-21T14:00:00Z', now), 'in 2 hr.');
  });
});

describe('tags as they are typed', () => {
  it('are parted by commas of either script, each once', () => {
    assert.deepEqual(tagsOf(' free, team a，paid、free,,'), ['free', 'team a', 'paid']);
  });
});
