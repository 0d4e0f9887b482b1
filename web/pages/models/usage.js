// What the keys' states tell of each model: how much was asked today, and whether any key can still pay.

const isUsable = (key) => key.state !== 'disabled' && key.enabled !== false;

function restOf(key, use, now) {
  const until = [key.cooldown_until, use?.cooldown_until].filter((time) => time && Date.parse(time) > now).sort().at(-1) ?? null;
  const mayNever = use ? use.may_use === false && !until : false;
  return { rests: until !== null || mayNever, until };
}

const zero = () => ({ requests: 0, failures: 0, input: 0, cached: 0, output: 0, thoughts: 0, keys: 0, usable: 0, resting: 0, until: null,
  exhausted: false });

function addUse(sum, use) {
  sum.keys += 1;
  sum.requests += use.requests_today;
  sum.failures += use.failures;
  for (const kind of ['input', 'cached', 'output', 'thoughts']) sum[kind] += use.tokens_today?.[kind] ?? 0;
}

// By the model's name. A key that has not met a model can pay for it unless it rests as a whole.
export function usageByModel(keys, now = Date.now()) {
  const usage = new Map();
  for (const key of keys) {
    for (const [model, use] of Object.entries(key.models)) {
      if (!usage.has(model)) usage.set(model, zero());
      addUse(usage.get(model), use);
    }
  }
  const usable = keys.filter(isUsable);
  for (const [model, sum] of usage) {
    const rests = usable.map((key) => restOf(key, key.models[model], now)).filter((rest) => rest.rests);
    sum.usable = usable.length;
    sum.resting = rests.length;
    sum.until = rests.map((rest) => rest.until).filter(Boolean).sort()[0] ?? null;
    sum.exhausted = usable.length > 0 && rests.length === usable.length;
  }
  return usage;
}

// Google's list with the usage beside it, then what was used and is not listed; the most asked first.
export function rowsOf(models, usage) {
  const listed = new Set(models.map((model) => model.name));
  const others = [...usage.keys()].filter((name) => !listed.has(name))
    .map((name) => ({ name, display_name: null, methods: [], visible: true, unlisted: true }));
  return [...models, ...others].map((model) => ({ ...model, usage: usage.get(model.name) ?? zero() }))
    .sort((one, other) => other.usage.requests - one.usage.requests || (one.name < other.name ? -1 : 1));
}

export const findModels = (rows, words) => {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => wanted.every((word) => `${row.name} ${row.display_name ?? ''} ${row.model ?? ''}`.toLowerCase().includes(word)));
};

const SHOWN = {
  all: () => true,
  used: (row) => row.usage.requests > 0,
  resting: (row) => row.usage.resting > 0,
  hidden: (row) => !row.visible,
};

export const filteredModels = (rows, shown) => rows.filter(SHOWN[shown]);
