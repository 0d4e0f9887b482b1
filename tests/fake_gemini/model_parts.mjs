// What the model says: it knows nothing and repeats the prompt, so that a test can tell answers apart.

import { randomBytes } from 'node:crypto';

import { picture, speech } from './media.mjs';
import { sign } from './signatures.mjs';
import { wantedCalls, wish } from './wishes.mjs';

function resolve(root, reference) {
  return reference.split('/').slice(1).reduce((at, name) => at?.[name], root) ?? {};
}

const SAMPLES = { STRING: 'Oslo', BOOLEAN: true, NULL: null };

/** A value that fits the schema, the smallest that shows every property; `words` stand in for its first text. */
export function sampleOf(schema = {}, words = undefined) {
  const texts = words === undefined ? [] : [words];
  const sample = (given) => {
    const one = given.$ref ? resolve(schema, given.$ref) : given;
    const choice = one.anyOf ?? one.oneOf;
    if (choice) return sample(choice[0]);
    if (one.enum?.length) return one.enum[0];
    const type = String([one.type].flat()[0] ?? 'OBJECT').toUpperCase();
    if (type === 'STRING' && texts.length) return texts.pop();
    if (type in SAMPLES) return SAMPLES[type];
    if (type === 'NUMBER' || type === 'INTEGER') return Math.min(Math.max(7, one.minimum ?? 7), one.maximum ?? 7);
    if (type === 'ARRAY') return one.items ? [sample(one.items)] : [];
    const names = one.propertyOrdering ?? Object.keys(one.properties ?? {});
    return Object.fromEntries(names.map((name) => [name, sample(one.properties[name])]));
  };
  return sample(schema);
}

function textOf(body, prompt) {
  const results = body.contents.at(-1).parts.map((part) => part.functionResponse).filter(Boolean);
  if (results.length) return `The function said: ${JSON.stringify(results.map(({ response }) => response))}`;
  const config = body.generationConfig;
  if (/json/.test(config.responseMimeType ?? '')) {
    return JSON.stringify(sampleOf(config.responseSchema ?? config.responseJsonSchema ?? config._responseJsonSchema));
  }
  const text = `You said: ${prompt.slice(0, 2000)}`;
  const chars = wish(prompt, 'chars') ?? 0;
  return text.padEnd(chars, ' and so on').slice(0, Math.max(text.length, chars));
}

function thoughtsOf(prompt) {
  const count = wish(prompt, 'thoughts') ?? 1;
  return Array.from({ length: count }, (_, index) => (
    { text: `**Thinking** about "${prompt.slice(0, 60)}"${index ? `, ${index + 1}` : ''}.\n\n`, thought: true }));
}

/** Of calls at once, the first alone is signed. */
function calls(wanted, model, abilities) {
  return wanted.map(({ declaration, words }, index) => {
    const args = sampleOf(declaration.parameters ?? declaration.parametersJsonSchema, words);
    const functionCall = { name: declaration.name, ...(Object.keys(args).length && { args }), id: randomBytes(4).toString('hex') };
    return { functionCall, ...(model.thinking && index === 0 && { thoughtSignature: sign(abilities) }) };
  });
}

function pictures(body, model, abilities, prompt) {
  const signed = () => abilities.signatures && { thoughtSignature: sign(abilities) };
  const size = wish(prompt, 'bytes');
  const drafts = Array.from({ length: wish(prompt, 'drafts') ?? 0 }, (_, index) => (
    { inlineData: picture(model.pictures, `draft ${index} of ${prompt}`, size), thought: true }));
  const text = body.generationConfig.responseModalities.includes('TEXT') ? [{ text: `Here is: ${prompt.slice(0, 200)}`, ...signed() }] : [];
  const made = Array.from({ length: wish(prompt, 'images') ?? 1 }, () => (
    { inlineData: picture(model.pictures, randomBytes(8).toString('hex'), size), ...signed() }));
  return [...drafts, ...text, ...made];
}

function spoken(prompt) {
  const { mimeType, pcm } = speech(prompt, wish(prompt, 'bytes'));
  return [{ inlineData: { mimeType, data: pcm.toString('base64') } }];
}

const PIECES_OF_SPEECH = 3;

/** The parts of one event each: sound comes in pieces, cut between the two bytes of a sample. */
export function inPieces(part) {
  if (!part.inlineData?.mimeType.startsWith('audio/')) return [part];
  const pcm = Buffer.from(part.inlineData.data, 'base64');
  const step = Math.floor(pcm.length / PIECES_OF_SPEECH) | 1;
  return [pcm.subarray(0, step), pcm.subarray(step, 2 * step), pcm.subarray(2 * step)].filter((piece) => piece.length).map((piece) => (
    { inlineData: { ...part.inlineData, data: piece.toString('base64') } }));
}

/** A program that was run, if there is a tool for it and the prompt asks with `[run]`. */
function programs(body, prompt) {
  if (!wish(prompt, 'run') || !body.tools?.some((tool) => tool.codeExecution)) return [];
  return [
    { executableCode: { language: 'PYTHON', code: 'print(6 * 7)\n' } },
    { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '42\n' } },
  ];
}

/**
 * `{thoughts, parts, text}`: thoughts and whole parts come first, one an event; `text` is delivered in pieces.
 * Where there are calls or media, there is no text.
 */
export function partsOf(body, model, abilities, prompt) {
  const wanted = wantedCalls(body, prompt);
  const thinks = model.thinking && body.generationConfig.thinkingConfig?.includeThoughts;
  const thoughts = thinks ? thoughtsOf(prompt) : [];
  if (wanted.length) return { thoughts, parts: calls(wanted, model, abilities), called: true };
  if (model.pictures) return { thoughts, parts: pictures(body, model, abilities, prompt), mediaTokens: { IMAGE: 1290 } };
  if (model.speaks) return { thoughts, parts: spoken(prompt), mediaTokens: { AUDIO: prompt.length } };
  return { thoughts, parts: programs(body, prompt), text: textOf(body, prompt) };
}
