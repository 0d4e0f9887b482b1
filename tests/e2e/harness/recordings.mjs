// Answers as Gemini gives them, event by event: what a translation is tried on, whole, cut anywhere, and maimed.

import { picture } from '../../fake_gemini/media.mjs';

const SIGNATURE = 'EqUCCqICARFNMg/K5nFvBqZ3o1tO9mJk2uJYw7rAq0m1kzX6b8H4c2v9Lw==';

function event(parts, { finish, usage, candidate, ...rest } = {}) {
  const content = parts && { parts, role: 'model' };
  return {
    candidates: [{ ...(content && { content }), ...(finish && { finishReason: finish }), index: 0, ...candidate }],
    usageMetadata: { promptTokenCount: 71, candidatesTokenCount: 16, totalTokenCount: 132, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 71 }],
      thoughtsTokenCount: 45, ...usage },
    modelVersion: 'gemini-3.8-flash', responseId: 'k3QfafyKLsSTkdUP', ...rest,
  };
}

const text = (...texts) => texts.map((one) => ({ text: one }));
const thought = (words) => [{ text: words, thought: true }];
const call = (name, args, more) => ({ functionCall: { name, ...(args && { args }), id: `id${name}` }, ...more });
const STOP = { finish: 'STOP' };
const SIGNED_END = event([{ text: '', thoughtSignature: SIGNATURE }], STOP);

const CITED = 'Blåbær er 🫐 blå. Øl er godt.';
const grounding = {
  webSearchQueries: ['blåbær'], searchEntryPoint: { renderedContent: '<style>.x</style><div>…</div>' },
  groundingChunks: [{ web: { uri: 'https://vertexaisearch.cloud.google.com/grounding-api-redirect/AUZI1', title: 'uib.no' } },
    { web: { uri: 'https://vertexaisearch.cloud.google.com/grounding-api-redirect/AUZI2', title: 'snl.no' } }],
  groundingSupports: [{ segment: { endIndex: Buffer.byteLength('Blåbær er 🫐 blå.'), text: 'Blåbær er 🫐 blå.' }, groundingChunkIndices: [0] },
    { segment: { startIndex: Buffer.byteLength('Blåbær er 🫐 blå. '), endIndex: Buffer.byteLength(CITED), text: 'Øl er godt.' }, groundingChunkIndices: [1, 0],
      confidenceScores: [0.97, 0.5] }],
};

export const RECORDINGS = {
  'text of many scripts': [
    event(text('Grüße, ')), event(text('日本語 και ελληνικά, ')), event(text('👩‍👩‍👧‍👦 "quoted" \\ \u2028 \n\ttabbed')), SIGNED_END],
  'thoughts before an answer': [
    event(thought('**Überlegung**\n\nErst… ')), event(thought('dann 🤔.\n\n')), event(text('Nun ')), event(text('ja.')), SIGNED_END],
  'calls at once': [
    event([call('get_weather', { city: 'Tromsø', note: 'a "b" \\ 🌧' }, { thoughtSignature: SIGNATURE }), call('get_time')]), event(text(''), STOP)],
  'text, then calls one by one': [
    event(text('Moment… ')), event([call('get_weather', { n: 3, deep: { list: [1, 2.5, true, null] } }, { thoughtSignature: SIGNATURE })]),
    event([call('get_time', {})]), event(undefined, STOP)],
  'a call of Gemini 2.5': [
    event([call('get_weather', { city: 'Oslo' })], { ...STOP, candidate: { finishMessage: 'Model generated function call(s).' } })],
  'a picture': [
    event([{ inlineData: picture('image/png', 'draft', 120), thought: true }]), event(text('Bitte sehr: ')),
    event([{ inlineData: picture('image/jpeg', 'cat', 300), thoughtSignature: SIGNATURE }]), event([], STOP)],
  'cited words': [
    event(text('Blåbær er 🫐 '), { candidate: { groundingMetadata: {} } }), event(text('blå. Øl er godt.')),
    event(text(''), { ...STOP, candidate: { groundingMetadata: grounding } })],
  'a program': [
    event([{ executableCode: { language: 'PYTHON', code: 'print("ø")\n', id: 'c1' } }]),
    event([{ codeExecutionResult: { outcome: 'OUTCOME_OK', output: 'ø\n', id: 'c1' } }]), event(text('Es ist ø.'), STOP)],
};

/** The same as an answer in one piece. */
export function inOnePiece(events) {
  const last = events.at(-1);
  const parts = events.flatMap(({ candidates: [{ content }] }) => content?.parts ?? []);
  return { ...last, candidates: [{ ...last.candidates[0], content: { parts, role: 'model' } }] };
}
