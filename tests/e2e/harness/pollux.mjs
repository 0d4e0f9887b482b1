// The real binary, started with a clean environment in a folder of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { rawRequest } from './raw.mjs';
import { eventually, within } from './wait.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const BINARY = resolve(process.env.POLLUX_BIN || join(ROOT, 'build/pollux'));

const SANITIZER_REPORT = /ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|LeakSanitizer/;
const KEPT_VARIABLES = ['PATH', 'HOME', 'LANG', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS', 'LD_LIBRARY_PATH'];

export const TOKEN = 'client-token-for-tests-0123456789';
export const ADMIN_TOKEN = 'admin-token-for-tests-0123456789';

function environment({ env, fake, keys }) {
  const own = {
    AUTH_TOKEN: ADMIN_TOKEN,
    ALLOWED_TOKENS: TOKEN,
    WORKERS: '2',
    CHECK_INTERVAL_HOURS: '0',  // No requests that a test has not asked for.
    ...(fake && { GEMINI_BASE_URL: fake.url }),
    ...(fake?.caFile && { UPSTREAM_CA_FILE: fake.caFile }),
    ...(keys?.length && { GEMINI_API_KEYS: keys.join(',') }),
    ...env,
  };
  const kept = Object.fromEntries(KEPT_VARIABLES.filter((name) => process.env[name]).map((name) => [name, process.env[name]]));
  // null takes a variable away.
  return Object.fromEntries(Object.entries({ ...kept, ...own }).filter(([, value]) => value !== null));
}

/** The process itself, before it is known to serve: for starts that are meant to fail. */
export function spawnPollux({ args, env, cwd, binary = BINARY }) {
  if (!existsSync(binary)) throw new Error(`no binary at ${binary}; build it, or name it by POLLUX_BIN`);
  const child = spawn(binary, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const run = { child, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => { run.stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { run.stderr += text; });
  run.exited = new Promise((done) => { child.once('close', (code, signal) => { run.exit = { code, signal }; done(run.exit); }); });
  return run;
}

export class Pollux {
  #run;
  #secrets;

  constructor(run, { folder, policiesFolder, secrets, options }) {
    this.#run = run;
    this.#secrets = secrets;
    Object.assign(this, { folder, policiesFolder, options, token: TOKEN, adminToken: ADMIN_TOKEN });
  }

  get pid() { return this.#run.child.pid; }

  get exited() { return this.#run.exited; }

  /** Everything it wrote, to both outputs. */
  log() { return this.#run.stderr + this.#run.stdout; }

  async waitForLog(pattern, limit = 5000) {
    return eventually(() => this.log().match(pattern), { within_ms: limit, what: `the log never showed ${pattern}:\n${this.log()}` });
  }

  async untilListening() {
    await eventually(() => {
      if (this.#run.exit) {
        throw Object.assign(new Error(`pollux ended at once: ${JSON.stringify(this.#run.exit)}\n${this.log()}`), { hopeless: true });
      }
      return /listening on https?:\/\/\S+/.test(this.log());
    }, { within_ms: 15_000, what: 'no listening line' });
    this.url = this.log().match(/listening on (https?:\/\/[^\s"]+)/)[1].replace(/[.,/]+$/, '');
    return this;
  }

  /** A request of the client's, with the token unless `token` is null. */
  call(path, { token = this.token, headers = {}, ...request } = {}) {
    return rawRequest(this.url + path, { ...request, headers: { ...(token && { 'x-goog-api-key': token }), ...headers } });
  }

  post(path, body, more = {}) {
    const { headers, ...rest } = more;
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return this.call(path, { method: 'POST', body: text, headers: { 'Content-Type': 'application/json', ...headers }, ...rest });
  }

  /** A request to the administration, `{status, json(), text, header()}`. */
  admin(path, { method = 'GET', body, headers } = {}) {
    return rawRequest(this.url + path, {
      method,
      body: body === undefined ? '' : JSON.stringify(body),
      headers: { Authorization: `Bearer ${this.adminToken}`, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
    });
  }

  async status() {
    const answer = await this.admin('/admin/status');
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  }

  /** Saves a file of the owner's, by rename as editors do, or in place. */
  writePolicy(name, text, { inPlace = false } = {}) {
    const path = join(this.policiesFolder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (inPlace) return writeFileSync(path, text);
    writeFileSync(`${path}.tmp`, text);
    return renameSync(`${path}.tmp`, path);
  }

  removePolicy(name) {
    rmSync(join(this.policiesFolder, name), { force: true });
  }

  signal(name) { this.#run.child.kill(name); }

  /** No sanitizer complained, and no secret was written anywhere that a person reads. */
  checkLog() {
    const log = this.log();
    assert.doesNotMatch(log, SANITIZER_REPORT);
    for (const secret of this.#secrets) assert.ok(!log.includes(secret), `a secret stands in the log: ${secret}`);
  }

  async exit(limit = 20_000) {
    const exit = await within(limit, this.#run.exited, 'ending');
    this.ended = true;
    if (process.env.E2E_LOG) process.stderr.write(`${this.log()}\n`);
    return exit;
  }

  /** Ends it the proper way and keeps the folder, for another start on the same data. */
  async stop() {
    this.signal('SIGTERM');
    let exit;
    try {
      exit = await this.exit();
    } catch (error) {
      this.signal('SIGKILL');
      throw new Error(`${error.message}\n${this.log()}`, { cause: error });
    }
    this.checkLog();
    assert.deepEqual(exit, { code: 0, signal: null }, `pollux did not end well:\n${this.log().slice(-4000)}`);
  }

  async kill() {
    this.signal('SIGKILL');
    await this.exit();
  }

  /** Starts it again on the same data, with some settings changed. */
  restart(changes = {}) {
    return startPollux({ ...this.options, ...changes, env: { ...this.options.env, ...changes.env }, folder: this.folder });
  }

  remove() { rmSync(this.folder, { recursive: true, force: true }); }

  readData(name) { return readFileSync(join(this.folder, 'data', name)); }
}

/**
 * Starts the binary and waits until it serves.
 * `fake`: what stands for Google; `keys`: the pool at start; `env`: more variables (null takes one away); `args`: more
 * words; `host`: where it listens; `policies`: `{"keys.lua": text}` of the owner's; `folder`: where a former one lived.
 */
export async function startPollux(options = {}) {
  const { args = [], policies = {}, keys = [], host = '127.0.0.1', binary } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'pollux-e2e-'));
  const policiesFolder = join(folder, 'policies');
  mkdirSync(policiesFolder, { recursive: true });
  const env = environment(options);
  const run = spawnPollux({
    args: ['serve', '--data', join(folder, 'data'), '--policies', policiesFolder, '--host', host, '--port', '0', ...args],
    env, cwd: folder, binary,
  });
  const secrets = [...keys, ...[env.ALLOWED_TOKENS, env.AUTH_TOKEN].filter(Boolean)];
  const pollux = new Pollux(run, { folder, policiesFolder, secrets, options });
  for (const [name, text] of Object.entries(policies)) pollux.writePolicy(name, text);
  try {
    return await pollux.untilListening();
  } catch (error) {
    pollux.signal('SIGKILL');
    if (!options.folder) pollux.remove();
    throw error;
  }
}

/** A start that is meant to fail: `{code, signal, log}` once it has ended; killed if it serves instead. */
export async function startThatFails({ env = {}, args = [], envFile, cwd } = {}) {
  const folder = cwd ?? mkdtempSync(join(tmpdir(), 'pollux-e2e-'));
  if (envFile !== undefined) writeFileSync(join(folder, 'test.env'), envFile);
  const words = ['serve', '--data', join(folder, 'data'), ...(envFile !== undefined ? ['--env-file', join(folder, 'test.env')] : []), ...args];
  const run = spawnPollux({ args: words, env: environment({ env: { HOST: '127.0.0.1', PORT: '0', ...env } }), cwd: folder });
  try {
    const exit = await within(10_000, run.exited, 'a start that should fail');
    return { ...exit, log: run.stderr + run.stdout };
  } finally {
    run.child.kill('SIGKILL');
    if (!cwd) rmSync(folder, { recursive: true, force: true });
  }
}
