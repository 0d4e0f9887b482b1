import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ask, inParallel, keepAliveAgent } from './harness/load.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { eventsOf, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';

const REQUESTS = 2000;
const AT_ONCE = 16;

describe('a storm', () => {
  it('of dying, throttled, hanging and cut keys is not seen by any client while one good key is left', async (t) => {
    const keys = Array.from({ length: 20 }, (_, i) => `storm${i}`);
    const { pollux, fake, keys: secrets, upstream } = await stage(t, { keys, env: { MAX_RETRIES: '25', TIME_OUT: '1' } });
    fake.storm({ p: 0.6, seed: 42, spared: [secrets[7]], ways: { die: 1, throttle: 1, cut: 2, hang: 0.05 } });
    const agent = keepAliveAgent(AT_ONCE);
    t.after(() => agent.destroy());
    const headers = { 'x-goog-api-key': TOKEN, 'Content-Type': 'application/json' };
    let running = true;
    // Keys come back again and again, or the storm would be over when each had died once.
    const revive = (async () => {
      while (running) {
        await pollux.admin('/admin/reset', { method: 'POST', body: {} });
        await new Promise((done) => { setTimeout(done, 150); });
      }
    })();

    const failed = [];
    await inParallel(REQUESTS, AT_ONCE, async (i) => {
      const path = i % 3 === 0 ? STREAM : UNARY;
      const answer = await ask(agent, pollux.url + path, { headers, body: JSON.stringify(prompt(`request ${i}.`)) }).catch((error) => (
        { status: 0, text: String(error) }));
      if (answer.status !== 200 || !wholeAnswer(answer.text, path, i)) failed.push({ i, status: answer.status, text: answer.text.slice(0, 400) });
    });
    running = false;
    await revive;

    assert.deepEqual(failed.slice(0, 3), [], `${failed.length} of ${REQUESTS} failed`);
    assert.ok(upstream().length > REQUESTS * 1.1, 'the storm was a calm');
  });
});

function wholeAnswer(text, path, i) {
  const events = path === STREAM ? eventsOf(text) : [JSON.parse(text)];
  const said = events.map((event) => event.candidates[0].content.parts.map((part) => part.text).join('')).join('');
  return said === `You said: request ${i}.` && events.at(-1).candidates[0].finishReason === 'STOP';
}
