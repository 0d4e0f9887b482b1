// A request as a command for the shell. It never holds a token: that comes from the environment, $POLLUX_TOKEN.

const QUESTION = 'Say hello.';
const chat = (model, stream) => ({ model, messages: [{ role: 'user', content: QUESTION }], ...(stream ? { stream: true } : {}) });
const contents = { contents: [{ role: 'user', parts: [{ text: QUESTION }] }] };

// A body that the endpoint takes, for requests whose own was not kept.
const SAMPLES = {
  gemini: {
    generate: () => contents,
    stream: () => contents,
    count_tokens: () => contents,
    embed: () => ({ content: { parts: [{ text: QUESTION }] } }),
  },
  openai: {
    chat: chat,
    completions: (model) => ({ model, prompt: QUESTION }),
    embeddings: (model) => ({ model, input: QUESTION }),
    images: (model) => ({ model, prompt: 'A small red house.' }),
    speech: (model) => ({ model, input: QUESTION, voice: 'alloy' }),
  },
};

// Where one command serves the dialects' own names for the same: what Pollux calls the endpoint comes from the route.
const ALSO_CALLED = { generate: 'chat', stream: 'chat', embed: 'embeddings' };

const FORMS = { transcriptions: 'speech.wav', translations: 'speech.wav', image_edits: 'picture.png' };

const AUTHORIZATION = {
  gemini: ['x-goog-api-key: $POLLUX_TOKEN'],
  openai: ['Authorization: Bearer $POLLUX_TOKEN'],
  anthropic: ['x-api-key: $POLLUX_TOKEN', 'anthropic-version: 2023-06-01'],
};

export const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// The body as it was if it is whole, else a sample; null where none is sent.
export function bodyOf(request) {
  if (request.method === 'GET' || request.method === 'DELETE') return null;
  if (request.request_body && isJson(request.request_body)) return request.request_body;
  const samples = SAMPLES[request.dialect] ?? {};
  const sample = samples[request.endpoint] ?? samples[ALSO_CALLED[request.endpoint]];
  return sample ? JSON.stringify(sample(request.model, request.streamed)) : null;
}

function formOf(request) {
  const file = FORMS[request.endpoint];
  const name = request.endpoint === 'image_edits' ? 'image' : 'file';
  return file ? [`-F model=${shellQuoted(request.model || 'gemini-3.5-flash-lite')}`, `-F ${name}=@${file}`] : [];
}

// The log keeps the path alone. Without alt=sse Google streams one long JSON array.
const queryOf = (request) => (request.dialect === 'gemini' && /:stream/.test(request.path) ? '?alt=sse' : '');

export function curlOf(request, origin) {
  const body = bodyOf(request);
  const parts = [`curl ${request.streamed ? '-N ' : ''}${shellQuoted(origin + request.path + queryOf(request))}`];
  if (request.method !== 'GET' && !(request.method === 'POST' && body)) parts.push(`-X ${request.method}`);
  for (const header of AUTHORIZATION[request.dialect] ?? AUTHORIZATION.openai) parts.push(`-H "${header}"`);
  if (body) parts.push(`-H 'content-type: application/json'`, `-d ${shellQuoted(body)}`);
  else parts.push(...formOf(request));
  return parts.join(' \\\n  ');
}
