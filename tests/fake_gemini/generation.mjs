// Answers of a model that knows nothing: it repeats the prompt, so that a test can tell answers apart.
//
// Words in the prompt steer it: `[events=20]` the number of stream events, `[pause=50]` milliseconds between them,
// `[chars=1000]` the length of the text, `call NAME` a function call when such a function was declared.

import { randomBytes } from 'node:crypto';

const TEXT_IN = (content) => (content?.parts ?? []).map((part) => part.text ?? '').join('');

/** About four characters make a token. */
export function tokensOf(text) {
  return Math.max(1, Math.ceil(text.length / 4));
}

export function promptTokens(body) {
  const texts = [...(body.contents ?? []), body.systemInstruction].map(TEXT_IN).join('');
  return tokensOf(texts);
}

function lastUserText(body) {
  const said = (body.contents ?? []).findLast((content) => content.role !== 'model' && TEXT_IN(content));
  return TEXT_IN(said);
}

function wish(prompt, name) {
  const found = prompt.match(new RegExp(`\\[${name}=(\\d+)\\]`));
  return found ? Number(found[1]) : undefined;
}

/** A value that fits the schema, the smallest that shows every required property. */
export function sampleOf(schema = {}) {
  const type = String(Array.isArray(schema.type) ? schema.type[0] : schema.type ?? 'OBJECT').toUpperCase();
  if (schema.enum?.length) return schema.enum[0];
  if (type === 'STRING') return 'Oslo';
  if (type === 'NUMBER' || type === 'INTEGER') return schema.minimum ?? 7;
  if (type === 'BOOLEAN') return true;
  if (type === 'NULL') return null;
  if (type === 'ARRAY') return [sampleOf(schema.items)];
  const names = schema.propertyOrdering ?? Object.keys(schema.properties ?? {});
  return Object.fromEntries(names.map((name) => [name, sampleOf(schema.properties[name])]));
}

function declaredFunctions(body) {
  return (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? tool.function_declarations ?? []);
}

function wantedCall(body, prompt) {
  const lastParts = body.contents.at(-1).parts;
  if (lastParts.some((part) => part.functionResponse ?? part.function_response)) return undefined;
  return declaredFunctions(body).find(({ name }) => new RegExp(`\\bcall ${name}\\b`).test(prompt));
}

function textOf(body, prompt) {
  const results = body.contents.at(-1).parts.map((part) => part.functionResponse ?? part.function_response).filter(Boolean);
  if (results.length) return `The function said: ${JSON.stringify(results.map(({ response }) => response))}`;
  if (/json/.test(body.generationConfig.responseMimeType ?? '')) {
    const { responseSchema, responseJsonSchema, _responseJsonSchema } = body.generationConfig;
    return JSON.stringify(sampleOf(responseSchema ?? responseJsonSchema ?? _responseJsonSchema));
  }
  const text = `You said: ${prompt.slice(0, 2000)}`;
  return text.padEnd(wish(prompt, 'chars') ?? 0, ' and so on').slice(0, Math.max(text.length, wish(prompt, 'chars') ?? 0));
}

function pieces(text, count) {
  const mark = (i) => Math.floor((i * text.length) / count);
  return Array.from({ length: count }, (_, i) => text.slice(mark(i), mark(i + 1)));
}

const signature = () => `E${randomBytes(90).toString('base64').slice(0, 119)}`;

function partsOf(body, model, prompt) {
  const thoughts = [];
  if (model.thinking && body.generationConfig.thinkingConfig?.includeThoughts) {
    thoughts.push({ text: `**Thinking** about "${prompt.slice(0, 60)}".\n\n`, thought: true });
  }
  const call = wantedCall(body, prompt);
  if (!call) return { thoughts, text: textOf(body, prompt) };
  const args = sampleOf(call.parameters ?? call.parametersJsonSchema);
  const functionCall = { name: call.name, args, id: randomBytes(4).toString('hex') };
  return { thoughts, call: { functionCall, ...(model.thinking && { thoughtSignature: signature() }) } };
}

function usage({ prompt, answered, thought, vertex }) {
  const found = { promptTokenCount: prompt };
  if (answered) found.candidatesTokenCount = answered;
  found.totalTokenCount = prompt + answered + thought;
  found.promptTokensDetails = [{ modality: 'TEXT', tokenCount: prompt }];
  if (thought) found.thoughtsTokenCount = thought;
  if (vertex) found.trafficType = 'ON_DEMAND';
  return found;
}

/** Everything needed to answer one request, whole or as a stream. */
export function think(body, model, { vertex = false } = {}) {
  const prompt = lastUserText(body);
  return {
    ...partsOf(body, model, prompt),
    pauseMs: wish(prompt, 'pause'),
    events: wish(prompt, 'events') ?? 3,
    prompt: promptTokens(body),
    thought: model.thinking ? 48 : 0,
    vertex,
    modelVersion: model.name.slice('models/'.length),
    responseId: randomBytes(16).toString('base64url'),
    signed: model.thinking,
  };
}

function candidate(parts, finishReason) {
  return { content: { parts, role: 'model' }, ...(finishReason && { finishReason }), index: 0 };
}

function chunk(idea, one, answered) {
  return {
    candidates: [one],
    usageMetadata: usage({ ...idea, answered }),
    modelVersion: idea.modelVersion,
    responseId: idea.responseId,
  };
}

/** The answer in one piece. */
export function wholeAnswer(idea) {
  const parts = [...idea.thoughts, idea.call ?? { text: idea.text, ...(idea.signed && { thoughtSignature: signature() }) }];
  return chunk(idea, candidate(parts, 'STOP'), tokensOf(idea.text ?? JSON.stringify(idea.call)));
}

/** The same as a list of stream events: deltas, cumulative usage, the finish reason in the last alone. */
export function streamedAnswer(idea) {
  const events = idea.thoughts.map((part) => chunk(idea, candidate([part]), 0));
  let answered = 0;
  if (idea.call) {
    answered = tokensOf(JSON.stringify(idea.call));
    events.push(chunk(idea, candidate([idea.call]), answered));
  } else {
    for (const text of pieces(idea.text, Math.max(1, idea.events - 1))) {
      answered += tokensOf(text);
      events.push(chunk(idea, candidate([{ text }]), answered));
    }
  }
  const last = { text: '', ...(idea.signed && !idea.call && { thoughtSignature: signature() }) };
  events.push(chunk(idea, candidate([last], 'STOP'), answered));
  return events;
}
