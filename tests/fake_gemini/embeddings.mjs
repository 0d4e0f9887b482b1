// Vectors that depend on the text alone, so that equal texts are equal.

import { createHash } from 'node:crypto';

import { catalogueReply } from './catalogue.mjs';
import { tokensOf } from './generation.mjs';
import { camelKeys } from './request_checks.mjs';

const textOf = (content) => (content?.parts ?? []).map((part) => part.text ?? '').join('');

export function vectorOf(text, dimensions = 3072) {
  const seed = createHash('sha256').update(text).digest();
  return Array.from({ length: dimensions }, (_, i) => Number((((seed[i % 32] * (i + 1)) % 255) / 255 - 0.5).toFixed(6)));
}

export function embedOne(body) {
  const text = textOf(body.content);
  return {
    json: {
      embedding: { values: vectorOf(text, body.outputDimensionality ?? body.output_dimensionality) },
      usageMetadata: { promptTokenCount: tokensOf(text) },
    },
  };
}

export function embedBatch(body) {
  const requests = (body.requests ?? []).map(camelKeys);
  if (!requests.length || requests.length > 100 || requests.some(({ model }) => !model)) return catalogueReply('invalid_argument');
  return { json: { embeddings: requests.map((one) => ({ values: vectorOf(textOf(one.content), one.outputDimensionality) })) } };
}
