// Reads a body as protobuf JSON does: both spellings of a name, null as nothing, and no name or value that is not foreseen.

import { googleError, invalidArgument, unknownField } from './google_errors.mjs';
import { ENUMS, isObject, LENIENT_ENUMS, MESSAGES, SCALARS, VERTEX_FIELDS } from './messages.mjs';

const TYPES = 'type.googleapis.com/google.ai.generativelanguage.v1beta.';

const camel = (name) => (name.startsWith('_') ? name : name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()));
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

class Refused extends Error {
  constructor(reply) {
    super(reply.error.message);
    this.reply = reply;
  }
}

function refuseValue(value, type, path) {
  const shown = JSON.stringify(value).slice(0, 100);
  throw new Refused(invalidArgument(`Invalid value at '${path}' (${type}), ${shown}`, path));
}

function readScalar(value, { name, fits, read }, path) {
  if (fits(value)) return read ? read(value) : value;
  if (name === 'TYPE_BYTES' && typeof value === 'string') {
    throw new Refused(invalidArgument(`Invalid value at '${path}' (TYPE_BYTES), Base64 decoding failed for "${value.slice(0, 40)}"`, path));
  }
  return refuseValue(value, name, path);
}

function readEnum(value, type, path) {
  if (typeof value === 'number') return value;
  const word = LENIENT_ENUMS.has(type) ? String(value).toUpperCase() : value;
  return ENUMS[type].has(word) ? word : refuseValue(value, `${TYPES}${type}`, path);
}

function readMessage(value, type, path, more) {
  if (!isObject(value)) refuseValue(value, `${TYPES}${type}`, path);
  const fields = { ...MESSAGES[type], ...more[type] };
  const found = {};
  for (const [given, member] of Object.entries(value)) {
    const name = camel(given);
    if (!Object.hasOwn(fields, name)) throw new Refused(unknownField(given, path));
    if (member !== null) found[name] = readValue(member, fields[name], path ? `${path}.${snake(name)}` : snake(name), more);
  }
  return found;
}

function readValue(value, type, path, more) {
  if (Array.isArray(type)) {
    // One object in place of a list of one is taken.
    return [value].flat().map((item, index) => readValue(item ?? {}, type[0], `${path}[${index}]`, more));
  }
  if (type.of) {
    if (!isObject(value)) refuseValue(value, 'map', path);
    return Object.fromEntries(Object.entries(value).map(([name, item], index) => (
      [name, readValue(item, type.of, `${path}[${index}].value`, more)])));
  }
  if (SCALARS[type]) return readScalar(value, SCALARS[type], path);
  if (ENUMS[type]) return readEnum(value, type, path);
  return readMessage(value, type, path, more);
}

function parse(text) {
  try {
    return JSON.parse(text || '{}');
  } catch {
    throw new Refused(googleError('INVALID_ARGUMENT', `Invalid JSON payload received. Unexpected token.\n${text.slice(0, 40)}\n^`));
  }
}

/** `{body}`: the message with camelCase names, or `{refusal}`. */
export function readRequest(bytes, type = 'GenerateContentRequest', { vertex = false } = {}) {
  try {
    return { body: readMessage(parse(bytes.toString('utf8')), type, '', vertex ? VERTEX_FIELDS : {}) };
  } catch (error) {
    if (error instanceof Refused) return { refusal: error.reply };
    throw error;
  }
}
