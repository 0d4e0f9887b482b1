// The server's side of a WebSocket (RFC 6455), as little of it as the Live API needs.

import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const HEAD_BYTES = 6; // Of a masked frame, at least.

const acceptOf = (key) => createHash('sha1').update(key + GUID).digest('base64');

function frame(opcode, payload) {
  const head = [0x80 | opcode];
  if (payload.length < 126) head.push(payload.length);
  else if (payload.length < 65536) head.push(126, payload.length >> 8, payload.length & 255);
  else head.push(127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((bits) => (payload.length >>> bits) & 255));
  return Buffer.concat([Buffer.from(head), payload]);
}

/** The first whole frame of the bytes, `{last, opcode, masked, payload, size}`, or how many bytes it takes to tell. */
function firstFrame(bytes) {
  const masked = Boolean(bytes[1] & 0x80);
  let length = bytes[1] & 0x7f;
  let at = 2;
  const extra = { 126: 2, 127: 8 }[length] ?? 0;
  if (bytes.length < at + extra + 4) return at + extra + 4;
  if (extra === 2) length = bytes.readUInt16BE(at);
  if (extra === 8) length = Number(bytes.readBigUInt64BE(at));
  at += extra;
  const mask = masked ? bytes.subarray(at, at + 4) : undefined;
  at += masked ? 4 : 0;
  if (bytes.length < at + length) return at + length;
  const payload = Buffer.from(bytes.subarray(at, at + length));
  if (mask) for (let i = 0; i < length; i += 1) payload[i] ^= mask[i & 3];
  return { last: Boolean(bytes[0] & 0x80), opcode: bytes[0] & 15, masked, payload, size: at + length };
}

/** One connection after its handshake. `on`: `message(text)`, `close({code, reason})`, `gone()`. */
export class WebSocket {
  #socket;
  #on;
  #pieces = [];
  #bytes = 0;
  #wanted = HEAD_BYTES;
  #message = [];
  #sentClose = false;
  #over = false;

  constructor(req, socket, head, on) {
    this.#socket = socket;
    this.#on = on;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
      + `Sec-WebSocket-Accept: ${acceptOf(req.headers['sec-websocket-key'] ?? '')}\r\nServer: scaffolding on HTTPServer2\r\n\r\n`);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    if (head.length) this.#take(head);
  }

  /** JSON goes out in binary frames, as Google sends it. */
  send(value) { this.#write(BINARY, Buffer.from(JSON.stringify(value))); }

  ping(text) { this.#write(PING, Buffer.from(text)); }

  close(code, reason) {
    if (this.#sentClose) return;
    this.#write(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
    this.#sentClose = true;
  }

  /** Ends the connection without a word. */
  cut() { this.#socket.destroy(); }

  #write(opcode, payload) {
    if (!this.#sentClose && this.#socket.writable) this.#socket.write(frame(opcode, payload));
  }

  #end() {
    if (this.#over) return;
    this.#over = true;
    this.#socket.end();
    this.#on.gone();
  }

  // Joined only when the frame is there: joining at every piece would cost the square of a long one.
  #take(bytes) {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    while (!this.#over && this.#bytes >= this.#wanted) {
      const joined = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
      const found = firstFrame(joined);
      const whole = typeof found === 'object';
      const rest = whole ? joined.subarray(found.size) : joined;
      this.#pieces = [rest];
      this.#bytes = rest.length;
      this.#wanted = whole ? HEAD_BYTES : found;
      if (whole) this.#understand(found);
    }
  }

  #understand({ last, opcode, masked, payload }) {
    if (!masked) return this.close(1002, 'a client masks its frames');
    if (opcode === PING) return this.#write(PONG, payload);
    if (opcode === PONG) return this.#on.pong?.(payload.toString());
    if (opcode === CLOSE) return this.#understandClose(payload);
    if (![CONTINUATION, TEXT, BINARY].includes(opcode)) return this.close(1002, 'an unknown frame');
    this.#message.push(payload);
    if (!last) return undefined;
    const whole = Buffer.concat(this.#message);
    this.#message = [];
    return this.#on.message(whole.toString('utf8'));
  }

  #understandClose(payload) {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    this.#on.close({ code, reason: payload.subarray(2).toString('utf8') });
    this.close(code === 1005 ? 1000 : code, '');
    this.#end();
  }
}
