// Waiting for conditions, never for time. E2E_TIMEOUT_SCALE stretches every limit on slow machines.

import { setTimeout as pause } from 'node:timers/promises';

const SCALE = Number(process.env.E2E_TIMEOUT_SCALE || 1);

export const scaled = (ms) => ms * SCALE;

/**
 * The result of `condition` once it is truthy; throws what it last threw, or `what`, when the time is up. An error with
 * `hopeless` set ends the waiting at once.
 */
export async function eventually(condition, { within_ms: limit = 5000, what = 'the condition never held' } = {}) {
  const end = Date.now() + scaled(limit);
  let lastError;
  for (;;) {
    try {
      const result = await condition();
      if (result) return result;
      lastError = undefined;
    } catch (error) {
      if (error.hopeless) throw error;
      lastError = error;
    }
    if (Date.now() > end) throw lastError ?? new Error(`${what} (waited ${scaled(limit)} ms)`);
    await pause(15);
  }
}

/** The promise's result, or a throw that names what took too long. */
export async function within(ms, promise, what = 'a promise') {
  const giveUp = new AbortController();
  const late = pause(scaled(ms), undefined, { signal: giveUp.signal }).then(
    () => { throw new Error(`${what} took longer than ${scaled(ms)} ms`); },
    () => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    giveUp.abort();
  }
}

export { pause };
