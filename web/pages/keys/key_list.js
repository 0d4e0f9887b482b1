// All keys, kept fresh: by the live feed's `key` events, and now and then for the counts.

import { api } from '../../lib/api.js';
import { useEvent } from '../../lib/events.js';
import { throttled, useLoaded } from '../../lib/load.js';
import { useEffect, useMemo, useRef } from '../../lib/ui.js';

const MOST_SINGLE_READS = 20;  // More changes at once than this: the whole list is read.
const SINGLE_MS = 1000;
const LIST_MS = 5000;          // The whole list at most so often, and more seldom the longer it is:
const LIST_MS_PER_KEY = 4;     // a list of 5,000 keys costs a small machine a tenth of a second.

let seen = null;  // What was read last: shown at once on coming back, and read anew.

/** As useLoaded(), its data an array of keys; `warnings`: what Pollux says is wrong with itself, in its words. */
export function useKeys() {
  const warnings = useRef([]);
  const list = useLoaded(async () => {
    const status = await api.get('admin/status');
    warnings.current = status.warnings;
    return status.keys;
  }, [], seen);
  seen = list.data;
  const changed = useRef(new Map()).current;
  const latest = useRef(list);
  latest.current = list;

  const [readSome, readAll] = useMemo(() => {
    const all = throttled(() => { changed.clear(); latest.current.reload(); },
      () => Math.max(LIST_MS, LIST_MS_PER_KEY * (latest.current.data?.length ?? 0)));
    const some = throttled(async () => {
      if (changed.size > MOST_SINGLE_READS) return all();
      const told = [...changed];
      changed.clear();
      const keys = await Promise.all(told.map(([id, state]) => (state === 'removed' ? { id, gone: true } : readKey(id))));
      latest.current.set((old) => old && replaced(old, keys.filter(Boolean)));
    }, SINGLE_MS);
    return [some, all];
  }, []);

  useEvent('key', ({ id, state }) => { changed.set(id, state); readSome(); });
  useEvent('hello', readAll);
  const count = list.data?.length ?? 0;
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) readAll(); }, count > 500 ? 60_000 : 15_000);
    return () => clearInterval(timer);
  }, [count > 500]);
  return { ...list, warnings: warnings.current };
}

/** The key as it is; null: that cannot be read now. */
const readKey = (id) => api.get(`admin/keys/${id}`).catch((error) => (error.status === 404 ? { id, gone: true } : null));

/** The list with these keys put in place of what it had of them; what is `gone` leaves it. */
export function replaced(list, keys) {
  const fresh = new Map(keys.map((key) => [key.id, key]));
  const next = list.map((key) => fresh.get(key.id) ?? key).filter((key) => !key.gone);
  const known = new Set(list.map((key) => key.id));
  return [...next, ...keys.filter((key) => !known.has(key.id) && !key.gone)];
}

export const keyTitle = (key) => key.name || key.masked_key;

/** Disabled by its owner: then no check brings it back. */
export const isByHand = (key) => key.disabled_by_hand;

/** How many of the key's requests were answered well, as a share of 1; null: it has had none. */
export const successShare = (key) => (key.successes + key.failures ? key.successes / (key.successes + key.failures) : null);

/** The models that the key may not use at this moment. */
export const restingModels = (key, now = Date.now()) => Object.entries(key.models ?? {})
  .filter(([, model]) => !model.may_use || (model.cooldown_until && Date.parse(model.cooldown_until) > now)).map(([name]) => name);

const texts = new WeakMap();

function searchText(key) {
  let text = texts.get(key);
  if (!text) texts.set(key, text = [key.name, key.masked_key, key.id, key.project_id, ...key.tags].join('\n').toLowerCase());
  return text;
}

/** The keys that fit { state, tag, project, q }: each word of `q` is somewhere in name, id, masked key, project or tags. */
export function filtered(keys, { state = '', tag = '', project = '', q = '' }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return keys.filter((key) => (!state || key.state === state) && (!tag || key.tags.includes(tag)) && (!project || key.project_id === project)
    && words.every((word) => searchText(key).includes(word)));
}

/** How many keys are in each state, and which tags and projects there are. */
export function surveyed(keys) {
  const states = { ready: 0, resting: 0, probing: 0, disabled: 0 };
  const tags = new Set();
  const projects = new Set();
  for (const key of keys) {
    states[key.state] += 1;
    for (const tag of key.tags) tags.add(tag);
    if (key.project_id) projects.add(key.project_id);
  }
  return { states, tags: [...tags].sort(), projects: [...projects].sort() };
}

/** One call for many keys, in parts that the server takes; the sums of what it answers. */
export async function batch(ids, change) {
  const PART = 1000;
  const sum = { done: 0, missing: [], refused: [] };
  for (let i = 0; i < ids.length; i += PART) {
    const answer = await api.post('admin/keys/batch', { ids: ids.slice(i, i + PART), ...change });
    sum.done += answer.done ?? answer.started ?? 0;
    sum.missing.push(...(answer.missing ?? []));
    sum.refused.push(...(answer.refused ?? []));
  }
  return sum;
}
