// The play with OpenAI's own SDK in front.

import assert from 'node:assert/strict';

import OpenAI from 'openai';

import { TOKEN } from './pollux.mjs';
import { stage } from './stage.mjs';

export const NEW = 'gemini-3.8-flash';
export const LITE = 'gemini-3.5-flash-lite';
export const OLD = 'gemini-2.5-flash';

export const user = (content) => ({ role: 'user', content });
export const system = (content) => ({ role: 'system', content });

const bodyOf = (entry) => JSON.parse(entry.body);
const isGeneration = ({ url }) => /:(streamG|g)enerateContent/.test(url);

/** `openai`: a client of the SDK that does not retry; `client(settings)`: another one. The rest is `stage`'s. */
export async function openaiStage(t, options) {
  const play = await stage(t, options);
  const client = (settings = {}) => new OpenAI({ apiKey: TOKEN, baseURL: `${play.pollux.url}/v1`, maxRetries: 0, ...settings });
  let checked = 0;
  return Object.assign(play, {
    client,
    openai: client(),
    /** The generation requests that reached Google, as JSON. */
    generations: () => play.upstream().filter(isGeneration).map(bodyOf),
    lastGeneration: () => bodyOf(play.upstream().filter(isGeneration).at(-1)),
    post: (path, body, more = {}) => play.pollux.post(path, body, { token: null, ...more,
      headers: { Authorization: `Bearer ${TOKEN}`, ...more.headers } }),
    /** Since the last time: nothing that Google refused was sent, and no policy failed. */
    checkTraffic: () => {
      const refused = play.upstream().filter(({ status }) => status === 400);
      assert.deepEqual(refused.map(({ url, error, body }) => `${url}: ${error}: ${body}`), [], 'Google refused what was sent');
      const lines = play.pollux.log().split('\n').slice(checked);
      checked += lines.length - 1;
      assert.deepEqual(lines.filter((line) => /policy failed|policy_failed/.test(line)), []);
    },
  });
}

/** All of a stream: its chunks, and the texts, thoughts and finish reason joined as clients join them. */
export async function collect(stream) {
  const found = { chunks: [], content: '', reasoning: '', toolCalls: [], finish: undefined };
  for await (const chunk of stream) {
    found.chunks.push(chunk);
    const [choice] = chunk.choices;
    found.content += choice?.delta.content ?? '';
    found.reasoning += choice?.delta.reasoning_content ?? '';
    for (const { index, function: called, ...facts } of choice?.delta.tool_calls ?? []) {
      const known = (found.toolCalls[index] ??= { ...facts, function: { name: '', arguments: '' } });
      known.function.name += called?.name ?? '';
      known.function.arguments += called?.arguments ?? '';
    }
    found.finish = choice?.finish_reason ?? found.finish;
    found.usage = chunk.usage ?? found.usage;
  }
  return found;
}

export const functionTool = (name, parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }) => (
  { type: 'function', function: { name, description: `Does ${name}.`, parameters } });
