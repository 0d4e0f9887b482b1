// A client that sends exactly the bytes it is told to, and reads answers without forgiving anything.

import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { within } from './wait.mjs';

const LIMIT_MS = 20_000;

export class RawConnection {
  #socket;
  #pieces = [];
  #ended = false;
  #wake = () => {};

  constructor(socket) {
    this.#socket = socket;
    const end = (error) => {
      this.error ??= error;
      this.#ended = true;
      this.#wake();
    };
    socket.on('data', (piece) => {
      this.#pieces.push(piece);
      this.#wake();
    });
    socket.on('end', () => end());
    socket.on('close', () => end());
    socket.on('error', end);
  }

  // Joined only when somebody reads: joining at every piece would cost the square of a long answer.
  get #received() {
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0];
  }

  set #received(rest) { this.#pieces = [rest]; }

  get socket() { return this.#socket; }

  get closed() { return this.#ended; }

  /** Sends text or bytes; text goes out as latin1, so that any byte can be written. */
  send(bytes) {
    if (this.#socket.writable) this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Waits until the bytes are handed to the system: a large body waits for the reader. */
  async sendAndDrain(bytes) {
    await new Promise((done) => { this.#socket.write(bytes, done); });
  }

  end() { this.#socket.end(); }

  destroy() { this.#socket.destroy(); }

  pause() { this.#socket.pause(); }

  resume() { this.#socket.resume(); }

  async #more(what) {
    if (this.#ended) throw new Error(`connection ended while reading ${what}; got: ${this.#received.subarray(0, 300)}`);
    await within(LIMIT_MS, new Promise((resolve) => { this.#wake = resolve; }), `reading ${what}`);
  }

  async readUntil(mark, what = `until ${JSON.stringify(mark)}`) {
    for (;;) {
      const at = this.#received.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      await this.#more(what);
    }
  }

  async readBytes(count, what = `${count} bytes`) {
    while (this.#received.length < count) await this.#more(what);
    return this.#take(count);
  }

  /** All that comes until the other side closes. */
  async readToEnd() {
    while (!this.#ended) await this.#more('to the end').catch((error) => { if (!this.#ended) throw error; });
    return this.#take(this.#received.length);
  }

  /** Resolves when the other side has closed, however it did. */
  async waitForClose() {
    while (!this.#ended) await this.#more('the end').catch((error) => { if (!this.#ended) throw error; });
  }

  #take(count) {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async readHead() {
    const text = (await this.readUntil('\r\n\r\n', 'a head')).toString('latin1');
    const [line, ...fields] = text.slice(0, -4).split('\r\n');
    const [version, status, ...reason] = line.split(' ');
    const headers = fields.map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()]);
    return {
      version, status: Number(status), reason: reason.join(' '), headers,
      all: (name) => headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value),
      header: (name) => headers.find(([one]) => one.toLowerCase() === name)?.[1],
    };
  }

  async readChunk() {
    const size = Number.parseInt((await this.readUntil('\r\n', 'a chunk size')).toString('latin1'), 16);
    const data = await this.readBytes(size, 'a chunk');
    await this.readUntil('\r\n', 'the end of a chunk');
    return data;
  }

  async #readBody(head) {
    if (/chunked/i.test(head.header('transfer-encoding') ?? '')) {
      const pieces = [];
      for (;;) {
        const piece = await this.readChunk();
        if (piece.length === 0) return Buffer.concat(pieces);
        pieces.push(piece);
      }
    }
    const length = head.header('content-length');
    return length === undefined ? this.readToEnd() : this.readBytes(Number(length), 'a body');
  }

  /** The next final answer, 1xx ones skipped (they are in `informational`). */
  async readAnswer(method = 'GET') {
    const informational = [];
    for (;;) {
      const head = await this.readHead();
      if (head.status < 200) {
        informational.push(head.status);
        continue;
      }
      const bodiless = method === 'HEAD' || head.status === 204 || head.status === 304;
      const body = bodiless ? Buffer.alloc(0) : await this.#readBody(head);
      return { ...head, informational, body, text: body.toString('utf8'), json: () => JSON.parse(body.toString('utf8')) };
    }
  }
}

/** Opens a connection to `url`'s host and port; `ca` is a PEM text. */
export async function openRaw(url, { ca, session } = {}) {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'https:';
  const socket = secure
    ? connectTls({ host, port, ca, session, servername: host, autoSelectFamily: true })
    : connect({ host, port, noDelay: true, autoSelectFamily: true });
  await within(LIMIT_MS, new Promise((resolve, reject) => {
    socket.once(secure ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
  }), `connecting to ${url}`);
  return new RawConnection(socket);
}

/** The bytes of a request; a body gets its Content-Length unless the headers speak of it. */
export function requestText(url, { method = 'GET', headers = {}, body = '', target, version = '1.1' } = {}) {
  const { host, pathname, search } = new URL(url);
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const lines = [`${method} ${target ?? pathname + search} HTTP/${version}`];
  if (!names.includes('host')) lines.push(`Host: ${host}`);
  for (const [name, value] of Object.entries(headers)) for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  const bytes = Buffer.from(body);
  if (bytes.length && !names.includes('content-length') && !names.includes('transfer-encoding')) lines.push(`Content-Length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

/** One request on a connection of its own. */
export async function rawRequest(url, { ca, ...request } = {}) {
  const connection = await openRaw(url, { ca });
  try {
    connection.send(requestText(url, request));
    return await connection.readAnswer(request.method);
  } finally {
    connection.destroy();
  }
}
