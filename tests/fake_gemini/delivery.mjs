// How an answer is put on the wire: headers, compression, and the framing of streams.

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { constants, createGzip, gzipSync } from 'node:zlib';

const COMMON_HEADERS = [
  ['Vary', 'Origin'], ['Vary', 'X-Origin'], ['Vary', 'Referer'],
  ['Server', 'scaffolding on HTTPServer2'],
  ['X-XSS-Protection', '0'], ['X-Frame-Options', 'SAMEORIGIN'], ['X-Content-Type-Options', 'nosniff'],
  ['Alt-Svc', 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000'],
];

export const pretty = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** Google's one-line JSON: a blank after each colon, none after commas. */
export function oneLine(value) {
  if (Array.isArray(value)) return `[${value.map((item) => oneLine(item ?? null)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${oneLine(member)}`).join(',')}}`;
}

/** The forms of a stream: what stands around and between its events. */
const FRAMING = {
  sse: { type: 'text/event-stream', event: (value) => `data: ${oneLine(value)}\r\n\r\n`, end: '' },
  array: {
    type: 'application/json; charset=UTF-8',
    event: (value, index) => `${index === 0 ? '[' : ',\r\n'}${JSON.stringify(value, null, 2)}\n`,
    end: ']\n',
  },
  openai: { type: 'text/event-stream', event: (value) => `data: ${JSON.stringify(value)}\n\n`, end: 'data: [DONE]\n\n' },
  interactions: { type: 'text/event-stream', event: (value) => `data: ${JSON.stringify(value)}\n\n`, end: 'data: [DONE]\n\n' },
};

export const framingOf = (form) => FRAMING[form] ?? FRAMING.sse;

function acceptsGzip(exchange) {
  return exchange.options.gzip && /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(exchange.req.headers['accept-encoding'] ?? '');
}

/** Status, headers and body of an answer in one piece. */
export function composeReply(exchange, reply) {
  const { status = 200, headers = {} } = reply;
  let type = 'application/json; charset=UTF-8';
  let body = Buffer.alloc(0);
  if (reply.error) {
    const failed = { error: reply.error };
    // The array form and the OpenAI prefix wrap their errors; an SSE request gets the bare object, whatever its type says.
    body = Buffer.from(pretty(['array', 'openai'].includes(exchange.form) ? [failed] : failed));
    if (exchange.form === 'sse' && exchange.streaming) type = 'text/event-stream';
  } else if (reply.json !== undefined) {
    body = Buffer.from(pretty(reply.json));
  } else {
    body = Buffer.from(reply.bytes ?? reply.text ?? '');
  }
  return { status, headers: completeHeaders(exchange, { 'Content-Type': type, ...headers }), body };
}

function completeHeaders(exchange, own) {
  const list = Object.entries(own).filter(([, value]) => value !== undefined);
  const timing = `gfet4t7; dur=${Math.max(1, Date.now() - exchange.startedAt)}`;
  return [...list, ['Date', new Date().toUTCString()], ...COMMON_HEADERS, ['Server-Timing', timing],
    ...(exchange.generation ? [['X-Gemini-Service-Tier', 'standard']] : [])];
}

function writeHead(exchange, status, headers) {
  const { res } = exchange;
  // Google sends neither of these two on a connection that stays open.
  res.sendDate = false;
  if (res.shouldKeepAlive) res.removeHeader('Connection');
  res.writeHead(status, headers.flat());
}

/** An answer in one piece, chunked and compressed as Google does it. */
export function sendWhole(exchange, reply) {
  const { status, headers, body } = composeReply(exchange, reply);
  exchange.entry.status = status;
  if (reply.error) exchange.entry.error = reply.error.message;
  const { res, req } = exchange;
  const bodiless = status === 204 || status === 304;
  const gzip = body.length > 0 && acceptsGzip(exchange) && !reply.bytes;
  if (gzip) headers.push(['Content-Encoding', 'gzip']);
  if (body.length === 0 && !bodiless) headers.push(['Content-Length', '0']);
  writeHead(exchange, status, headers);
  if (req.method === 'HEAD' || bodiless) return res.end();
  return res.end(gzip ? gzipSync(body) : body);
}

/** A writer of stream events; it compresses, and flushes after every event so that none waits for the next. */
export class EventWriter {
  #exchange;
  #framing;
  #out;
  #sent = 0;
  gone = false;

  constructor(exchange) {
    this.#exchange = exchange;
    this.#framing = framingOf(exchange.form);
    exchange.res.once('close', () => { this.gone = true; });
  }

  start(status = 200) {
    const { res, options } = this.#exchange;
    const headers = completeHeaders(this.#exchange, { 'Content-Type': this.#framing.type, 'Content-Disposition': 'attachment' });
    const gzip = options.gzipStreams && acceptsGzip(this.#exchange);
    if (gzip) headers.push(['Content-Encoding', 'gzip']);
    this.#exchange.entry.status = status;
    writeHead(this.#exchange, status, headers);
    this.#out = res;
    if (gzip) {
      this.#out = createGzip();
      this.#out.pipe(res);
    }
    if (this.#exchange.flushHead) res.flushHeaders();
  }

  async event(value) {
    await this.raw(this.#framing.event(value, this.#sent));
    this.#sent += 1;
    this.#exchange.entry.events_sent = this.#sent;
  }

  async half(value) {
    const text = this.#framing.event(value, this.#sent);
    await this.raw(text.slice(0, Math.ceil(text.length / 2)));
  }

  async raw(text) {
    if (this.gone) return;
    const fits = this.#out.write(text);
    if (this.#out.flush) await new Promise((done) => { this.#out.flush(constants.Z_SYNC_FLUSH, done); });
    const { res } = this.#exchange;
    if (!fits || res.writableNeedDrain) await Promise.race([once(res, 'drain'), once(res, 'close')]);
  }

  end() {
    this.#out.end(this.#sent === 0 && this.#framing.end === ']\n' ? '[]\n' : this.#framing.end);
  }
}

/** A stream as it should be. */
export async function sendStream(exchange, reply) {
  const writer = new EventWriter(exchange);
  writer.start();
  for (const [index, event] of reply.events.entries()) {
    if (index > 0) await pause(reply.pauseMs ?? exchange.options.eventDelayMs);
    if (writer.gone) return;
    await writer.event(event);
  }
  writer.end();
}

function cutAt(bytes, split) {
  const marks = split === 'each' ? bytes.keys() : [0, ...[split ?? []].flat().filter((mark) => mark > 0 && mark < bytes.length)];
  const starts = [...marks];
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1]));
}

/** A stream of exactly these bytes (text, or Buffer), each piece in a write of its own: cut at the offsets, or at `each`. */
export async function sendPieces(exchange, { bytes, split, pause_ms: pauseMs }) {
  const { res } = exchange;
  exchange.entry.status = 200;
  writeHead(exchange, 200, completeHeaders(exchange, { 'Content-Type': FRAMING.sse.type, 'Content-Disposition': 'attachment' }));
  res.flushHeaders();
  for (const piece of cutAt(Buffer.from(bytes), split)) {
    if (res.destroyed) return;
    await new Promise((done) => { res.write(piece, done); });
    if (pauseMs) await pause(pauseMs);
  }
  res.end();
}

/** The bytes of a stream as Google frames it. */
export const sseOf = (events) => Buffer.from(events.map(FRAMING.sse.event).join(''));
