// What Gemini refuses about a generation request before any model sees it.

import { googleError, invalidArgument, unknownField } from './google_errors.mjs';
import { catalogueReply } from './catalogue.mjs';

const REQUEST_FIELDS = new Set(['contents', 'systemInstruction', 'tools', 'toolConfig', 'safetySettings', 'generationConfig',
  'cachedContent', 'serviceTier', 'store', 'labels', 'continuationToken', 'model', 'generateContentRequest']);
const CONFIG_FIELDS = new Set(['temperature', 'topP', 'topK', 'candidateCount', 'maxOutputTokens', 'stopSequences', 'seed',
  'presencePenalty', 'frequencyPenalty', 'responseMimeType', 'responseSchema', 'responseJsonSchema', '_responseJsonSchema',
  'responseFormat', 'responseLogprobs', 'logprobs', 'responseModalities', 'speechConfig', 'imageConfig', 'mediaResolution',
  'thinkingConfig', 'enableEnhancedCivicAnswers', 'audioTranscriptionConfig', 'translationConfig']);

/** Protobuf JSON reads both spellings; so do we, by turning snake_case to camelCase at the two levels that matter. */
export function camelKeys(object) {
  return Object.fromEntries(Object.entries(object ?? {}).map(([name, value]) => (
    [name.startsWith('_') ? name : name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), value])));
}

function readJson(text) {
  try {
    return { body: JSON.parse(text || '{}') };
  } catch {
    const message = `Invalid JSON payload received. Unexpected token.\n${text.slice(0, 40)}\n^`;
    return { refusal: googleError('INVALID_ARGUMENT', message) };
  }
}

/** `{body}` with camelCase names, or `{refusal}`. */
export function readRequest(bytes) {
  const { body: raw, refusal } = readJson(bytes.toString('utf8'));
  if (refusal) return { refusal };
  const body = camelKeys(raw);
  for (const name of Object.keys(body)) {
    if (!REQUEST_FIELDS.has(name)) return { refusal: unknownField(name, '') };
  }
  body.generationConfig = camelKeys(body.generationConfig);
  for (const name of Object.keys(body.generationConfig)) {
    if (!CONFIG_FIELDS.has(name)) return { refusal: unknownField(name, 'generation_config') };
  }
  return { body };
}

/** The refusal of a conversation that breaks a rule, or nothing. */
export function checkConversation(body, model, { roleRequired = false } = {}) {
  if (!body.contents?.length) {
    return invalidArgument('* GenerateContentRequest.contents: contents is not specified\n', 'contents');
  }
  if (body.contents.some((content) => !content.parts?.length)) {
    return invalidArgument('* GenerateContentRequest.contents.parts: contents.parts must not be empty.\n', 'contents.parts');
  }
  if (roleRequired && body.contents.some((content) => !content.role)) {
    return invalidArgument('Please use a valid role: user, model.');
  }
  const { temperature } = body.generationConfig;
  if (temperature < 0 || temperature > 2) {
    return invalidArgument('* GenerateContentRequest.generation_config.temperature: temperature must be in the range '
      + '[0.0, 2.0].\n', 'generation_config.temperature');
  }
  return /^gemini-[3-9]/.test(model) && lacksSignature(body.contents) ? catalogueReply('signature_missing') : undefined;
}

/** In the current turn, the first call of each model step must carry its signature. */
function lacksSignature(contents) {
  const isRealUser = (content) => content.role !== 'model' && content.parts.some((part) => part.text !== undefined);
  const turn = contents.slice(contents.findLastIndex(isRealUser) + 1);
  return turn.some((content) => {
    const firstCall = content.role === 'model' && content.parts.find((part) => part.functionCall ?? part.function_call);
    return firstCall && !(firstCall.thoughtSignature ?? firstCall.thought_signature);
  });
}
