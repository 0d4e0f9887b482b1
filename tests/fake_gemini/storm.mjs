// Bad weather: keys that die, throttle, hang and cut at random, but in the same order for the same seed.

import { createHash } from 'node:crypto';

/** Numbers in [0, 1) that repeat for the same seed. */
function seededRandom(seed = 1) {
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHash('sha256').update(`${seed}:${drawn}`).digest().readUInt32LE(0) / 2 ** 32;
  };
}

const STORM = {
  die: (random) => ({ row: ['api_key_invalid', 'suspended', 'leaked', 'project_denied'][Math.floor(random() * 4)] }),
  throttle: (random) => ({ row: ['quota_minute', 'quota_day', 'quota_bare', 'quota_zero'][Math.floor(random() * 4)] }),
  hang: () => ({ fault: 'hang' }),
  cut: (random) => ({
    fault: ['cut_before_head', 'cut_in_head', 'reset'][Math.floor(random() * 3)],
    how: ['fin', 'tls', 'reset'][Math.floor(random() * 3)],
  }),
  fail: (random) => ({ row: ['internal', 'bad_gateway', 'overloaded', 'deadline'][Math.floor(random() * 4)] }),
  empty: () => ({ fault: 'empty' }),
};

/**
 * Bad weather: every key but the `spared` ones fails with probability `p`, in a way drawn by weight from `ways`
 * (`{die, throttle, hang, cut, fail, empty}`).
 */
export class Storm {
  #random;
  #settings;

  set(settings) {
    this.#settings = settings && { p: 0.5, spared: [], ways: { die: 1, throttle: 1, cut: 1, fail: 1, hang: 0.1 }, ...settings };
    this.#random = seededRandom(settings?.seed);
  }

  take(entry) {
    const storm = this.#settings;
    if (!storm || !entry.key || storm.spared.includes(entry.key) || this.#random() >= storm.p) return undefined;
    const total = Object.values(storm.ways).reduce((sum, weight) => sum + weight, 0);
    let mark = this.#random() * total;
    const way = Object.keys(storm.ways).find((name) => { mark -= storm.ways[name]; return mark < 0; });
    return STORM[way](this.#random);
  }
}
