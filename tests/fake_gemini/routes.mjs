// Which path means what.

import { chatCompletions, openaiEmbeddings, openaiModels } from './openai_prefix.mjs';
import { embedBatch, embedOne } from './embeddings.mjs';
import { promptTokens, streamedAnswer, think, wholeAnswer } from './generation.mjs';
import { modelNotFound } from './google_errors.mjs';
import { cancelInteraction, createInteraction } from './interactions.mjs';
import { checkRequest } from './request_checks.mjs';
import { readRequest } from './request_reader.mjs';
import {
  cancel, createBatch, createCache, createNamed, deleteResource, download, getResource, listResources, lookAtOperation,
  patchResource, startStoreOperation, startVideo,
} from './resources.mjs';
import { beginUpload, continueUpload } from './uploads.mjs';

const V = '/(?<version>v1beta1|v1beta|v1alpha|v1)';
const MODEL = `${V}/(?:models|tunedModels|dynamic)/(?<model>[^/:]+)`;
const EXPRESS = `${V}/publishers/google/models/(?<model>[^/:]+)`;
const KINDS = 'files|cachedContents|batches|tunedModels|fileSearchStores|corpora|generatedFiles|agents|environments|webhooks|interactions|triggers|voices|credentials';

/** A method of a model that is there and has it: reads the body, then asks `answer`. */
function ofModel(method, type, answer, { vertex = false } = {}) {
  return (call) => {
    const model = call.world.models.find(call.params.model);
    if (!model?.supportedGenerationMethods.includes(method)) return modelNotFound(call.params.model, call.version, method);
    const { body, refusal } = readRequest(call.body, type, { vertex });
    return refusal ?? answer(body, { call, model, vertex });
  };
}

const generation = (deliver, facts) => ofModel('generateContent', 'GenerateContentRequest', (body, { call, model, vertex }) => (
  checkRequest(body, call.params.model, { vertex })
    ?? call.takeQuota(promptTokens(body))
    ?? deliver(think(body, model, { vertex }))), facts);

const whole = (idea) => ({ json: wholeAnswer(idea) });
const streamed = (idea) => ({ events: streamedAnswer(idea), pauseMs: idea.pauseMs });

const countTokens = (facts) => ofModel('countTokens', facts?.vertex ? 'VertexRequest' : 'CountTokensRequest', (body) => {
  const totalTokens = promptTokens(body.generateContentRequest ?? body);
  return { json: { totalTokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: totalTokens }] } };
}, facts);

const embedding = (make, type) => ofModel('embedContent', type, (body, { call }) => (
  call.takeQuota(1, true) ?? make(body, call.params.model)));

function predict({ json }) {
  const count = json.parameters?.sampleCount ?? 1;
  return { json: { predictions: Array.from({ length: count }, () => ({ mimeType: 'image/png', bytesBase64Encoded: 'iVBORw0KGgo=' })) } };
}

const route = (method, pattern, handler, facts = {}) => ({ method, pattern: new RegExp(`^${pattern}$`), handler, ...facts });
const GENERATES = { generation: true };
const STREAMS = { generation: true, streaming: true };
const OPENAI = { form: 'openai', bearer: true };

const NATIVE = [
  route('GET', `${V}/models`, (call) => call.world.models.list(call)),
  route('GET', `${V}/models/(?<id>[^/:]+)`, ({ world, params, version }) => world.models.get({ id: params.id, version })),
  route('POST', `${MODEL}:generateContent`, generation(whole), GENERATES),
  route('POST', `${MODEL}:streamGenerateContent`, generation(streamed), STREAMS),
  route('POST', `${EXPRESS}:generateContent`, generation(whole, { vertex: true }), GENERATES),
  route('POST', `${EXPRESS}:streamGenerateContent`, generation(streamed, { vertex: true }), STREAMS),
  route('POST', `${MODEL}:countTokens`, countTokens()),
  route('POST', `${EXPRESS}:countTokens`, countTokens({ vertex: true })),
  route('POST', `${MODEL}:embedContent`, embedding(embedOne, 'EmbedContentRequest')),
  route('POST', `${MODEL}:batchEmbedContents`, embedding(embedBatch, 'BatchEmbedContentsRequest')),
  route('POST', `${MODEL}:predict`, predict),
  route('POST', `${MODEL}:predictLongRunning`, startVideo),
  route('GET', `${V}/(?<name>models/[^/]+/operations/[^/]+)`, lookAtOperation),
  route('POST', `${MODEL}:(?:batchGenerateContent|asyncBatchEmbedContent)`, createBatch),
  route('POST', `${MODEL}:generateAnswer`, () => ({ json: { answer: { content: { parts: [{ text: 'An answer.' }] } } } })),
];

