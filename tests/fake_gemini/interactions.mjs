// The Interactions API, in the shapes that a proxy only passes through.

import { randomBytes } from 'node:crypto';

import { invalidArgument } from './google_errors.mjs';
import { tokensOf } from './generation.mjs';

const textOf = (input) => (typeof input === 'string' ? input : JSON.stringify(input ?? ''));

function build(world, account, json) {
  const id = `v1_${randomBytes(12).toString('base64url')}`;
  const text = `You said: ${textOf(json.input)}`;
  const now = new Date().toISOString();
  const counts = { total_input_tokens: tokensOf(textOf(json.input)), total_output_tokens: tokensOf(text) };
  const { name, ...interaction } = world.resources.add(account.project, `interactions/${id}`, {
    id, object: 'interaction', model: json.model, status: 'completed',
    steps: [{ type: 'model_output', content: [{ type: 'text', text }] }],
    usage: { ...counts, total_thought_tokens: 0, total_cached_tokens: 0, total_tool_use_tokens: 0,
      total_tokens: counts.total_input_tokens + counts.total_output_tokens },
    created: now, updated: now,
  });
  return { name, interaction, text };
}

export function createInteraction({ world, account, json }) {
  if (json.input === undefined) return invalidArgument('input is required.');
  if (json.previous_interaction_id) {
    const { refusal } = world.resources.find(account.project, `interactions/${json.previous_interaction_id}`);
    if (refusal) return refusal;
  }
  const { interaction, text } = build(world, account, json);
  if (!json.stream) return { json: interaction };
  const begun = { ...interaction, status: 'in_progress', steps: [] };
  return { form: 'interactions', events: [
    { event_type: 'interaction.created', interaction: begun },
    { event_type: 'step.start', index: 0, step: { type: 'model_output' } },
    ...text.split(/(?<= )/).map((word) => ({ event_type: 'step.delta', index: 0, delta: { type: 'text', text: word } })),
    { event_type: 'step.stop', index: 0 },
    { event_type: 'interaction.completed', interaction },
  ] };
}

export function cancelInteraction({ world, account, params }) {
  const { value, refusal } = world.resources.find(account.project, params.name);
  if (refusal) return refusal;
  value.status = 'cancelled';
  return { json: value };
}
