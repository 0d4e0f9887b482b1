// The models that the fake knows, listed as Google lists them.

import { modelNotFound } from './google_errors.mjs';

const TEXT_METHODS = ['generateContent', 'countTokens', 'createCachedContent', 'batchGenerateContent'];
const EMBED_METHODS = ['embedContent', 'countTextTokens', 'countTokens', 'asyncBatchEmbedContent'];

function textModel(id, { thinking = true, version = id.replace('gemini-', '') } = {}) {
  const displayName = id.split('-').map((word) => word[0].toUpperCase() + word.slice(1)).join(' ');
  return {
    name: `models/${id}`, version, displayName, description: displayName,
    inputTokenLimit: 1048576, outputTokenLimit: 65536, supportedGenerationMethods: TEXT_METHODS,
    temperature: 1, topP: 0.95, topK: 64, maxTemperature: 2, ...(thinking && { thinking }),
  };
}

function otherModel(id, methods, limits = {}) {
  return { ...textModel(id, { thinking: false }), inputTokenLimit: 2048, outputTokenLimit: 1, ...limits, supportedGenerationMethods: methods };
}

const DEFAULT_MODELS = [
  ...['gemini-2.5-pro', 'gemini-2.5-flash', 'gemini-2.5-flash-lite', 'gemini-3-flash-preview', 'gemini-3.1-pro-preview',
    'gemini-3.1-flash-lite', 'gemini-3.5-flash', 'gemini-3.5-flash-lite', 'gemini-3.6-flash', 'gemini-3.7-flash',
    'gemini-3.8-flash', 'gemini-flash-latest', 'gemini-pro-latest', 'gemini-4-argon'].map((id) => textModel(id)),
  ...['gemini-3-pro-image', 'gemini-3.1-flash-image', 'gemma-4-31b-it'].map((id) => textModel(id, { thinking: false })),
  otherModel('gemini-embedding-001', EMBED_METHODS),
  otherModel('gemini-embedding-2', EMBED_METHODS),
  otherModel('imagen-4.0-generate-001', ['predict']),
  otherModel('veo-3.1-generate-preview', ['predictLongRunning']),
  otherModel('veo-3.1-fast-generate-preview', ['predictLongRunning']),
];

export class Models {
  #all;

  constructor(extraIds = []) {
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
    return { json: page([...this.#all.values()], 'models', query, { fallback: 50, most: 1000 }) };
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
