import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { makeKey } from '../fake_gemini/server.mjs';
import { spawnPollux, startThatFails, TOKEN } from './harness/pollux.mjs';
import { openRaw, rawRequest, requestText } from './harness/raw.mjs';
import { keyId, prompt, stage, STREAM, UNARY } from './harness/stage.mjs';
import { eventually, scaled } from './harness/wait.mjs';

const streamRequest = (pollux, text) => requestText(pollux.url + STREAM, {
  method: 'POST', headers: { 'x-goog-api-key': TOKEN }, body: JSON.stringify(prompt(text)) });

async function startStream(t, pollux, text) {
  const connection = await openRaw(pollux.url);
  t.after(() => connection.destroy());
  connection.send(streamRequest(pollux, text));
  await connection.readHead();
  await connection.readChunk();
  return connection;
}

const refusesConnections = (url) => eventually(() => openRaw(url).then((one) => { one.destroy(); return false; }, () => true));

describe('the end', () => {
  for (const workers of ['1', '4']) {
    it(`SIGTERM lets a running stream finish, then it is over (${workers} workers)`, async (t) => {
      const { pollux } = await stage(t, { env: { WORKERS: workers } });
      const connection = await startStream(t, pollux, 'hello [events=20] [pause=60]');

      pollux.signal('SIGTERM');
      await refusesConnections(pollux.url);
      const rest = (await connection.readToEnd()).toString();

      assert.match(rest, /"finishReason": "STOP"[^\n]*\r\n/);
      assert.match(rest, /0\r\n\r\n$/);
      assert.deepEqual(await pollux.exit(), { code: 0, signal: null });
      pollux.checkLog();
    });
  }

  it('SIGINT does the same, and idle connections do not hold it up', async (t) => {
    const { pollux } = await stage(t);
    const idle = await openRaw(pollux.url);
    const started = Date.now();

    pollux.signal('SIGINT');

    assert.deepEqual(await pollux.exit(), { code: 0, signal: null });
    assert.ok(Date.now() - started < scaled(3000));
    await idle.waitForClose();
  });

  it('a second signal ends it at once', async (t) => {
    const { pollux } = await stage(t);
    await startStream(t, pollux, 'hello [events=1000] [pause=100]');
    const started = Date.now();
    pollux.signal('SIGTERM');
    await refusesConnections(pollux.url);

    pollux.signal('SIGTERM');
    await pollux.exit();

    assert.ok(Date.now() - started < scaled(3000));
  });
});

describe('a client that leaves', () => {
  it('ends the upstream request at once, in a stream', async (t) => {
    const { pollux, upstream } = await stage(t);
    const connection = await startStream(t, pollux, 'hello [events=1000] [pause=100]');

    connection.destroy();

    await eventually(() => upstream()[0].client_aborted, { within_ms: 1500, what: 'Google was kept talking' });
    const { keys } = await pollux.status();
    assert.ok(keys.every(({ enabled, in_flight: busy }) => enabled && busy === 0));
  });

  it('and before the first byte', async (t) => {
    const { pollux, fake, upstream } = await stage(t);
    fake.rule({ fault: 'hang' });
    const connection = await openRaw(pollux.url);
    connection.send(streamRequest(pollux, 'hello'));
    await eventually(() => upstream().length === 1);

    connection.destroy();

    await eventually(() => upstream()[0].client_aborted, { within_ms: 1500 });
    assert.equal(upstream().length, 1);
  });

  it('one that does not read holds back Google, not the memory', async (t) => {
    const { pollux, upstream } = await stage(t);
    const connection = await openRaw(pollux.url);
    t.after(() => connection.destroy());
    connection.pause();
    connection.send(streamRequest(pollux, '[chars=40000000] [events=400] [pause=0]'));

    let before = -1;
    await eventually(async () => {
      const sent = upstream()[0]?.events_sent ?? 0;
      const stands = sent > 0 && sent === before;
      before = sent;
      await new Promise((done) => { setTimeout(done, 250); });
      return stands;
    }, { within_ms: 15_000 });
    assert.ok(before < 390, `all ${before} events were taken`);

    connection.resume();
    await eventually(() => upstream()[0].finished, { within_ms: 20_000 });
  });
});

