// The ways in which an upstream goes wrong, each on command.
//
// An action is `{fault: NAME, ...}` or `{row: NAME}` (a catalogue entry) or `{answer: {status, headers, body}}` or
// `{stream: {events}}` or `{stream: {bytes, split}}`, with `delay_ms` before anything. Cuts take `how`: "fin" (an orderly end), "tls" (the connection ends below TLS, without
// its closing word) or "reset".

import { setTimeout as pause } from 'node:timers/promises';

import { catalogueReply } from './catalogue.mjs';
import { composeReply, EventWriter, pretty, sendPieces, sendStream, sendWhole } from './delivery.mjs';

const statusLine = (status) => `HTTP/1.1 ${status} Fake\r\n`;

function rawHead({ status, headers }, extra = []) {
  const lines = [...headers, ...extra].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${statusLine(status)}${lines.join('')}\r\n`;
}

/** Ends the connection under the answer. */
export function cut(exchange, how = 'fin') {
  const socket = exchange.req.socket;
  exchange.entry.cut = how;
  // A reset makes the receiver's system throw away what its program has not read yet: let it read first.
  if (how === 'reset') return setTimeout(() => (socket._parent ?? socket).resetAndDestroy(), exchange.entry.status ? 30 : 0);
  if (how === 'tls') return socket.destroy();
  socket.end();
  return setTimeout(() => socket.destroy(), 50).unref();
}

/** The reply in one piece, even where the request asked for a stream. */
function wholeOf(exchange, reply) {
  if (!reply.events) return composeReply(exchange, reply);
  return composeReply(exchange, { json: reply.events.at(-1) });
}

async function writeAndCut(exchange, text, how) {
  exchange.entry.status = 200;
  await new Promise((done) => { exchange.req.socket.write(text, done); });
  cut(exchange, how);
}

async function partOfStream(exchange, reply, { after = 1, mid_event: midEvent = false }) {
  const writer = new EventWriter(exchange);
  exchange.flushHead = true;
  writer.start();
  for (const event of reply.events.slice(0, after)) {
    await writer.event(event);
    await pause(reply.pauseMs ?? exchange.options.eventDelayMs);
  }
  if (midEvent) await writer.half(reply.events[after] ?? reply.events.at(-1));
  return writer;
}

async function errorInStream(exchange, reply, action) {
  const failed = { error: action.error ?? catalogueReply(action.row_in_stream ?? 'overloaded', exchange.context()).error };
  const writer = await partOfStream(exchange, reply, { after: action.after ?? 0 });
  if (action.bare) await writer.raw(pretty(failed));
  else await writer.event(failed);
  return writer.end();
}

async function dribble(exchange, reply, { bytes = 16, interval_ms: interval = 2 }) {
  const whole = wholeOf(exchange, reply);
  const all = Buffer.concat([Buffer.from(rawHead(whole, [['Content-Length', whole.body.length]])), whole.body]);
  const { socket } = exchange.req;
  exchange.entry.status = whole.status;
  for (let at = 0; at < all.length && !socket.destroyed; at += bytes) {
    socket.write(all.subarray(at, at + bytes));
    await pause(interval);
  }
  socket.end();
}

async function wrongLength(exchange, reply, difference) {
  const whole = wholeOf(exchange, reply);
  const head = rawHead(whole, [['Content-Length', whole.body.length + difference]]);
  exchange.req.socket.write(Buffer.concat([Buffer.from(head), whole.body]));
  exchange.entry.status = whole.status;
  if (difference > 0) setTimeout(() => cut(exchange), 20);
}

const FAULTS = {
  hang: () => {},
  reset: (exchange) => cut(exchange, 'reset'),
  cut_before_head: (exchange, reply, { how }) => cut(exchange, how),
  cut_in_head: (exchange, reply, { how }) => writeAndCut(exchange, `${statusLine(200)}Content-Type: application/js`, how),
  cut_in_body: (exchange, reply, { how }) => {
    const whole = wholeOf(exchange, reply);
    const half = whole.body.subarray(0, whole.body.length / 2);
    return writeAndCut(exchange, Buffer.concat([Buffer.from(rawHead(whole, [['Content-Length', whole.body.length]])), half]), how);
  },
  cut_in_stream: async (exchange, reply, action) => {
    if (!reply.events) return FAULTS.cut_in_body(exchange, reply, action);
    await partOfStream(exchange, reply, action);
    return cut(exchange, action.how);
  },
  stall_in_stream: (exchange, reply, action) => reply.events && partOfStream(exchange, reply, action),
  error_event: (exchange, reply, action) => (reply.events
    ? errorInStream(exchange, reply, action)
    : sendWhole(exchange, catalogueReply(action.row_in_stream ?? 'overloaded', exchange.context()))),
  empty: (exchange) => sendWhole(exchange, { bytes: Buffer.alloc(0) }),
  empty_json: (exchange) => sendWhole(exchange, { text: '{}\n' }),
  empty_stream: (exchange, reply) => sendStream(exchange, { ...reply, events: [] }),
  no_finish: (exchange, reply) => (reply.events
    ? sendStream(exchange, { ...reply, events: reply.events.filter((event) => !event.candidates?.[0]?.finishReason) })
    : sendWhole(exchange, reply)),
  length_too_long: (exchange, reply) => wrongLength(exchange, reply, 100),
  length_too_short: (exchange, reply) => wrongLength(exchange, reply, -10),
  garbage: (exchange, reply, { text = '\u0000\u0001SSH-2.0-OpenSSH_9.2\r\n\r\n' }) => writeAndCut(exchange, text),
  dribble,
  huge_header: (exchange, reply, { bytes = 1_000_000 }) => {
    const whole = wholeOf(exchange, reply);
    const head = rawHead(whole, [['X-Huge', 'h'.repeat(bytes)], ['Content-Length', whole.body.length]]);
    exchange.req.socket.write(Buffer.concat([Buffer.from(head), whole.body]));
  },
  informational: async (exchange, reply, { count = 2, status = 103 }) => {
    for (let i = 0; i < count; i += 1) exchange.req.socket.write(`HTTP/1.1 ${status} Early\r\nLink: </x>; rel=preload\r\n\r\n`);
    return send(exchange, reply);
  },
  close_after: async (exchange, reply, { how = 'fin', wait_ms: wait = 0 }) => {
    exchange.res.once('finish', () => setTimeout(() => cut(exchange, how), wait));
    return send(exchange, reply);
  },
  // The race every client of a keep-alive server knows: it closes just as the next request arrives.
  keep_alive_race: (exchange, reply) => {
    exchange.connection.cutNextRequest = true;
    return send(exchange, reply);
  },
};

export const faultNames = Object.keys(FAULTS);

export function send(exchange, reply) {
  return reply.events ? sendStream(exchange, reply) : sendWhole(exchange, reply);
}

/** Carries an action out; `makeReply` gives the answer that a healthy server would have given. */
export async function perform(exchange, action, makeReply) {
  if (action.delay_ms) await pause(action.delay_ms);
  if (exchange.res.destroyed) return undefined;
  if (action.row) return send(exchange, catalogueReply(action.row, exchange.context()));
  if (action.answer) {
    const { status = 200, headers = {}, body = '' } = action.answer;
    return send(exchange, { status, headers, text: typeof body === 'string' ? body : pretty(body) });
  }
  if (action.stream) {
    const { events, pause_ms: pauseMs } = action.stream;
    return events ? sendStream(exchange, { events, pauseMs }) : sendPieces(exchange, action.stream);
  }
  if (!action.fault) return send(exchange, await makeReply());
  if (!FAULTS[action.fault]) throw new Error(`no such fault: ${action.fault}; known: ${faultNames.join(', ')}`);
  return FAULTS[action.fault](exchange, needsReply(action.fault) ? await makeReply() : {}, action);
}

function needsReply(fault) {
  return !['hang', 'reset', 'cut_before_head', 'cut_in_head', 'empty', 'empty_json', 'garbage'].includes(fault);
}
