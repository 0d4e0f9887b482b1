// A fake Gemini API over HTTP or HTTPS. README.md beside this file says what it can do.
//
//   node tests/fake_gemini/server.mjs [--host 127.0.0.1] [--port 0] [--tls] [--config FILE.json] [--keys K1,K2] [--quiet]

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { Accounts, makeKey } from './accounts.mjs';
import { makeCertificates } from './certificates.mjs';
import { control } from './control.mjs';
import { handle } from './exchange.mjs';
import { Journal } from './journal.mjs';
import { openLive } from './live.mjs';
import { Models } from './models.mjs';
import { Quotas } from './quotas.mjs';
import { Resources } from './resources.mjs';
import { Rules } from './rules.mjs';
import { Storm } from './storm.mjs';

export { makeKey } from './accounts.mjs';
export { catalogue, catalogueReply } from './catalogue.mjs';

const DEFAULTS = {
  host: '127.0.0.1', port: 0, tls: false, certificate: 'good', keys: [], models: [], minuteMs: 60_000,
  eventDelayMs: 2, gzip: true, gzipStreams: true, minCacheTokens: 1024, rules: [], storm: undefined,
};

function makeWorld(options) {
  const world = {
    options,
    accounts: new Accounts(options.keys),
    quotas: new Quotas({ minuteMs: options.minuteMs }),
    journal: new Journal(),
    rules: new Rules(),
    storm: new Storm(),
    resources: new Resources(),
    models: new Models(options.models, options.modelsOnPage),
    uploads: new Map(),
    publicUrl: (req) => `${options.tls ? 'https' : 'http'}://${req.headers.host}`,
  };
  options.rules.forEach((rule) => world.rules.add(rule));
  world.storm.set(options.storm);
  return world;
}

function makeServer(world, certificates) {
  const settings = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 256 * 1024, noDelay: true };
  if (!certificates) return createServer(settings);
  const { key, cert } = certificates;
  const { minVersion, maxVersion } = world.options;
  return createTlsServer({ ...settings, key, cert, minVersion, maxVersion, ALPNProtocols: ['http/1.1'] });
}

/** Ties sockets to their entries in the journal and requests to their answers. */
function wire(server, world, fake) {
  const sockets = new Set();
  const records = new WeakMap();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const recordOf = (socket) => {
    if (!records.has(socket)) records.set(socket, world.journal.connection(socket, { tls: Boolean(socket.encrypted) }));
    return records.get(socket);
  };
  server.on(world.options.tls ? 'secureConnection' : 'connection', (socket) => {
    socket.on('error', () => {});
    recordOf(socket);
  });
  server.on('tlsClientError', (error) => world.journal.tlsFailures.push({ at: new Date().toISOString(), error: error.message }));
  server.on('clientError', (error, socket) => {
    const left = error.code === 'ECONNRESET' || error.code === 'EPIPE';
    if (!left) world.journal.badRequests.push({ at: new Date().toISOString(), error: error.message });
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  const onRequest = (req, res) => (req.url.startsWith('/_fake/')
    ? control(fake, req, res)
    : handle(world, req, res, recordOf(req.socket)));
  server.on('request', onRequest);
  server.on('upgrade', (req, socket, head) => openLive(world, req, socket, head, recordOf(socket)));
  server.on('checkContinue', (req, res) => { res.writeContinue(); return onRequest(req, res); });
  return sockets;
}

function handles(world, server) {
  return {
    world,
    /** Adds a rule (see rules.mjs) and gives its id. */
    rule: (rule) => world.rules.add(rule),
    rules: () => world.rules.list(),
    clearRules: () => world.rules.clear(),
    requests: () => world.journal.entries(),
    clearRequests: () => world.journal.clear(),
    stats: () => world.journal.stats(),
    keys: () => world.accounts.all(),
    setKey: (key) => world.accounts.set(key),
    storm: (settings) => world.storm.set(settings),
    closeIdleConnections: () => server.closeIdleConnections(),
    reset: () => {
      world.rules.clear();
      world.storm.set(undefined);
      world.journal.clear();
      world.quotas.reset();
    },
  };
}

function shut(server, sockets) {
  return new Promise((resolve) => {
    server.close(resolve);
    sockets.forEach((socket) => socket.destroy());
  });
}

/** Starts a fake; `close()` ends it with all its connections and removes its certificates. */
export async function startFakeGemini(given = {}) {
  const options = { ...DEFAULTS, ...given };
  const certificates = options.tls ? makeCertificates(options.certificate) : undefined;
  const world = makeWorld(options);
  const server = makeServer(world, certificates);
  const fake = handles(world, server);
  const sockets = wire(server, world, fake);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address();
  const scheme = options.tls ? 'https' : 'http';
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return Object.assign(fake, {
    port,
    address: `${scheme}://${host}:${port}`,
    // By name, so that a certificate's host name is judged as it is for the real service.
    url: options.tls ? `https://localhost:${port}` : `http://${host}:${port}`,
    caFile: certificates?.caFile,
    /** Refuses connections, and ends those it has, until `comeBack()`. */
    goDown: () => shut(server, sockets),
    comeBack: () => new Promise((resolve) => { server.listen(port, options.host, resolve); }),
    close: async () => {
      await shut(server, sockets);
      certificates?.remove();
    },
  });
}

async function main() {
  const { values } = parseArgs({ options: {
    host: { type: 'string' }, port: { type: 'string' }, tls: { type: 'boolean' }, config: { type: 'string' },
    keys: { type: 'string' }, quiet: { type: 'boolean' },
  } });
  const given = values.config ? JSON.parse(readFileSync(values.config, 'utf8')) : {};
  if (values.host) given.host = values.host;
  if (values.port) given.port = Number(values.port);
  if (values.tls) given.tls = true;
  if (values.keys) given.keys = values.keys.split(',');
  given.keys ??= ['one', 'two', 'three'].map((name) => makeKey(`demo_${name}`));
  const fake = await startFakeGemini(given);
  console.log(`fake gemini listening on ${fake.address}`);
  if (fake.caFile) console.log(`ca file ${fake.caFile}`);
  if (!values.quiet) console.log(`keys ${fake.keys().map(({ key }) => key).join(',')}`);
  const stop = () => fake.close().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
