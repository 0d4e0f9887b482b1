// What needs the owner's attention. Nothing here draws or reads: it is told what is, and tells what to say.

import { isByHand } from '../keys/key_list.js';

const MANY_FAILED = 0.1;  // This share of the last hour's requests is worth a word,
const ENOUGH = 20;        // if there were at least so many.

const time = (iso) => (iso ? Date.parse(iso) : NaN);

/**
 * [{ name: of the text 'overview.attention.NAME', kind: 'bad' or 'warn', values, until?: ms, ids?: of keys, file? }], what is worst first.
 * keys: all of them; warnings: of admin/status; policies: what admin/policies told; totals: of the last hour. The last two may be null.
 */
export function attention({ keys, warnings, policies, totals }, now) {
  return [...ofKeys(keys, now), ...ofModels(keys, now), ...ofPolicies(policies), ...ofServer(warnings), ...ofRequests(totals)]
    .sort((a, b) => (a.kind === b.kind ? 0 : a.kind === 'bad' ? -1 : 1));
}

function ofKeys(keys, now) {
  const found = [];
  const refused = keys.filter((key) => key.state === 'disabled' && !isByHand(key));
  const usable = keys.filter((key) => key.state === 'ready' || key.state === 'probing');
  if (keys.length > 0 && usable.length === 0) {
    const until = nextBack(keys.filter((key) => key.state === 'resting'), now);
    found.push({ name: until ? 'allResting' : 'allDisabled', kind: 'bad', values: {}, until });
  }
  if (refused.length > 0) found.push({ name: 'refused', kind: 'bad', values: { n: refused.length }, ids: refused.map((key) => key.id) });
  return found;
}

/** Models that no enabled key can pay for now. A key that never was asked for a model may well be able to. */
function ofModels(keys, now) {
  const enabled = keys.filter((key) => key.enabled);
  const models = new Set(enabled.flatMap((key) => Object.keys(key.models ?? {})));
  const found = [];
  for (const model of models) {
    const states = enabled.map((key) => key.models[model]);
    if (!states.every((state) => state && (!state.may_use || time(state.cooldown_until) > now))) continue;
    const waits = states.filter((state) => state.may_use).map((state) => time(state.cooldown_until));
    found.push(waits.length
      ? { name: 'exhausted', kind: 'warn', values: { model, n: states.length }, until: Math.min(...waits) }
      : { name: 'notGranted', kind: 'warn', values: { model, n: states.length } });
  }
  return found;
}

function ofPolicies(policies) {
  if (!policies?.error) return [];
  const file = /^([\w./-]+\.lua):\d+:/.exec(policies.error)?.[1] ?? null;
  return [{ name: 'policy', kind: 'bad', values: { error: policies.error }, file }];
}

/** What Pollux warns of beyond keys and policies, in its own words. */
function ofServer(warnings) {
  return warnings.filter((text) => !text.startsWith('policies: ') && !text.startsWith('every key '))
    .map((text) => ({ name: 'server', kind: 'bad', values: { text } }));
}

function ofRequests(totals) {
  const asked = totals ? totals.answered + totals.failed : 0;
  if (asked < ENOUGH || totals.failed / asked < MANY_FAILED) return [];
  return [{ name: 'failing', kind: 'warn', values: { n: totals.failed, asked } }];
}

/** When the first of what rests comes back, in ms: keys as a whole, or their models; null: nothing rests. */
export function nextBack(keys, now) {
  let first = Infinity;
  const look = (iso) => { if (time(iso) > now) first = Math.min(first, time(iso)); };
  for (const key of keys) {
    if (!key.enabled) continue;
    look(key.cooldown_until);
    for (const model of Object.values(key.models ?? {})) look(model.cooldown_until);
  }
  return first === Infinity ? null : first;
}
