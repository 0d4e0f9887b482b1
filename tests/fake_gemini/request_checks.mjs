// What Gemini refuses about a generation request before any model thinks about it.

import { abilitiesOf } from './abilities.mjs';
import { capabilityRefusal } from './capability_checks.mjs';
import { googleError, invalidArgument } from './google_errors.mjs';
import { judgeSignatures } from './signatures.mjs';

const SUBJECT = 'GenerateContentRequest';
const MEDIA = new RegExp(`^(?:${[
  'image/(?:png|jpeg|webp|heic|heif)', 'audio/(?:wav|mp3|mpeg|aiff|aac|ogg|flac|m4a|mp4|opus|webm)', 'audio/(?:L16|pcm).*', 'video/.+',
  'application/(?:pdf|json|rtf|xml|x-javascript|x-python)', 'text/.+',
].join('|')})$`);
const DATA = ['text', 'inlineData', 'fileData', 'functionCall', 'functionResponse', 'executableCode', 'codeExecutionResult', 'toolCall',
  'toolResponse', 'audioTranscription'];

const plain = (message) => googleError('INVALID_ARGUMENT', message);
const about = (path, message) => invalidArgument(`* ${SUBJECT}.${path}: ${message}\n`, path);

function blobRefusal({ mimeType = '', data }, path, abilities) {
  if (!data) return about(`${path}.data`, 'must not be empty.');
  if (!MEDIA.test(mimeType)) return plain(`Unsupported MIME type: ${mimeType}`);
  return /^audio\//.test(mimeType) && !abilities.audioInput ? plain('Audio input modality is not enabled for this model') : undefined;
}

function partRefusal(part, path, abilities) {
  const found = DATA.filter((name) => part[name] !== undefined);
  // The empty text that carries a stream's signature is replayed as it came.
  const isEmptyText = part.text === '' && !part.thoughtSignature && abilities.generation >= 3;
  if (!found.length || isEmptyText) return about(`${path}.data`, 'required oneof field \'data\' must have one initialized field');
  if (found.length > 1) return invalidArgument(`Invalid value at '${path}' (oneof), oneof field 'data' is already set.`, path);
  const { inlineData, functionCall: call, functionResponse: response } = part;
  if (inlineData) return blobRefusal(inlineData, `${path}.inline_data`, abilities);
  if (call && !call.name) return about(`${path}.function_call.name`, 'Name cannot be empty.');
  if (response && !response.name) return about(`${path}.function_response.name`, 'Name cannot be empty.');
  return response && abilities.functionIds && !response.id ? plain('Request contains an invalid argument.') : undefined;
}

const callsOf = (content) => content?.parts.filter((part) => part.functionCall) ?? [];
const resultsOf = (content) => content?.parts.filter((part) => part.functionResponse) ?? [];

/** All results of a model's turn stand in the next single content, as many as there were calls. */
function orderRefusal(contents) {
  for (const [index, content] of contents.entries()) {
    const calls = content.role === 'model' ? callsOf(content).length : 0;
    const before = contents[index - 1];
    if (calls && (!before || before.role === 'model')) {
      return plain('Please ensure that function call turn comes immediately after a user turn or after a function response turn.');
    }
    const results = resultsOf(content).length;
    const asked = before?.role === 'model' ? callsOf(before).length : 0;
    if (results && !asked) return plain('Please ensure that function response turn comes immediately after a function call turn.');
    if (asked !== results) {
      return plain('Please ensure that the number of function response parts is equal to the number of function call parts of the '
        + 'function call turn.');
    }
  }
  return callsOf(contents.at(-1)).length && contents.at(-1).role === 'model'
    ? plain('Please ensure that the number of function response parts is equal to the number of function call parts of the '
      + 'function call turn.') : undefined;
}

function contentsRefusal(contents, abilities, { roleRequired }) {
  if (!contents?.length) return invalidArgument('* GenerateContentRequest.contents: contents is not specified\n', 'contents');
  for (const [index, { role, parts }] of contents.entries()) {
    if (!parts?.length) return invalidArgument('* GenerateContentRequest.contents.parts: contents.parts must not be empty.\n', 'contents.parts');
    if (roleRequired ? !role : role && !['user', 'model', 'function'].includes(role)) return plain('Please use a valid role: user, model.');
    for (const [at, part] of parts.entries()) {
      const refusal = partRefusal(part, `contents[${index}].parts[${at}]`, abilities);
      if (refusal) return refusal;
    }
  }
  const turns = orderRefusal(contents);
  if (turns) return turns;
  if (!abilities.modelTurnLast && contents.at(-1).role === 'model') return plain('Requests ending with a model turn are not supported.');
  return undefined;
}

const outside = (value, least, most) => value !== undefined && !(value >= least && value <= most);

function configRefusal(config) {
  const at = (name, message) => about(`generation_config.${name}`, `${name} ${message}`);
  if (outside(config.temperature, 0, 2)) return at('temperature', 'must be in the range [0.0, 2.0].');
  if (outside(config.topP, 0, 1)) return at('top_p', 'must be in the range [0.0, 1.0].');
  if (outside(config.maxOutputTokens, 1, Infinity)) return at('max_output_tokens', 'must be positive.');
  if (config.stopSequences?.length > 5) return at('stop_sequences', 'must not hold more than 5.');
  if (config.stopSequences?.includes('')) return at('stop_sequences', 'must not hold empty ones.');
  const schemas = [config.responseSchema, config.responseJsonSchema, config._responseJsonSchema].filter(Boolean);
  if (schemas.length > 1) return plain('Only one of response_schema and response_json_schema may be set.');
  const type = config.responseMimeType;
  if (type && !['text/plain', 'application/json', 'text/x.enum'].includes(type)) {
    return about('generation_config.response_mime_type', 'allowed mimetypes are `text/plain`, `application/json` and `text/x.enum`.');
  }
  if (schemas.length && !['application/json', 'text/x.enum'].includes(type)) {
    return about('generation_config.response_schema', 'only allowed when response_mime_type is "application/json" or "text/x.enum".');
  }
  return hasConst(config.responseJsonSchema ?? config._responseJsonSchema)
    ? plain('Request contains an invalid argument.') : undefined;
}

/** `const` is the one word of JSON Schema that structured output does not know; a property may have that name. */
function hasConst(schema, areProperties = false) {
  if (schema === null || typeof schema !== 'object') return false;
  if (!areProperties && !Array.isArray(schema) && Object.hasOwn(schema, 'const')) return true;
  return Object.entries(schema).some(([name, member]) => hasConst(member, !areProperties && ['properties', '$defs', 'definitions'].includes(name)));
}

function safetyRefusal(settings = []) {
  const categories = settings.map(({ category }) => category);
  return new Set(categories).size < categories.length
    ? about('safety_settings', 'element predicate failed: $.category is unique.') : undefined;
}

/** The refusal of a request that breaks a rule, or nothing. */
export function checkRequest(body, model, { vertex = false } = {}) {
  const abilities = abilitiesOf(model);
  const { systemInstruction: instructions, generationConfig: config = {} } = body;
  if (instructions && !instructions.parts?.length) return about('system_instruction.parts', 'must not be empty.');
  if (body.cachedContent && (instructions || body.tools || body.toolConfig)) {
    return plain('CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.');
  }
  return contentsRefusal(body.contents, abilities, { roleRequired: vertex })
    ?? configRefusal(config)
    ?? safetyRefusal(body.safetySettings)
    ?? capabilityRefusal(body, abilities, model)
    ?? judgeSignatures(body.contents, abilities);
}
