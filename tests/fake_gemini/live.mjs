// The Live API: a session over a WebSocket that repeats what it is told.
//
// Words in what the client says steer it: `[close=1011 the reason]`, `[ping]`, `[cut]`, `[chars=1000000]`.

import { credentialsOf } from './accounts.mjs';
import { catalogueReply } from './catalogue.mjs';
import { composeReply } from './delivery.mjs';
import { htmlNotFound } from './google_errors.mjs';
import { WebSocket } from './websocket.mjs';

const PATH = /^\/ws\/google\.ai\.generativelanguage\.(?<version>v1beta|v1alpha|v1)\.GenerativeService\.Bidi\w+$/;

/** Answers in HTTP's own words: the client stays without a session. */
function refuse(call, socket, reply) {
  const { status, headers, body } = composeReply(call, reply);
  const lines = [...headers, ['Content-Length', body.length], ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`);
  call.entry.status = status;
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Fake\r\n${lines.join('')}\r\n`), body]));
}

/** What goes wrong with the handshake, by rule or by key; undefined if nothing does. */
function refusalOf(call) {
  const { world, entry, path, credentials } = call;
  const action = world.rules.take(entry, '');
  entry.action = action;
  if (action?.row) return catalogueReply(action.row, { key: entry.key, version: call.version });
  if (action?.answer) return { text: action.answer.body, ...action.answer };
  if (action?.fault) return action;
  if (!PATH.test(path)) return htmlNotFound(path);
  return world.accounts.identify(credentials).refusal;
}

const textOf = (content) => (content?.parts ?? []).map((part) => part.text ?? '').join('');

function setUp(call, socket, { model = '' }) {
  const id = model.replace(/^models\//, '');
  call.entry.model = id;
  if (call.world.models.find(id)) return socket.send({ setupComplete: {} });
  return socket.close(1008, `models/${id} is not found for API version ${call.version}, or is not supported for bidiGenerateContent.`);
}

function say(socket, text) {
  const wish = text.match(/\[close=(\d+) ?([^\]]*)\]/);
  if (wish) return socket.close(Number(wish[1]), wish[2]);
  if (text.includes('[cut]')) return socket.cut();
  if (text.includes('[ping]')) return socket.ping('are you there?');
  const chars = Number(text.match(/\[chars=(\d+)\]/)?.[1] ?? 0);
  const answer = chars ? 'x'.repeat(chars) : `You said: ${text}`;
  socket.send({ serverContent: { modelTurn: { role: 'model', parts: [{ text: answer }] } } });
  socket.send({ serverContent: { generationComplete: true } });
  return socket.send({ serverContent: { turnComplete: true }, usageMetadata: { totalTokenCount: 1 } });
}

function understand(call, socket, text) {
  const { live } = call.entry;
  live.messages += 1;
  live.characters += text.length;
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return socket.close(1007, 'Invalid JSON payload received. Unexpected token.');
  }
  if (live.messages === 1) {
    if (!message.setup) return socket.close(1007, 'setup must be the first message and only the first');
    return setUp(call, socket, message.setup);
  }
  if (message.clientContent) return say(socket, textOf(message.clientContent.turns?.at(-1)));
  if (message.realtimeInput?.text) return say(socket, message.realtimeInput.text);
  return undefined;
}

function open(call, req, socket, head) {
  const { entry } = call;
  entry.status = 101;
  const session = new WebSocket(req, socket, head, {
    message: (text) => understand(call, session, text),
    pong: (text) => { entry.live.pong = text; },
    close: (said) => { entry.live.closed = said; },
    gone: () => {
      entry.live.open = false;
      entry.finished = Boolean(entry.live.closed);
      entry.client_aborted = !entry.live.closed;
    },
  });
}

/** A request for another protocol. The journal's entry has `live: {open, messages, characters, closed, pong}`. */
export function openLive(world, req, socket, head, connection) {
  const [path, search = ''] = req.url.split('?');
  const query = new URLSearchParams(search);
  const credentials = credentialsOf(req.rawHeaders, query);
  const entry = world.journal.begin(req, connection, { key: credentials[0]?.value ?? null, credentials, model: null });
  const call = { world, req, path, credentials, entry, options: world.options, startedAt: Date.now(), version: path.match(PATH)?.groups.version };
  socket.on('error', () => {});
  const refusal = refusalOf(call);
  if (refusal?.fault === 'hang') return socket.resume();
  if (refusal?.fault) return socket.destroy();
  if (refusal) return refuse(call, socket, refusal);
  entry.live = { open: true, messages: 0, characters: 0 };
  return open(call, req, socket, head);
}
