// Ready lines to point a program at this server, with its address and a client's token in place.

// Where the API begins: the page's own address, which may stand behind a reverse proxy's path.
export function baseOf(location) {
  return location.origin + location.pathname.replace(/(index\.html)?$/, '').replace(/\/+$/, '');
}

/** Stands for a token that is not known. */
export const PLACEHOLDER = 'YOUR_TOKEN';

const MODEL = 'gemini-3.8-flash';

const SNIPPETS = {
  curl: (base, token) => `curl ${base}/v1beta/models/${MODEL}:generateContent \\
  -H "x-goog-api-key: ${token}" \\
  -H "content-type: application/json" \\
  -d '{"contents": [{"parts": [{"text": "Hello!"}]}]}'`,

  curl_openai: (base, token) => `curl ${base}/v1/chat/completions \\
  -H "Authorization: Bearer ${token}" \\
  -H "content-type: application/json" \\
  -d '{"model": "${MODEL}", "messages": [{"role": "user", "content": "Hello!"}]}'`,

  genai_js: (base, token) => `import { GoogleGenAI } from "@google/genai";

const ai = new GoogleGenAI({ apiKey: "${token}", httpOptions: { baseUrl: "${base}" } });
const answer = await ai.models.generateContent({ model: "${MODEL}", contents: "Hello!" });
console.log(answer.text);`,

  genai_python: (base, token) => `from google import genai

client = genai.Client(api_key="${token}", http_options={"base_url": "${base}"})
answer = client.models.generate_content(model="${MODEL}", contents="Hello!")
print(answer.text)`,

  openai_js: (base, token) => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}/v1", apiKey: "${token}" });
const answer = await client.chat.completions.create({ model: "${MODEL}", messages: [{ role: "user", content: "Hello!" }] });
console.log(answer.choices[0].message.content);`,

  openai_python: (base, token) => `from openai import OpenAI

client = OpenAI(base_url="${base}/v1", api_key="${token}")
answer = client.chat.completions.create(model="${MODEL}", messages=[{"role": "user", "content": "Hello!"}])
print(answer.choices[0].message.content)`,

  environment: (base, token) => `export GOOGLE_GEMINI_BASE_URL=${base}
export GEMINI_API_KEY=${token}
export OPENAI_BASE_URL=${base}/v1
export OPENAI_API_KEY=${token}`,
};

// Well-known tools: what they call the field, and the address that belongs into it.
const TOOLS = [
  { name: 'Cherry Studio', field: 'API Host', end: '' },
  { name: 'NextChat', field: 'Endpoint', end: '' },
  { name: 'Open WebUI', field: 'URL', end: '/v1' },
  { name: 'LobeChat', field: 'OpenAI Proxy URL', end: '/v1' },
  { name: 'SillyTavern', field: 'Custom Endpoint (Base URL)', end: '/v1' },
  { name: 'Cline, Roo Code', field: 'Base URL', end: '/v1' },
  { name: 'Continue', field: 'apiBase', end: '/v1' },
  { name: 'LibreChat', field: 'baseURL', end: '/v1' },
];

export const SNIPPET_NAMES = Object.keys(SNIPPETS);

export const snippetFor = (name, base, token) => SNIPPETS[name](base, token);

export const toolsFor = (base) => TOOLS.map(({ name, field, end }) => ({ name, field, address: base + end }));