describe('settings', () => {
  for (const [name, value, found, expected] of [
    ['PORT', 'eighty', /eighty/, /0|number|65535/], ['PORT', '70000', /70000/, /65535/], ['WORKERS', '-1', /-1/, /./],
    ['MAX_RETRIES', 'many', /many/, /number|whole/i], ['TIME_OUT', 'soon', /soon/, /second|number/i],
    ['MAX_BODY_BYTES', 'huge', /huge/, /number|byte/i], ['LOG_LEVEL', 'loud', /loud/, /info/], ['LOG_FORMAT', 'xml', /xml/, /json/],
    ['GEMINI_BASE_URL', 'ftp://example.org', /ftp/, /http/], ['UPSTREAM_CA_FILE', '/nowhere/ca.pem', /\/nowhere\/ca\.pem/, /./],
    ['TLS_CERT_FILE', '/nowhere/cert.pem', /TLS_/, /./], ['PROXIES', 'gopher://x', /gopher/, /http|socks5/],
    ['HOST', 'not a host', /not a host/, /./], ['MODEL_ALIASES', 'junk', /junk/, /name=model/],
  ]) {
    it(`${name}=${value} stops the start with its name, what was found and what is expected`, async () => {
      const { code, log } = await startThatFails({ env: { [name]: value } });

      assert.notEqual(code, 0);
      assert.match(log, new RegExp(name));
      assert.match(log, found);
      assert.match(log, expected);
    });
  }

  it('an unknown option stops the start, an unknown command too', async () => {
    assert.notEqual((await startThatFails({ args: ['--nonsense'] })).code, 0);
    const run = spawnPollux({ args: ['dance'], env: { PATH: process.env.PATH }, cwd: tmpdir() });
    assert.notEqual((await run.exited).code, 0);
  });

  it('--help and --version answer and end', async () => {
    for (const [word, pattern] of [['--help', /serve[\s\S]*GEMINI_API_KEYS|serve/], ['--version', /\d+\.\d+/]]) {
      const run = spawnPollux({ args: [word], env: { PATH: process.env.PATH }, cwd: tmpdir() });
      assert.equal((await run.exited).code, 0);
      assert.match(run.stdout, pattern);
    }
  });

  it('a misspelt name is warned of', async (t) => {
    const { pollux } = await stage(t, { env: { MAX_RETRYS: '5' } });

    assert.match(pollux.log(), /MAX_RETRYS.*MAX_RETRIES/);
  });

  const envFile = (t, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'pollux-env-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'test.env');
    writeFileSync(path, text);
    return path;
  };

  it('.env is read as people write it: quotes, comments, export, CRLF, blanks', async (t) => {
    const keys = ['a', 'b', 'c'].map((name) => makeKey(`env_${name}`));
    const file = envFile(t, `\uFEFF# a comment\r\n\r\nexport ALLOWED_TOKENS='first-token-1' # the first\r\nAUTH_TOKEN = "admin # token 1"\r\n`
      + `  GEMINI_API_KEYS=["${keys[0]}", "${keys[1]}"]\r\nMAX_RETRIES=1\r\nEMPTY=\r\n`);
    const { pollux } = await stage(t, { keys: [], args: ['--env-file', file], env: { ALLOWED_TOKENS: null, AUTH_TOKEN: null } });
    pollux.adminToken = 'admin # token 1';

    assert.deepEqual((await pollux.status()).keys.map(({ id }) => id).sort(), [keyId(keys[0]), keyId(keys[1])].sort());
    assert.equal((await pollux.call('/v1beta/models', { token: 'first-token-1' })).status, 503, 'the token is known here, the keys are not known to the fake');
  });

  it('the environment goes before .env, and aliases work', async (t) => {
    const file = envFile(t, 'MAX_RETRIES=7\nADMIN_PASSWORD=from-the-file\n');
    const { pollux, fake, upstream } = await stage(t, { keys: ['1', '2', '3', '4'], args: ['--env-file', file], env: { MAX_RETRIES: '0', AUTH_TOKEN: null, ALLOWED_TOKENS: null, USER_KEYS: TOKEN } });
    fake.rule({ row: 'leaked', times: 'always' });
    await pollux.post(UNARY, prompt('hi'));
    pollux.adminToken = 'from-the-file';

    assert.equal(upstream().length, 1);
    assert.equal((await pollux.admin('/admin/status')).status, 200);
  });

  for (const [what, separator] of [['commas', ','], ['pipes', '|'], ['blanks', ' '], ['lines', '\n'], ['commas and blanks', ', ']]) {
    it(`a list may be separated by ${what}`, async (t) => {
      const keys = ['x', 'y'].map((name) => makeKey(`list_${name}`));
      const { pollux } = await stage(t, { keys: [], env: { API_KEYS: keys.join(separator) } });

      assert.equal((await pollux.status()).keys.length, 2);
    });
  }

  it('keys may stand in a file, one a line', async (t) => {
    const keys = ['x', 'y', 'z'].map((name) => makeKey(`file_${name}`));
    const file = envFile(t, `# my keys\n${keys[0]}\r\n\n  ${keys[1]}  \n${keys[2]}\n${keys[0]}\n`);
    const { pollux } = await stage(t, { keys: [], env: { KEY_FILE: file } });

    assert.deepEqual((await pollux.status()).keys.map(({ id }) => id).sort(), keys.map(keyId).sort());
  });

  it('a named file of keys that is not there stops the start', async () => {
    const { code, log } = await startThatFails({ env: { KEY_FILE: '/nowhere/keys.txt' } });

    assert.notEqual(code, 0);
    assert.match(log, /KEY_FILE.*\/nowhere\/keys\.txt/);
  });
});

