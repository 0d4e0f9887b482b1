// An answer of a model, whole or as a stream: candidates, usage, and how it ends.

import { randomBytes } from 'node:crypto';

import { abilitiesOf } from './abilities.mjs';
import { groundingOf } from './grounding.mjs';
import { inPieces, partsOf } from './model_parts.mjs';
import { sign } from './signatures.mjs';
import { promptOf, textIn, wish } from './wishes.mjs';

const THOUGHT_TOKENS = 48;

/** About four characters make a token. */
export function tokensOf(text) {
  return Math.max(1, Math.ceil(text.length / 4));
}

export function promptTokens(body) {
  return tokensOf([...(body.contents ?? []), body.systemInstruction].map(textIn).join(''));
}

/** Thinking at its lowest is none at all here. */
function thoughtTokens(model, { thinkingConfig = {} }) {
  const off = thinkingConfig.thinkingBudget === 0 || thinkingConfig.thinkingLevel === 'MINIMAL';
  return model.thinking && !off ? THOUGHT_TOKENS : 0;
}

/** The text up to the first stop sequence, or to the cap, which thoughts use up as well. */
function limited(text, config, thought) {
  const stops = (config.stopSequences ?? []).map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const stopped = stops.length ? text.slice(0, Math.min(...stops)) : text;
  const left = (config.maxOutputTokens ?? Infinity) - thought;
  if (tokensOf(stopped) <= left) return { text: stopped };
  return { text: left > 0 ? stopped.slice(0, left * 4) : '', reason: 'MAX_TOKENS' };
}

function usage({ prompt, answered, thought, cached, vertex, mediaTokens = {} }) {
  const found = { promptTokenCount: prompt };
  if (cached) found.cachedContentTokenCount = cached;
  if (answered) found.candidatesTokenCount = answered;
  found.totalTokenCount = prompt + answered + thought;
  found.promptTokensDetails = [{ modality: 'TEXT', tokenCount: prompt }];
  const media = Object.entries(mediaTokens).map(([modality, tokenCount]) => ({ modality, tokenCount }));
  if (answered && media.length) found.candidatesTokensDetails = media;
  if (thought) found.thoughtsTokenCount = thought;
  if (vertex) found.trafficType = 'ON_DEMAND';
  return found;
}

/** An answer that ends before it says anything: of these, some explain themselves. */
const MESSAGES = {
  MALFORMED_FUNCTION_CALL: 'Malformed function call: print(default_api.get_weather(city=))',
  NO_IMAGE: 'Unable to show the generated image.',
  IMAGE_SAFETY: 'Unable to show the generated image. The model could not generate the image based on the prompt provided.',
};

/** Everything needed to answer one request, whole or as a stream. */
export function think(request, model, { vertex = false } = {}) {
  const body = { ...request, generationConfig: request.generationConfig ?? {} };
  const prompt = promptOf(body);
  const id = model.name.slice('models/'.length);
  const abilities = abilitiesOf(id);
  const idea = partsOf(body, model, abilities, prompt);
  const thought = thoughtTokens(model, body.generationConfig);
  const { text, reason } = idea.text === undefined ? {} : limited(idea.text, body.generationConfig, thought);
  return {
    ...idea,
    text,
    thoughts: thought ? idea.thoughts : [],
    reason: wish(prompt, 'finish') ?? reason ?? 'STOP',
    blocked: wish(prompt, 'block'),
    grounding: idea.called || text === undefined ? undefined : groundingOf(body, prompt, text),
    pauseMs: wish(prompt, 'pause'),
    events: wish(prompt, 'events') ?? 3,
    prompt: promptTokens(body),
    cached: wish(prompt, 'cached'),
    apart: wish(prompt, 'apart'),
    thought,
    vertex,
    abilities,
    modelVersion: id,
    responseId: randomBytes(16).toString('base64url'),
    signed: model.thinking,
  };
}

const isSilent = ({ reason }) => !['STOP', 'MAX_TOKENS', 'CONTINUATION'].includes(reason);

function candidate(idea, parts, last) {
  const one = parts ? { content: { ...(parts.length && { parts }), role: 'model' } } : {};
  if (last) {
    one.finishReason = idea.reason;
    if (idea.called && idea.abilities.generation < 3) one.finishMessage = 'Model generated function call(s).';
    if (MESSAGES[idea.reason]) one.finishMessage = MESSAGES[idea.reason];
    if (idea.grounding) one.groundingMetadata = idea.grounding;
  }
  return { ...one, index: 0 };
}

function chunk(idea, one, answered) {
  return {
    candidates: [one],
    usageMetadata: usage({ ...idea, answered }),
    modelVersion: idea.modelVersion,
    responseId: idea.responseId,
  };
}

function blockedAnswer(idea) {
  return {
    promptFeedback: { blockReason: idea.blocked === true ? 'PROHIBITED_CONTENT' : idea.blocked },
    usageMetadata: usage({ ...idea, answered: 0, thought: 0 }),
    modelVersion: idea.modelVersion,
    responseId: idea.responseId,
  };
}

const mediaSum = (idea) => Object.values(idea.mediaTokens ?? {}).reduce((sum, count) => sum + count, 0);
const signature = (idea) => idea.signed && { thoughtSignature: sign(idea.abilities) };

/** The answer in one piece. */
export function wholeAnswer(idea) {
  if (idea.blocked) return blockedAnswer(idea);
  if (isSilent(idea)) return chunk(idea, candidate(idea, undefined, true), 0);
  const spoken = idea.text === undefined || idea.text === '' ? [] : [{ text: idea.text, ...signature(idea) }];
  const parts = [...idea.thoughts, ...idea.parts, ...spoken];
  const answered = mediaSum(idea) || (idea.text === '' ? 0 : tokensOf(idea.text ?? JSON.stringify(idea.parts)));
  return chunk(idea, candidate(idea, parts, true), answered);
}

function textPieces(text, count) {
  const mark = (i) => Math.floor((i * text.length) / count);
  return Array.from({ length: count }, (_, i) => text.slice(mark(i), mark(i + 1)));
}

/** The parts of the last event: the finish reason comes with an empty text, or with nothing after media. */
function lastParts(idea) {
  if (idea.mediaTokens) return [];
  return [{ text: '', ...(!idea.called && signature(idea)) }];
}

/** The same as a list of stream events: deltas, cumulative usage, the finish reason in the last alone. */
export function streamedAnswer(idea) {
  if (idea.blocked) return [blockedAnswer(idea)];
  if (isSilent(idea)) return [chunk(idea, candidate(idea, undefined, true), 0)];
  const events = idea.thoughts.map((part) => chunk(idea, candidate(idea, [part]), 0));
  // Gemini 2.5 ends with its calls, later ones with an event of its own.
  if (idea.called && idea.abilities.generation < 3) {
    return [...events, chunk(idea, candidate(idea, idea.parts, true), tokensOf(JSON.stringify(idea.parts)))];
  }
  let answered = mediaSum(idea);
  const whole = idea.called && !idea.apart ? [idea.parts] : idea.parts.flatMap(inPieces).map((part) => [part]);
  for (const parts of whole) {
    if (!idea.mediaTokens) answered += tokensOf(JSON.stringify(parts));
    events.push(chunk(idea, candidate(idea, parts), answered));
  }
  for (const text of idea.text ? textPieces(idea.text, Math.max(1, idea.events - 1)) : []) {
    answered += tokensOf(text);
    events.push(chunk(idea, candidate(idea, [{ text }]), answered));
  }
  return [...events, chunk(idea, candidate(idea, lastParts(idea), true), answered)];
}
