import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listen } from './harness/feed.mjs';
import { ask, inParallel, keepAliveAgent } from './harness/load.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const headers = { 'x-goog-api-key': TOKEN, 'Content-Type': 'application/json' };

describe('several workers', () => {
  it('count together what they serve apart', async (t) => {
    const { pollux, upstream, keys } = await stage(t, { keys: ['1', '2', '3', '4', '5'], env: { WORKERS: '4' } });
    const agent = keepAliveAgent(24);
    t.after(() => agent.destroy());
    const total = 900;

    const answers = await inParallel(total, 24, (i) => ask(agent, pollux.url + (i % 4 ? UNARY : STREAM), { headers, body: JSON.stringify(prompt(`number ${i}`)) }));

    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(upstream().length, total);
    const status = await eventually(async () => {
      const now = await pollux.status();
      return now.keys.every(({ in_flight: busy }) => busy === 0) && now;
    }, { what: 'keys stayed in flight' });
    const counted = status.keys.map((key) => key.requests_today);
    assert.equal(counted.reduce((sum, one) => sum + one, 0), total);
    const seen = keys.map((key) => upstream().filter((entry) => entry.key === key).length);
    assert.deepEqual([...counted].sort(), [...seen].sort());
    assert.ok(Math.max(...seen) - Math.min(...seen) <= total / 10, `unevenly shared: ${seen}`);
  });

  it('obey keys and policies that change under load, all of them', async (t) => {
    const { pollux, fake, upstream, keys } = await stage(t, { keys: ['1', '2', '3'], env: { WORKERS: '4', MAX_RETRIES: '5' } });
    fake.rule({ match: { key: keys[2] }, times: 'always', row: 'leaked' });
    const agent = keepAliveAgent(16);
    t.after(() => agent.destroy());
    let running = true;
    const change = (async () => {
      for (let i = 0; running; i += 1) {
        pollux.writePolicy('keys.lua', `local keys = {}\n\n\nfunction keys.select(request, pool)\n  shared.incr("asked", 60)\n  return pool:${i % 2 ? 'round_robin' : 'least_busy'}()\nend\n\n\nreturn keys\n`);
        await pollux.admin('/admin/status');
        await pollux.admin('/admin/reset', { method: 'POST', body: {} });
        await new Promise((done) => { setTimeout(done, 100); });
      }
    })();

    const answers = await inParallel(600, 16, (i) => ask(agent, pollux.url + UNARY, { headers, body: JSON.stringify(prompt(`number ${i}`)) }));
    running = false;
    await change;

    assert.deepEqual(answers.filter(({ status }) => status !== 200).slice(0, 2), []);
    assert.ok(upstream().length >= 600);
  });

  it('are watched while they serve: each request is told of or counted as untold, to everybody', async (t) => {
    const { pollux } = await stage(t, { env: { WORKERS: '4' } });
    const feeds = await Promise.all([1, 2, 3].map(() => listen(t, pollux)));
    await Promise.all(feeds.map((feed) => feed.until('traffic')));
    const agent = keepAliveAgent(16);
    t.after(() => agent.destroy());
    let running = true;
    const passing = (async () => {
      while (running) {
        const feed = await listen(t, pollux);
        assert.equal((await pollux.admin('/metrics')).status, 200);
        await feed.until('traffic');
        feed.leave();
      }
    })();

    await inParallel(600, 16, (i) => ask(agent, pollux.url + UNARY, { headers, body: JSON.stringify(prompt(`number ${i}`)) }));
    running = false;
    await passing;

    for (const feed of feeds) {
      await eventually(() => feed.accounted() >= 600);
      assert.equal(feed.accounted(), 600);
      assert.deepEqual(feed.of('request'), feeds[0].of('request'));
    }
    const counts = (await pollux.admin('/metrics')).text.match(/^pollux_requests_total\{.*\} \d+$/gm).map((line) => Number(line.split(' ').at(-1)));
    assert.equal(counts.reduce((sum, one) => sum + one, 0), 600);
  });

  it('share one port and one memory', async (t) => {
    const { pollux } = await stage(t, { env: { WORKERS: '4' }, policies: { 'models.lua': `local shipped = require "default.models"
local models = { visible = shipped.visible }


function models.resolve(request, name)
  if name == "count" then return deny(403, "says " .. shared.incr("count")) end
  return shipped.resolve(request, name)
end


return models
` } });

    const answers = await inParallel(100, 20, () => pollux.post('/v1beta/models/count:generateContent', prompt('x')));
    const said = answers.map((answer) => Number(answer.json().error.message.match(/says (\d+)/)[1])).sort((a, b) => a - b);

    assert.deepEqual(said, Array.from({ length: 100 }, (_, i) => i + 1));
  });
});
