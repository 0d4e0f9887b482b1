import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';

import { GoogleGenAI as Sdk2 } from 'genai2';
import { GoogleGenAI as Sdk3 } from 'genai3';
import WebSocket from 'ws';

import { TOKEN } from './harness/pollux.mjs';
import { openRaw, requestText } from './harness/raw.mjs';
import { MODEL, stage, stateOf } from './harness/stage.mjs';
import { eventually, within } from './harness/wait.mjs';

const LIVE = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
const HANDSHAKE = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': randomBytes(16).toString('base64') };
const setup = (model = MODEL) => JSON.stringify({ setup: { model: `models/${model}` } });
const says = (text) => JSON.stringify({ clientContent: { turns: [{ role: 'user', parts: [{ text }] }], turnComplete: true } });

/** A client of the ws package: what it got, and how it ended. */
class Client {
  messages = [];

  constructor(url, options) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), options);
    this.socket.on('message', (data, isBinary) => this.messages.push({ json: JSON.parse(data.toString()), isBinary }));
    this.socket.on('error', (error) => { this.error = error; });
    this.socket.on('unexpected-response', (request, response) => {
      this.refused = response;
      request.destroy();
    });
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }));
  }

  open() { return within(10_000, once(this.socket, 'open'), 'opening'); }

  async setUp() {
    await this.open();
    this.socket.send(setup());
    await this.message(({ setupComplete }) => setupComplete);
    return this;
  }

  message(wanted) {
    return eventually(() => this.messages.find(({ json }) => wanted(json)), { within_ms: 15_000, what: 'no such message' });
  }

  async answerTo(text) {
    this.socket.send(says(text));
    const { json } = await this.message(({ serverContent }) => serverContent?.modelTurn);
    return json.serverContent.modelTurn.parts[0].text;
  }

  end() { return within(10_000, this.closed, 'closing'); }
}

for (const [name, GoogleGenAI] of [['2', Sdk2], ['3', Sdk3]]) {
  describe(`live sessions of @google/genai ${name}, with nothing changed but base URL and key`, () => {
    let play;
    before(async () => { play = await stage(undefined); });
    beforeEach(() => play.fake.reset());
    after(() => play.close());

    const connect = async (callbacks = {}, { apiKey = TOKEN, model = MODEL, baseUrl = play.pollux.url } = {}) => {
      const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });
      return ai.live.connect({ model, callbacks: { onmessage: () => {}, ...callbacks } });
    };

    it('a session opens, is answered and closed', async () => {
      const got = [];
      const session = await connect({ onmessage: (message) => got.push(message) });

      session.sendClientContent({ turns: 'hello twins' });

      await eventually(() => got.some(({ serverContent }) => serverContent?.turnComplete));
      assert.equal(got.find(({ serverContent }) => serverContent?.modelTurn).serverContent.modelTurn.parts[0].text, 'You said: hello twins');
      session.close();
      const [{ live, credentials }] = play.upstream();
      await eventually(() => !live.open);
      assert.deepEqual(credentials.map(({ via }) => via), ['x-goog-api-key']);
      assert.ok(play.keys.includes(credentials[0].value));
      assert.ok(live.closed);
    });

    it('a code and a reason reach the callbacks', async () => {
      let closed;
      const session = await connect({ onclose: (event) => { closed = event; } });

      session.sendRealtimeInput({ text: '[close=1011 You exceeded your current quota]' });

      await eventually(() => closed);
      assert.equal(closed.code, 1011);
      assert.equal(closed.reason, 'You exceeded your current quota');
    });

    it('works below /gemini', async () => {
      const session = await connect({}, { baseUrl: `${play.pollux.url}/gemini` });
      session.close();

      assert.ok(play.upstream()[0].url.startsWith('/ws/'));
    });
  });
}

