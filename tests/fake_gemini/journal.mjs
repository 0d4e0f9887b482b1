// What the fake got: every request as it came, every connection, every client that left early.

import { createHash } from 'node:crypto';

const KEPT_BODY_BYTES = 64 * 1024;
const KEPT_ENTRIES = 20_000;

export class Journal {
  #entries = [];
  #connections = [];
  #nextId = 1;
  tlsFailures = [];
  badRequests = [];

  connection(socket, { tls }) {
    const found = {
      id: this.#connections.length + 1,
      opened_at: new Date().toISOString(),
      remote: `${socket.remoteAddress}:${socket.remotePort}`,
      tls: tls && { reused: socket.isSessionReused(), sni: socket.servername || null, protocol: socket.getProtocol(),
        cipher: socket.getCipher()?.name },
      requests: 0,
      open: true,
    };
    this.#connections.push(found);
    socket.once('close', () => { found.open = false; });
    return found;
  }

  begin(req, connection, facts) {
    connection.requests += 1;
    const entry = {
      id: this.#nextId,
      at: new Date().toISOString(),
      connection: connection.id,
      request_on_connection: connection.requests,
      tls: connection.tls,
      method: req.method,
      url: req.url,
      http_version: req.httpVersion,
      headers: req.rawHeaders,
      ...facts,
      body_bytes: 0,
      status: null,
      client_aborted: false,
      finished: false,
    };
    this.#nextId += 1;
    this.#entries.push(entry);
    if (this.#entries.length > KEPT_ENTRIES) this.#entries.shift();
    return entry;
  }

  entries() {
    return this.#entries;
  }

  clear() {
    this.#entries = [];
  }

  /** Sums by key and the list of connections. */
  stats() {
    const keys = {};
    for (const { key, status, client_aborted: aborted } of this.#entries) {
      const sum = (keys[key ?? 'none'] ??= { requests: 0, ok: 0, refused: 0, unanswered: 0, client_aborted: 0 });
      sum.requests += 1;
      if (status === null) sum.unanswered += 1;
      else sum[status < 400 ? 'ok' : 'refused'] += 1;
      if (aborted) sum.client_aborted += 1;
    }
    return { requests: this.#entries.length, keys, connections: this.#connections, tls_failures: this.tlsFailures,
      bad_requests: this.badRequests };
  }
}

/**
 * Reads a request's body to its end, hashing all of it. The journal keeps a small one; the returned buffer holds the
 * first `keepBytes`, so that a large upload costs no memory. `alsoHash` takes the same bytes, where they continue a file.
 */
export async function readBody(req, entry, keepBytes, alsoHash) {
  const hash = createHash('sha256');
  const kept = [];
  let keptBytes = 0;
  for await (const piece of req) {
    hash.update(piece);
    alsoHash?.update(piece);
    entry.body_bytes += piece.length;
    if (keptBytes < keepBytes) {
      kept.push(piece.subarray(0, keepBytes - keptBytes));
      keptBytes += kept.at(-1).length;
    }
  }
  const body = Buffer.concat(kept);
  entry.body_sha256 = hash.digest('hex');
  if (entry.body_bytes <= KEPT_BODY_BYTES) entry.body = body.toString('utf8');
  return body;
}
