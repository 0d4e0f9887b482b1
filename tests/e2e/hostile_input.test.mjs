import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { TOKEN } from './harness/pollux.mjs';
import { openRaw, requestText } from './harness/raw.mjs';
import { prompt, stage, textOf, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

const KEY = `x-goog-api-key: ${TOKEN}\r\n`;
const HOST = 'Host: pollux\r\n';
const START = `POST ${UNARY} HTTP/1.1\r\n${HOST}${KEY}`;
const GET = `GET /v1beta/models HTTP/1.1\r\n${HOST}${KEY}`;

describe('hostile input', () => {
  let play;
  const open = new Set();
  before(async () => { play = await stage(undefined, { env: { MAX_BODY_BYTES: '100000' } }); });
  after(() => play.close());
  afterEach(async () => {
    open.forEach((connection) => connection.destroy());
    open.clear();
    const answer = await play.pollux.post(UNARY, prompt('still there?'));
    assert.equal(textOf(answer), 'You said: still there?');
    play.fake.clearRequests();
  });

  const connect = async () => {
    const connection = await openRaw(play.pollux.url);
    open.add(connection);
    return connection;
  };
  const answerTo = async (bytes) => (await connect()).send(bytes).readAnswer();
  const refused = async (bytes, ...statuses) => {
    const connection = await connect();
    const answer = await connection.send(bytes).readAnswer();
    assert.ok(statuses.includes(answer.status), `${answer.status} instead of ${statuses}: ${answer.text}`);
    assert.equal(play.upstream().length, 0, 'it reached Google');
    return { answer, connection };
  };

  for (const [what, bytes] of Object.entries({
    'Content-Length with Transfer-Encoding': `${START}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'Transfer-Encoding with Content-Length': `${START}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    'two different lengths': `${START}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
    'the same length twice': `${START}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`,
    'a list of lengths': `${START}Content-Length: 4, 4\r\n\r\nabcd`,
    'a negative length': `${START}Content-Length: -1\r\n\r\n`,
    'a length with a sign': `${START}Content-Length: +4\r\n\r\nabcd`,
    'a length beyond 64 bits': `${START}Content-Length: 99999999999999999999999\r\n\r\n`,
    'a length in hexadecimal': `${START}Content-Length: 0x4\r\n\r\nabcd`,
    'an unknown transfer encoding': `${START}Transfer-Encoding: cow\r\n\r\n`,
    'chunked that is not last': `${START}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    'a disguised transfer encoding': `${START}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    'a bare CR in a header': `${GET}X-Odd: a\rb\r\n\r\n`,
    'a NUL in a header': `${GET}X-Odd: a\0b\r\n\r\n`,
    'a NUL in the address': `GET /v1beta/models\0 HTTP/1.1\r\n${HOST}\r\n`,
    'a blank in a header\'s name': `${GET}X Odd: a\r\n\r\n`,
    'a header without a colon': `${GET}nonsense\r\n\r\n`,
    'a folded header': `${GET}X-Odd: a\r\n b\r\n\r\n`,
    'no version': 'GET /\r\n\r\n',
    'a version of the future': `GET / HTTP/9.9\r\n${HOST}\r\n`,
    'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    'garbage': '\xff\xfe\x00garbage\r\n\r\n',
    'an HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'TRACE, whose answer would show the key': `TRACE /v1beta/models HTTP/1.1\r\n${HOST}${KEY}\r\n`,
    'an unknown method': `BREW ${UNARY} HTTP/1.1\r\n${HOST}${KEY}\r\n`,
  })) {
    it(`${what} is refused`, async () => {
      const { answer, connection } = await refused(bytes, 400, 405, 501, 505);
      assert.match(answer.header('content-type'), /json/);
      assert.ok(answer.json().error.message);
      await connection.waitForClose();
    });
  }

  for (const [method, target] of [['TRACE', '/v1beta/models'], ['CONNECT', 'example.com:443']]) {
    it(`${method} is known nowhere here, and said to be`, async () => {
      const { answer } = await refused(`${method} ${target} HTTP/1.1\r\n${HOST}${KEY}\r\n`, 501);
      assert.deepEqual([answer.json().error.code, answer.json().error.status], [501, 'UNIMPLEMENTED']);
    });
  }

  it('a request without a Host is refused', async () => {
    await refused(`GET /v1beta/models HTTP/1.1\r\n${KEY}\r\n`, 400);
  });

  for (const [what, chunk] of [['no number', 'xyz\r\nabc\r\n'], ['a number too long', 'fffffffffffffffff\r\n'], ['a wrong end', '3\r\nabcd\r\n'],
    ['a negative one', '-3\r\nabc\r\n']]) {
    it(`a chunk with ${what} is refused`, async () => {
      const answer = await answerTo(`${START}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
      assert.equal(answer.status, 400);
    });
  }

  it('a URL that is too long is a 414', async () => {
    await refused(`GET /v1beta/models?x=${'a'.repeat(70_000)} HTTP/1.1\r\n${HOST}${KEY}\r\n`, 414);
  });

  it('too many headers are a 431', async () => {
    await refused(`${GET}${Array.from({ length: 2000 }, (_, i) => `X-${i}: 1\r\n`).join('')}\r\n`, 431);
  });

  it('too large a header is a 431', async () => {
    await refused(`${GET}X-Large: ${'a'.repeat(300_000)}\r\n\r\n`, 431);
  });

  it('a body above the limit is a 413 from the announced length, before a byte of it', async () => {
    const { answer } = await refused(`${START}Content-Length: 100001\r\n\r\n`, 413);
    assert.equal(answer.json().error.code, 413);
  });

  it('also to a client that waits for 100 Continue', async () => {
    const { answer } = await refused(`${START}Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n`, 413);
    assert.deepEqual(answer.informational, []);
  });

  it('a chunked body is a 413 once it passes the limit', async () => {
    const piece = `${(60_000).toString(16)}\r\n${'a'.repeat(60_000)}\r\n`;
    const answer = await answerTo(`${START}Transfer-Encoding: chunked\r\n\r\n${piece}${piece}`);
    assert.equal(answer.status, 413);
  });

  it('a body just at the limit passes', async () => {
    const body = JSON.stringify(prompt('x')).padEnd(100_000, ' ');
    const answer = await answerTo(requestText(play.pollux.url + UNARY, { method: 'POST', headers: { 'x-goog-api-key': TOKEN }, body }));
    assert.equal(answer.status, 200);
  });

  it('a head that never ends is a 408', async () => {
    const connection = await connect();
    connection.send('GET /v1beta/models HTTP/1.1\r\nHost: pollux\r\nX-Slow: ');
    const drip = setInterval(() => connection.send('a'), 300);
    try {
      assert.equal((await connection.readAnswer()).status, 408);
      await connection.waitForClose();
    } finally {
      clearInterval(drip);
    }
  });

  it('half a request and then the end leaves nothing behind', async () => {
    for (const bytes of ['', 'GET', GET, `${START}Content-Length: 50\r\n\r\n{"contents":`, `${START}Transfer-Encoding: chunked\r\n\r\n5\r\nab`]) {
      const connection = await connect();
      connection.send(bytes);
      connection.end();
      await connection.waitForClose();
    }
    await eventually(() => play.upstream().every(({ finished, client_aborted: aborted }) => finished || aborted));
  });

  it('a hundred connections that say nothing keep nobody else waiting', async () => {
    await Promise.all(Array.from({ length: 100 }, connect));

    assert.equal((await play.pollux.post(UNARY, prompt('hi'))).status, 200);
  });

  it('a request in the bytes of another one\'s refused body is not served', async () => {
    const connection = await connect();
    connection.send(`${START}Content-Length: 200000\r\n\r\n${GET}\r\n`);
    const text = (await connection.readToEnd()).toString();

    assert.equal(text.match(/HTTP\/1\.1 /g).length, 1);
    assert.equal(play.upstream().length, 0);
  });

  it('a header cannot be smuggled through the address', async () => {
    const answer = await answerTo(`GET /v1beta/models?x=%0d%0aX-Injected:%201 HTTP/1.1\r\n${HOST}${KEY}\r\n`);

    assert.equal(answer.status, 200);
    assert.ok(!play.upstream()[0].headers.some((word) => /injected/i.test(word)));
  });

  it('a path cannot climb out', async () => {
    for (const path of ['/v1beta/../../etc/passwd', '/v1beta/models/..%2f..%2fx:generateContent', '/%2e%2e/admin/status', '/v1beta/../admin/status']) {
      const answer = await answerTo(`GET ${path} HTTP/1.1\r\n${HOST}${KEY}\r\n`);
      assert.equal(answer.status, 404, path);
    }
    assert.equal(play.upstream().length, 0, 'it reached Google');
  });

  it('a prefix with nothing behind it is nothing', async () => {
    for (const path of ['/gemini', '/gemini/', '/openai', '/hf/', '/v1', '/v1/v1', '*']) {
      const answer = await answerTo(`GET ${path} HTTP/1.1\r\n${HOST}${KEY}\r\n`);
      assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
    }
  });

  it('an absolute address leads nowhere else', async () => {
    const answer = await answerTo(`GET http://169.254.169.254/v1beta/models HTTP/1.1\r\n${HOST}${KEY}\r\n`);
    assert.ok(answer.status === 200 || answer.status === 400);
  });

  it('a body that is no JSON is Google\'s to judge', async () => {
    const answer = await play.pollux.post(UNARY, '{"contents": [');
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Invalid JSON payload/);
  });
});