const UPLOADS = [
  route('POST', `/upload${V}/files`, beginUpload, { upload: true }),
  route('POST', `/upload${V}/(?<store>fileSearchStores/[^/:]+):uploadToFileSearchStore`, beginUpload, { upload: true }),
];

const OF_A_PROJECT = [
  route('GET', `(?:/download)?${V}/(?<name>files/[^/:]+):download`, download),
  route('POST', `${V}/files`, ({ world, account, version, json }) => (
    { json: { file: world.resources.add(account.project, json.file?.name ?? `files/${Date.now().toString(36)}`,
      { ...json.file, uri: `https://generativelanguage.googleapis.com/${version}/files/x`, state: 'ACTIVE' }) } })),
  route('POST', `${V}/cachedContents`, createCache),
  route('POST', `${V}/interactions`, createInteraction),
  route('POST', `${V}/(?<name>interactions/[^/:]+)/cancel`, cancelInteraction),
  route('POST', `${V}/(?<name>(?:batches|operations)/[^/:]+):cancel`, cancel),
  route('POST', `${V}/(?<name>fileSearchStores/[^/:]+):(?:importFile|uploadToFileSearchStore)`, startStoreOperation),
  route('POST', '/v1alpha/auth_tokens', () => ({ json: { name: `auth_tokens/${Date.now().toString(16)}` } })),
  route('POST', `${V}/decisions`, () => ({ json: { decisions: [] } })),
  route('GET', `${V}/(?<kind>${KINDS})`, listResources),
  route('POST', `${V}/(?<kind>${KINDS})`, createNamed),
  route('GET', `${V}/(?<name>(?:${KINDS})/.+)`, getResource),
  route('PATCH', `${V}/(?<name>(?:${KINDS})/[^/:]+)`, patchResource),
  route('DELETE', `${V}/(?<name>(?:${KINDS})/[^/:]+)`, deleteResource),
];

const OPENAI_PREFIX = [
  route('POST', '/v1beta/openai/chat/completions', chatCompletions, { ...OPENAI, generation: true }),
  route('POST', '/v1beta/openai/embeddings', openaiEmbeddings, OPENAI),
  route('GET', '/v1beta/openai/models(?:/(?<id>.+))?', openaiModels, OPENAI),
];

const ALL = [...NATIVE, ...UPLOADS, ...OF_A_PROJECT, ...OPENAI_PREFIX];

/** The route of a request with the parameters of its path, or nothing: Google's front end answers those. */
export function findRoute(method, path, query) {
  if (path.startsWith('/upload/') && query.has('upload_id') && ['POST', 'PUT'].includes(method)) {
    return { handler: continueUpload, params: {}, version: path.split('/')[2], open: true, upload: true };
  }
  for (const one of ALL) {
    const found = (one.method === method || (one.method === 'GET' && method === 'HEAD')) && one.pattern.exec(path);
    if (found) return { ...one, ...readParams(found.groups ?? {}) };
  }
  return undefined;
}

// "%zz" stays as it is: what a client sends must not end the fake.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readParams(groups) {
  const params = {};
  for (const [name, value] of Object.entries(groups)) {
    if (value !== undefined) params[name] = decoded(value);
  }
  return { params, version: params.version ?? 'v1beta' };
}
