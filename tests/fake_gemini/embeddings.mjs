// Vectors that depend on the text alone, so that equal texts are equal.

import { createHash } from 'node:crypto';

import { googleError, invalidArgument } from './google_errors.mjs';
import { tokensOf } from './generation.mjs';
import { textIn } from './wishes.mjs';

const MOST_AT_ONCE = 100;
const WHOLE = 3072;

export function vectorOf(text, dimensions = WHOLE) {
  const seed = createHash('sha256').update(text).digest();
  return Array.from({ length: dimensions }, (_, i) => Number((((seed[i % 32] * (i + 1)) % 255) / 255 - 0.5).toFixed(6)));
}

function refusalOf({ content, outputDimensionality: dimensions }) {
  if (!content?.parts?.length) return invalidArgument('* EmbedContentRequest.content: contents is not specified\n', 'content');
  if (content.parts.some((part) => part.text === '')) return googleError('INVALID_ARGUMENT', 'The text content is empty.');
  if (dimensions !== undefined && !(dimensions >= 1 && dimensions <= WHOLE)) {
    return googleError('INVALID_ARGUMENT', `outputDimensionality must be between 1 and ${WHOLE}.`);
  }
  return undefined;
}

const embed = ({ content, outputDimensionality }) => ({ values: vectorOf(textIn(content), outputDimensionality) });

export function embedOne(body) {
  const usageMetadata = { promptTokenCount: tokensOf(textIn(body.content)) };
  return refusalOf(body) ?? { json: { embedding: embed(body), usageMetadata } };
}

export function embedBatch({ requests = [] }, model) {
  const about = (message) => invalidArgument(`* BatchEmbedContentsRequest.requests${message}\n`, 'requests');
  if (!requests.length) return about(': must not be empty');
  if (requests.length > MOST_AT_ONCE) return about(`: at most ${MOST_AT_ONCE} requests can be in one batch`);
  const stray = requests.findIndex((one) => one.model !== `models/${model}`);
  if (stray >= 0) return about(`[${stray}].model: must be the model of the batch, models/${model}`);
  return requests.map(refusalOf).find(Boolean) ?? { json: { embeddings: requests.map(embed) } };
}
