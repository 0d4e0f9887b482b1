// Thought signatures: opaque to everybody but the model that made them.

import { createHash, randomBytes } from 'node:crypto';

import { googleError } from './google_errors.mjs';

/** These words in place of a signature switch its check off. */
const SENTINELS = ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go'];
const SENTINEL_BYTES = SENTINELS.map((word) => Buffer.from(word).toString('base64'));

const NONCE_BYTES = 57;
const seal = (nonce) => createHash('sha256').update('signature').update(nonce).digest();
// What signatures of Gemini 3 begin with ("E"), and those of 2.5 ("C").
const leadOf = (generation) => (generation >= 3 ? 0x12 : 0x0a);

export function sign({ generation }) {
  const nonce = randomBytes(NONCE_BYTES);
  return Buffer.concat([Buffer.from([leadOf(generation)]), nonce, seal(nonce)]).toString('base64');
}

/** Whether a model of this generation made it. */
function isGenuine(signature, { generation }) {
  const bytes = Buffer.from(signature, 'base64');
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
  return bytes[0] === leadOf(generation) && bytes.subarray(1 + NONCE_BYTES).equals(seal(nonce));
}

const isSentinel = (signature) => [...SENTINELS, ...SENTINEL_BYTES].includes(signature);

export function missingSignature(name = 'get_weather', position = 2) {
  return googleError('INVALID_ARGUMENT', 'Function call is missing a thought_signature in functionCall parts. This is required '
    + 'for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, '
    + `function call \`default_api:${name}\` , position ${position}. Please refer to `
    + 'https://ai.google.dev/gemini-api/docs/thought-signatures for more details.');
}

function missingOnPicture(position, part) {
  return googleError('INVALID_ARGUMENT', `Image part is missing a thought_signature in content position ${position}, part `
    + `position ${part}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`);
}

const isRealUser = (content) => content.role !== 'model'
  && content.parts.some((part) => part.text !== undefined || !part.functionResponse);

/** In the current turn, the first call of each model step must carry its signature. */
function unsignedCall(contents) {
  const begins = contents.findLastIndex(isRealUser) + 1;
  for (const [index, content] of contents.slice(begins).entries()) {
    const first = content.role === 'model' && content.parts.find((part) => part.functionCall);
    if (first && !first.thoughtSignature) return missingSignature(first.functionCall.name, begins + index + 1);
  }
  return undefined;
}

/** In the history of an image model, the first part of a model's turn and each of its pictures must. */
function unsignedPicture(contents) {
  for (const [index, { role, parts }] of contents.entries()) {
    const unsigned = role === 'model' && parts.some((part) => part.inlineData)
      ? parts.findIndex((part, at) => (at === 0 || part.inlineData) && !part.thoughtSignature) : -1;
    if (unsigned >= 0) return missingOnPicture(index + 1, unsigned + 1);
  }
  return undefined;
}

/** The refusal of a history whose signatures are missing or no model's, or nothing. */
export function judgeSignatures(contents, abilities) {
  if (!abilities.signatures) return undefined;
  const given = contents.flatMap((content) => content.parts.map((part) => part.thoughtSignature)).filter(Boolean);
  if (given.some((signature) => !isSentinel(signature) && !isGenuine(signature, abilities))) {
    return googleError('INVALID_ARGUMENT', 'Corrupted thought signature.');
  }
  return (abilities.signatures.calls ? unsignedCall(contents) : undefined)
    ?? (abilities.signatures.pictures ? unsignedPicture(contents) : undefined);
}