describe('live sessions', () => {
  let play;
  const open = (path = `${LIVE}?key=${TOKEN}`, options = {}) => new Client(play.pollux.url + path, options);
  const live = () => play.upstream().at(-1).live;

  before(async () => { play = await stage(undefined, { keys: ['one', 'two', 'three'] }); });
  beforeEach(() => play.fake.reset());
  after(() => play.close());

  it('the token may come in a header, and never goes on', async () => {
    for (const headers of [{ 'x-goog-api-key': TOKEN }, { Authorization: `Bearer ${TOKEN}` }]) {
      const client = await open(`${LIVE}?alt=x&access_token=auth_tokens/abc`, { headers }).setUp();
      client.socket.close();
      await client.end();
    }

    for (const { url, headers, credentials } of play.upstream()) {
      assert.equal(url, `${LIVE}?alt=x`);
      assert.ok(!headers.some((text) => text.includes(TOKEN)));
      assert.equal(credentials.length, 1);
    }
  });

  it('a wrong token is refused before anything is opened', async () => {
    for (const path of [`${LIVE}?key=wrong`, LIVE, `${LIVE}?access_token=auth_tokens/abc`]) {
      const client = open(path);
      await eventually(() => client.refused);
      assert.equal(client.refused.statusCode, 401);
      assert.equal(client.refused.headers['x-pollux-error'], 'unauthorized');
    }
    assert.equal(play.upstream().length, 0);
  });

  it('Google\'s close code and reason reach the client', async () => {
    for (const [code, reason] of [[1007, 'Request contains an invalid argument.'], [1008, 'Your project has been denied access.'],
      [1011, 'Internal error encountered.']]) {
      const client = await open().setUp();
      client.socket.send(says(`[close=${code} ${reason}]`));
      assert.deepEqual(await client.end(), { code, reason });
    }
    const nowhere = open();
    await nowhere.open();
    nowhere.socket.send(setup('no-such-model'));
    assert.match((await nowhere.end()).reason, /no-such-model is not found for API version v1beta/);
  });

  it('the client\'s close code and reason reach Google', async () => {
    const client = await open().setUp();

    client.socket.close(4001, 'had enough');

    assert.deepEqual((await client.end()).code, 4001);
    assert.deepEqual(live().closed, { code: 4001, reason: 'had enough' });
    await eventually(() => !live().open);
  });

  it('messages of several megabytes pass both ways', async () => {
    const client = await open().setUp();
    const long = 'pollux and castor '.repeat(300_000);

    assert.equal(await client.answerTo(long), `You said: ${long}`);
    assert.ok(client.messages.every(({ isBinary }) => isBinary));
    client.socket.close();
    await client.end();
  });

  it('a client that reads slowly gets everything', async () => {
    const client = await open().setUp();
    const pauses = setInterval(() => { client.socket.pause(); setTimeout(() => client.socket.resume(), 20); }, 40);

    assert.equal((await client.answerTo('[chars=8000000]')).length, 8_000_000);
    clearInterval(pauses);
    client.socket.resume();
    client.socket.close();
    await client.end();
  });

  it('ping and pong pass both ways', async () => {
    const client = await open().setUp();
    client.socket.ping('hello?');
    const [answer] = await within(5000, once(client.socket, 'pong'), 'a pong');
    assert.equal(answer.toString(), 'hello?');

    client.socket.send(says('[ping]'));
    await eventually(() => live().pong === 'are you there?');
    client.socket.terminate();
  });

  it('a client that leaves closes the session upstream', async () => {
    for (const leave of [(socket) => socket.terminate(), (socket) => socket._socket.resetAndDestroy(), (socket) => socket._socket.end()]) {
      const client = await open().setUp();
      const session = live();
      leave(client.socket);
      await eventually(() => !session.open);
      assert.equal(session.closed, undefined);
    }
    const keys = (await play.pollux.status()).keys;
    assert.ok(keys.every((key) => stateOf(key) === 'ready'));
  });

  it('an upstream that breaks off ends the client\'s session', async () => {
    const client = await open().setUp();

    client.socket.send(says('[cut]'));

    assert.equal((await client.end()).code, 1006);
  });

  it('a key that fails the handshake is replaced by another', async (t) => {
    const own = await stage(t, { keys: [{ key: 'dead', state: 'suspended' }, { key: 'leaked', state: 'leaked' }, 'alive'] });
    for (let i = 0; i < 3; i += 1) {
      const client = await new Client(`${own.pollux.url}${LIVE}?key=${TOKEN}`).setUp();
      client.socket.close();
      await client.end();
    }

    const opened = own.upstream().filter(({ status }) => status === 101);
    assert.equal(opened.length, 3);
    assert.ok(opened.every(({ key }) => key === own.keys[2]));
    const refused = own.upstream().length - opened.length;
    assert.ok(refused <= 2, 'a dead key was tried again');
  });

  it('a handshake that is refused for the client\'s own fault is answered as Google answered', async () => {
    play.fake.rule({ times: 'always', answer: { status: 400, headers: { 'Content-Type': 'application/json' },
      body: '{"error":{"code":400,"message":"odd","status":"INVALID_ARGUMENT"}}' } });
    const client = open();

    await eventually(() => client.refused);
    assert.equal(client.refused.statusCode, 400);
    assert.equal(play.upstream().length, 1);
  });

  it('an upstream that breaks the handshake costs a retry, no session', async () => {
    play.fake.rule({ fault: 'reset' });

    const client = await open().setUp();

    assert.equal(play.upstream().length, 2);
    client.socket.terminate();
  });

  it('a silent session ends when TIME_OUT has passed', async (t) => {
    const own = await stage(t, { env: { TIME_OUT: '1' } });
    const client = await new Client(`${own.pollux.url}${LIVE}?key=${TOKEN}`).setUp();

    assert.equal((await client.end()).code, 1006);
    await eventually(() => !own.upstream()[0].live.open);
  });

  it('an upgrade anywhere else is an ordinary request', async (t) => {
    const connection = await openRaw(play.pollux.url);
    t.after(() => connection.destroy());
    connection.send(requestText(`${play.pollux.url}/v1beta/models`, { headers: { ...HANDSHAKE, 'x-goog-api-key': TOKEN } }));
    const answer = await connection.readAnswer();

    assert.equal(answer.status, 200);
    assert.ok(answer.json().models.length > 0);
    assert.ok(!play.upstream()[0].headers.some((text) => /^upgrade$/i.test(text)));
    connection.send(requestText(`${play.pollux.url}${LIVE}`, { headers: { 'x-goog-api-key': TOKEN } }));
    assert.equal((await connection.readAnswer()).status, 404);
  });

  it('a running session holds back the end, which comes when it closes', async (t) => {
    const own = await stage(t, { env: { WORKERS: '1' } });
    const client = await new Client(`${own.pollux.url}${LIVE}?key=${TOKEN}`).setUp();
    own.pollux.signal('SIGTERM');
    await own.pollux.waitForLog(/stopping/);

    assert.equal(await client.answerTo('still there?'), 'You said: still there?');
    client.socket.close();
    await client.end();

    assert.deepEqual(await own.pollux.exit(), { code: 0, signal: null });
    own.pollux.checkLog();
  });
});
