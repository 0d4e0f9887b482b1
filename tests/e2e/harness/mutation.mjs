// Maims JSON at random, in the same way for the same seed.

const WORDS = [null, 0, -1, 1.5, 1e300, -1e300, 9007199254740993, 4294967296, '', 'x', 'NEW_WORD', '\u0000', '\ud800', '../..', '%00', true, false,
  [], {}, [null], [[]], [{}], { '': {} }, { $ref: '#' }, 'data: x\n\ndata: [DONE]\n\n'];

/** Numbers in [0, 1) that repeat for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = (random, list) => list[Math.floor(random() * list.length)];
const nested = (depth) => JSON.parse('[{"a":'.repeat(depth) + '1' + '}]'.repeat(depth));

/** Every place in the value: `[holder, name]`. */
function places(value, found = []) {
  for (const name of Object.keys(value)) {
    found.push([value, name]);
    if (value[name] !== null && typeof value[name] === 'object') places(value[name], found);
  }
  return found;
}

const CHANGES = [
  (holder, name) => { delete holder[name]; },
  (holder, name) => { delete holder[name]; },
  (holder, name, random) => { holder[name] = structuredClone(pick(random, WORDS)); },
  (holder, name, random) => { holder[name] = structuredClone(pick(random, WORDS)); },
  (holder, name, random) => { holder[name] = structuredClone(pick(random, WORDS)); },
  (holder, name) => { holder[name] = [holder[name], structuredClone(holder[name])]; },
  (holder, name) => { holder[name] = { value: holder[name] }; },
  (holder, name) => { holder[name] = String(holder[name]); },
  (holder, name) => { if (typeof holder[name] === 'string') holder[name] = holder[name].repeat(500); },
  (holder) => { if (Array.isArray(holder)) holder.reverse(); },
  (holder, name, random) => { holder[`unknown${Math.floor(random() * 9)}`] = { deep: [holder[name]] }; },
  (holder, name, random) => { holder[name] = nested(2 + Math.floor(random() * 120)); },
];

/** A copy with one to three things wrong. */
export function maimed(value, random) {
  const copy = structuredClone(value);
  for (let left = 1 + Math.floor(random() * 3); left > 0; left -= 1) {
    const all = places(copy);
    if (all.length) pick(random, CHANGES)(...pick(random, all), random);
  }
  return copy;
}
