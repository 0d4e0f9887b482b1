// The models that the fake knows, listed as Google lists them.

import { abilitiesOf } from './abilities.mjs';
import { modelNotFound } from './google_errors.mjs';

const TEXT_METHODS = ['generateContent', 'countTokens', 'createCachedContent', 'batchGenerateContent'];
const MEDIA_METHODS = ['generateContent', 'countTokens', 'batchGenerateContent'];
const EMBED_METHODS = ['embedContent', 'countTextTokens', 'countTokens', 'asyncBatchEmbedContent'];

function textModel(id) {
  const displayName = id.split('-').map((word) => word[0].toUpperCase() + word.slice(1)).join(' ');
  const { thinking } = abilitiesOf(id);
  return {
    name: `models/${id}`, version: id.replace('gemini-', ''), displayName, description: displayName,
    inputTokenLimit: 1048576, outputTokenLimit: 65536, supportedGenerationMethods: TEXT_METHODS,
    temperature: 1, topP: 0.95, topK: 64, maxTemperature: 2, ...(thinking && { thinking: true }),
  };
}

function otherModel(id, methods, limits = {}) {
  return { ...textModel(id), thinking: undefined, inputTokenLimit: 2048, outputTokenLimit: 1, ...limits, supportedGenerationMethods: methods };
}

/** What these models do beside text is not in the list: it stands beside the facts that are. */
function imageModel(id, mimeType) {
  return hidden({ ...textModel(id), inputTokenLimit: 65536, outputTokenLimit: 32768, supportedGenerationMethods: MEDIA_METHODS },
    { pictures: mimeType });
}

function speechModel(id) {
  return hidden(otherModel(id, MEDIA_METHODS, { inputTokenLimit: 8192, outputTokenLimit: 16384 }), { speaks: true });
}

function hidden(model, facts) {
  for (const [name, value] of Object.entries(facts)) Object.defineProperty(model, name, { value });
  return model;
}

const DEFAULT_MODELS = [
  ...['gemini-2.5-pro', 'gemini-2.5-flash', 'gemini-2.5-flash-lite', 'gemini-3-flash-preview', 'gemini-3.1-pro-preview',
    'gemini-3.1-flash-lite', 'gemini-3.5-flash', 'gemini-3.5-flash-lite', 'gemini-3.6-flash', 'gemini-3.7-flash',
    'gemini-3.8-flash', 'gemini-flash-latest', 'gemini-flash-lite-latest', 'gemini-pro-latest', 'gemini-4-argon',
    'gemma-3-27b-it', 'gemma-4-31b-it'].map((id) => textModel(id)),
  imageModel('gemini-3-pro-image', 'image/png'),
  imageModel('gemini-3.1-flash-image', 'image/jpeg'),
  imageModel('gemini-3.1-flash-lite-image', 'image/jpeg'),
  speechModel('gemini-3.1-flash-tts-preview'),
  otherModel('gemini-embedding-001', EMBED_METHODS),
  otherModel('gemini-embedding-2', EMBED_METHODS),
  otherModel('imagen-4.0-generate-001', ['predict']),
  otherModel('veo-3.1-generate-preview', ['predictLongRunning']),
  otherModel('veo-3.1-fast-generate-preview', ['predictLongRunning']),
];

export class Models {
  #all;
  #mostOnPage;

  /** `mostOnPage` cuts pages shorter than a client asks for, as a server may. */
  constructor(extraIds = [], mostOnPage = 1000) {
    this.#mostOnPage = mostOnPage;
    this.#all = new Map([...DEFAULT_MODELS, ...extraIds.map((id) => textModel(id))].map((one) => [one.name.slice('models/'.length), one]));
  }

  find(id) {
    return this.#all.get(id);
  }

  ids() {
    return [...this.#all.keys()];
  }

  get({ id, version }) {
    return this.#all.has(id)
      ? { json: this.#all.get(id) }
      : { ...modelNotFound(id, version, 'generateContent'), error: { ...modelNotFound(id, version, 'generateContent').error,
        message: `Model is not found: models/${id} for api version ${version}` } };
  }

  list({ query }) {
    return { json: page([...this.#all.values()], 'models', query, { fallback: 50, most: this.#mostOnPage }) };
  }
}

/** One page of a list, with the token of the next; an empty list is `{}`, as protobuf JSON leaves it out. */
export function page(all, name, query, { fallback = 10, most = 100 } = {}) {
  const size = Math.min(Number(query.get('pageSize') ?? query.get('page_size')) || fallback, most);
  const token = query.get('pageToken') ?? query.get('page_token');
  const start = token ? Number(Buffer.from(token, 'base64url').toString().slice('offset:'.length)) || 0 : 0;
  const answer = {};
  const items = all.slice(start, start + size);
  if (items.length) answer[name] = items;
  if (start + size < all.length) answer.nextPageToken = Buffer.from(`offset:${start + size}`).toString('base64url');
  return answer;
}
