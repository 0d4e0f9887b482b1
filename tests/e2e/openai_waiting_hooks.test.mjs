import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { collect, NEW, openaiStage, user } from './harness/openai.mjs';
import { inParallel } from './harness/load.mjs';
import { eventsOf } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const FAKED = `${NEW}-fake-stream`;
const HOOKS = ['model', 'request', 'response', 'event', 'error'];

/** The shipped dialect, behind hooks that wait. */
const waiting = (seconds, hooks = HOOKS) => `
local usual = require "default.dialects.openai"
local waiting = {}
for name, hook in pairs(usual) do waiting[name] = hook end
${hooks.map((name) => `function waiting.${name}(...) sleep(${seconds}) return usual.${name}(...) end`).join('\n')}
return waiting
`;
const staged = (t, hooks, seconds = 0.02, options = {}) => openaiStage(t, { ...options, policies: { 'dialects/openai.lua': waiting(seconds, hooks) } });
const ask = (play, content, more, options) => play.openai.chat.completions.create({ model: NEW, messages: [user(content)], stream: true, ...more }, options);
const said = (text, more) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] }, ...more }] });

describe('hooks of a dialect that wait', () => {
  it('translate a stream in its order', async (t) => {
    const play = await staged(t);

    const all = await inParallel(20, 20, async (i) => collect(await ask(play, `number ${i} [events=8]`)));

    for (const [i, { content, finish }] of all.entries()) assert.deepEqual([content, finish], [`You said: number ${i} [events=8]`, 'stop']);
  });

  it('end a stream that is made of an answer in one piece', async (t) => {
    const play = await staged(t);

    const { content, finish } = await collect(await ask(play, 'hello', { model: FAKED }));

    assert.deepEqual([content, finish], ['You said: hello', 'stop']);
  });

  it('lose nothing of a stream that breaks off', async (t) => {
    const play = await staged(t, ['event']);
    play.fake.rule({ stream: { events: [said('one '), said('two')] } });
    play.fake.rule({ stream: { bytes: [said('one '), said('two')].map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('') } });

    for (let left = 2; left > 0; left -= 1) {
      const { status, text } = await play.post('/v1/chat/completions', { model: NEW, messages: [user('x')], stream: true });
      const events = eventsOf(text);
      assert.equal(status, 200);
      assert.equal(events.map(({ choices }) => choices?.[0]?.delta.content ?? '').join(''), 'one two');
      assert.match(events.find(({ error }) => error).error.message, /without a finish reason/);
    }
  });

  it('are left alone when their client leaves', async (t) => {
    const play = await staged(t, HOOKS, 0.2);

    for (const ms of [50, 250, 450, 650, 900]) {
      const leaving = new AbortController();
      setTimeout(() => leaving.abort(), ms);
      await ask(play, 'number [events=8]', {}, { signal: leaving.signal }).then(collect).catch(() => {});
    }

    await eventually(() => play.pollux.log().match(/outcome=/g)?.length === 5, { what: 'the exchanges never ended' });
    play.checkTraffic();
  });
});