describe('where it listens', () => {
  it('may be IPv6', async (t) => {
    const { pollux } = await stage(t, { host: '::1' });

    assert.match(pollux.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 200);
  });

  it('a port that is taken stops the start and is named', async (t) => {
    const { pollux } = await stage(t);
    const { port } = new URL(pollux.url);

    const { code, log } = await startThatFails({ env: { PORT: port } });

    assert.equal(code, 1);
    assert.match(log, new RegExp(`HOST, PORT: cannot listen on 127\\.0\\.0\\.1:${port}`));
  });

  for (const variables of [['UPSTREAM_CA_FILE'], ['TLS_CERT_FILE', 'TLS_KEY_FILE']]) {
    it(`a file that is no certificate stops the start in order: ${variables.join(', ')}`, async () => {
      const env = Object.fromEntries(variables.map((name) => [name, '/etc/passwd']));

      const { code, signal, log } = await startThatFails({ env: { ...env, GEMINI_API_KEYS: makeKey('one') } });

      assert.deepEqual({ code, signal }, { code: 1, signal: null }, log);
      assert.match(log, new RegExp(`cannot start: ${variables.join(', ')}: /etc/passwd holds no certificate`));
      assert.doesNotMatch(log, /Sanitizer/);
    });
  }

  it('may be HTTPS', async (t) => {
    const { makeCertificates } = await import('../fake_gemini/certificates.mjs');
    const { readFileSync } = await import('node:fs');
    const certificates = makeCertificates();
    t.after(() => certificates.remove());
    const folder = mkdtempSync(join(tmpdir(), 'pollux-tls-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'cert.pem'), certificates.cert);
    writeFileSync(join(folder, 'key.pem'), certificates.key);
    const { pollux } = await stage(t, { env: { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') } });

    assert.match(pollux.url, /^https:/);
    const answer = await rawRequest(pollux.url.replace('127.0.0.1', 'localhost') + UNARY, { method: 'POST', ca: readFileSync(certificates.caFile, 'utf8'),
      headers: { 'x-goog-api-key': TOKEN }, body: JSON.stringify(prompt('hi')) });
    assert.equal(answer.status, 200);
  });
});

describe('the log', () => {
  it('has one line for each exchange, as text or as JSON', async (t) => {
    const text = await stage(t);
    await text.pollux.post(UNARY, prompt('hi'));
    await text.pollux.waitForLog(/gemini-3\.5-flash-lite.*200/);
    const json = await stage(t, { env: { LOG_FORMAT: 'json' } });
    await json.pollux.post(UNARY, prompt('hi'));

    await json.pollux.waitForLog(/"model":"gemini-3\.5-flash-lite"/);

    const lines = json.pollux.log().trim().split('\n').map((line) => JSON.parse(line));
    const exchange = lines.find(({ model }) => model);
    assert.equal(Number(exchange.status), 200);
    assert.equal(Number(exchange.attempts), 1);
  });
});
