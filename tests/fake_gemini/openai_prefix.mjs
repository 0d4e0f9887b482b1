// Google's own OpenAI-compatible prefix, thin: enough to see that a proxy passes it through.

import { randomBytes } from 'node:crypto';

import { modelNotFound, unknownField } from './google_errors.mjs';
import { vectorOf } from './embeddings.mjs';
import { tokensOf } from './generation.mjs';

const plainId = (model) => String(model ?? '').replace(/^models\//, '');
const textOf = (content) => (typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join(''));
const now = () => Math.floor(Date.now() / 1000);

function chunkOf(id, model, delta, finish = null) {
  return { id, object: 'chat.completion.chunk', created: now(), model, choices: [{ index: 0, delta, finish_reason: finish }] };
}

export function chatCompletions({ world, json }) {
  const model = plainId(json.model);
  if (!world.models.find(model)) return modelNotFound(model, 'v1main', 'generateContent');
  if ('seed' in json) return unknownField('seed', '');
  const prompt = textOf(json.messages?.at(-1)?.content);
  const text = `You said: ${prompt}`;
  const id = `chatcmpl-${randomBytes(8).toString('hex')}`;
  if (json.stream) {
    const words = text.split(/(?<= )/);
    return { form: 'openai', events: [
      ...words.map((word, i) => chunkOf(id, model, { ...(i === 0 && { role: 'assistant' }), content: word })),
      chunkOf(id, model, {}, 'stop'),
    ] };
  }
  const usage = { prompt_tokens: tokensOf(prompt), completion_tokens: tokensOf(text) };
  return { json: {
    id, object: 'chat.completion', created: now(), model,
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens },
  } };
}

export function openaiEmbeddings({ json }) {
  const inputs = [json.input].flat();
  const tokens = inputs.reduce((sum, text) => sum + tokensOf(text), 0);
  return { json: {
    object: 'list',
    data: inputs.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text, json.dimensions) })),
    model: plainId(json.model),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  } };
}

const listed = (id) => ({ id: `models/${id}`, object: 'model', owned_by: 'google' });

export function openaiModels({ world, params }) {
  if (!params.id) return { json: { object: 'list', data: world.models.ids().map(listed) } };
  const id = plainId(params.id);
  return world.models.find(id) ? { json: listed(id) } : modelNotFound(id, 'v1main', 'generateContent');
}
