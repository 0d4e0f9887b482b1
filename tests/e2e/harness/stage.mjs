// The whole play: a fake Gemini behind HTTPS, the binary before it, keys in its pool.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { makeKey, startFakeGemini } from '../../fake_gemini/server.mjs';
import { startPollux } from './pollux.mjs';

export const MODEL = 'gemini-3.5-flash-lite';
export const UNARY = `/v1beta/models/${MODEL}:generateContent`;
export const STREAM = `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`;

export const prompt = (text, more = {}) => ({ contents: [{ role: 'user', parts: [{ text }] }], ...more });
export const textOf = (answer) => answer.json().candidates[0].content.parts.map((part) => part.text).join('');

/** The events of an SSE answer, parsed. */
export const eventsOf = (text) => text.split(/\r?\n\r?\n/).filter((block) => block.startsWith('data:'))
  .map((block) => block.slice('data:'.length).trim()).map((data) => (data === '[DONE]' ? data : JSON.parse(data)));

/**
 * Starts both. `keys`: names of good keys, or settings as the fake takes them, each made into a key of its own project;
 * `fake`: more settings of the fake; the rest goes to startPollux. `close()` stops both and checks the log; with a test's
 * context it is done when the test ends.
 */
export async function stage(t, { keys = ['one', 'two'], fake: fakeOptions = {}, ...polluxOptions } = {}) {
  const given = keys.map((key) => (typeof key === 'string' ? { key: makeKey(key) } : { ...key, key: makeKey(key.key) }));
  const secrets = given.map(({ key }) => key);
  const fake = await startFakeGemini({ tls: true, keys: given, ...fakeOptions });
  let pollux;
  try {
    pollux = await startPollux({ fake, keys: secrets, ...polluxOptions });
  } catch (error) {
    await fake.close();
    throw error;
  }
  const play = {
    fake,
    pollux,
    keys: secrets,
    /** What reached the fake since `fake.clearRequests()`. */
    upstream: () => fake.requests(),
    /** A key as /admin/status shows it, found by its secret. */
    keyStatus: async (secret) => (await play.pollux.status()).keys.find(({ id }) => id === keyId(secret)),
    close: async () => {
      try {
        if (!play.pollux.ended) await play.pollux.stop();
        const garbage = fake.stats().bad_requests.filter(({ error }) => !/SSL alert/.test(error)); // A refused certificate is none.
        assert.deepEqual(garbage, [], 'what went upstream was no HTTP');
      } finally {
        await fake.close();
        play.pollux.remove();
      }
    },
  };
  t?.after(play.close);
  return play;
}

/** A key's id is made from its secret: the same key has the same id for ever, and the id does not tell it. */
export const keyId = (secret) => createHash('sha256').update(secret).digest('hex').slice(0, 12);

const future = (time) => time && new Date(time) > new Date();
const modelsOf = (key) => (Array.isArray(key.models)
  ? key.models
  : Object.entries(key.models ?? {}).map(([model, facts]) => ({ model, ...facts })));

/** When a key's rest for the model (or as a whole) ends, or undefined. */
export function restOf(key, model = MODEL) {
  const ofModel = modelsOf(key).find((one) => (one.model ?? one.name) === model)?.cooldown_until;
  return [key.cooldown_until, ofModel].filter(future).sort().at(-1);
}

/** "disabled", "rests" or "ready", read from a key of /admin/status. */
export function stateOf(key, model = MODEL) {
  if (!key.enabled) return 'disabled';
  return restOf(key, model) ? 'rests' : 'ready';
}

export { modelsOf };
