import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';

import { ask, keepAliveAgent } from './harness/load.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { eventsOf, keyId, prompt, stage, STREAM, textOf, UNARY } from './harness/stage.mjs';
import { eventually, pause, scaled } from './harness/wait.mjs';

/** A models.lua that refuses the model "which" with a text of ours, and leaves the rest to the shipped one. */
const saying = (text) => `local shipped = require "default.models"
local models = { visible = shipped.visible }


function models.resolve(request, name)
  if name == "which" then return deny(403, "${text}") end
  return shipped.resolve(request, name)
end


return models
`;

const selecting = (lines) => `local keys = {}


function keys.select(request, pool)
${lines}
end


return keys
`;

describe('the owner\'s policies', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one', 'two'] });
    pollux = play.pollux;
  });
  after(() => play.close());
  beforeEach(async () => {
    play.fake.reset();
    for (const name of ['keys.lua', 'models.lua', 'transform.lua', 'helper.lua']) pollux.removePolicy(name);
    await eventually(async () => (await pollux.post(UNARY, prompt('settled?'))).status === 200 && !(await which()));
    play.fake.clearRequests();
  });

  /** What the saved models.lua says now. */
  const which = async () => {
    const answer = await pollux.post('/v1beta/models/which:generateContent', prompt('x'));
    return answer.json().error.message.match(/says (\w+)/)?.[1];
  };
  const untilSays = (word) => eventually(async () => (await which()) === word, { within_ms: 1500, what: `nobody says ${word}` });

  it('are obeyed by the next request within a second, whether written in place or saved by rename', async () => {
    pollux.writePolicy('models.lua', saying('says one'), { inPlace: true });
    await untilSays('one');
    pollux.writePolicy('models.lua', saying('says two'));
    await untilSays('two');

    pollux.removePolicy('models.lua');

    await eventually(async () => (await which()) === undefined, { within_ms: 1500 });
  });

  it('choose the key', async () => {
    pollux.writePolicy('keys.lua', selecting(`  return pool:named("${keyId(play.keys[1])}"):least_busy()`));

    await eventually(async () => {
      play.fake.clearRequests();
      for (let i = 0; i < 4; i += 1) await pollux.post(UNARY, prompt('hi'));
      return play.upstream().every(({ key }) => key === play.keys[1]);
    });
  });

  it('may build on the shipped ones and on each other', async () => {
    pollux.writePolicy('helper.lua', 'return { word = "says helped" }\n');
    pollux.writePolicy('models.lua', saying('WORD').replace('"WORD"', '(require "helper").word'));
    await untilSays('helped');

    pollux.writePolicy('helper.lua', 'return { word = "says again" }\n');

    await untilSays('again');
  });

  it('that are bad change nothing, and say where', async () => {
    pollux.writePolicy('models.lua', saying('says good'));
    await untilSays('good');

    for (const [bad, line] of [['local models = {}\n\nfunction models.resolve(\n', '[345]'], ['return 7\n', '[01]'], ['x = 1\nreturn {}\n', '1'],
      ['local t = nil\nlocal u = t.x\nreturn {}\n', '2'], ['while true do end\n', '1']]) {
      pollux.writePolicy('models.lua', bad);
      const where = new RegExp(`models\\.lua(:${line})?:`);
      await eventually(async () => where.test((await pollux.admin('/admin/policies')).text), { what: `no error for: ${bad}` });
      await pollux.waitForLog(where);
      assert.equal(await which(), 'good');
    }

    pollux.writePolicy('models.lua', saying('says better'));
    await untilSays('better');
    assert.doesNotMatch((await pollux.admin('/admin/policies')).text, /models\.lua:\d/);
  });

  for (const [what, lines] of [
    ['a loop without end', '  while true do end'],
    ['a loop without end around pcall', '  while true do pcall(function() while true do end end) end'],
    ['a pattern that backtracks for ever', '  return string.find(string.rep("a", 30), string.rep("a?", 30) .. string.rep("a", 30) .. "b")'],
    ['a hunger for memory', '  local t = {}\n  while true do t[#t + 1] = string.rep("x", 1000000) .. #t end'],
    ['a table without end', '  local t = {}\n  for i = 1, 1e12 do t[i] = { i } end'],
    ['endless recursion', '  local function f(n) return 1 + f(n + 1) end\n  return f(1)'],
    ['an error', '  return request.client.nothing.here'],
    ['something that is no key', '  return "AIza"'],
  ]) {
    it(`with ${what} give a 500 that names the file and line, and the process lives`, async () => {
      pollux.writePolicy('keys.lua', selecting(lines));
      let answer;
      await eventually(async () => {
        const started = Date.now();
        answer = await pollux.post(UNARY, prompt('hi'));
        const took = Date.now() - started;
        assert.ok(took < scaled(2500), `the answer took ${took} ms`);
        return answer.status === 500;
      }, { what: 'no 500' });

      assert.match(answer.json().error.message, what.startsWith('something') ? /keys/ : /keys\.lua:\d+: /);
      assert.ok(answer.header('x-pollux-error'));
      assert.equal((await pollux.call('/health', { token: null })).status, 200);
      pollux.removePolicy('keys.lua');
      await eventually(async () => (await pollux.post(UNARY, prompt('hi'))).status === 200);
    });
  }

  it('may sleep without holding up others', async () => {
    pollux.writePolicy('keys.lua', selecting('  if request.headers["x-sleepy"] then sleep(0.8) end\n  return pool:round_robin()'));
    await eventually(async () => {
      const started = Date.now();
      await pollux.post(UNARY, prompt('hi'), { headers: { 'x-sleepy': '1' } });
      return Date.now() - started > 700;
    });

    const sleepers = Array.from({ length: 20 }, () => pollux.post(UNARY, prompt('hi'), { headers: { 'x-sleepy': '1' } }));
    const started = Date.now();
    await pollux.post(UNARY, prompt('awake'));
    const awake = Date.now() - started;
    const answers = await Promise.all(sleepers);

    assert.ok(awake < scaled(600), `an awake request took ${awake} ms`);
    assert.ok(Date.now() - started < scaled(5000));
    assert.ok(answers.every(({ status }) => status === 200));
  });

  it('may ask another server', async (t) => {
    const server = createServer((req, res) => {
      const pieces = [];
      req.on('data', (piece) => pieces.push(piece));
      req.on('end', () => res.writeHead(203, { 'X-From': 'helper' }).end(`${req.method} ${req.headers['x-mine']} ${Buffer.concat(pieces)}`));
    });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    t.after(() => { server.closeAllConnections(); server.close(); });
    const url = `http://127.0.0.1:${server.address().port}/x`;
    pollux.writePolicy('keys.lua', selecting(`  local answer, why = http.fetch{url = "${url}", method = "POST", headers = {["x-mine"] = "yes"}, body = "ping", timeout = 5}
  request.headers["x-fetched"] = answer and (answer.status .. " " .. answer.headers["x-from"] .. " " .. answer.body) or why
  local none, reason = http.fetch{url = "http://127.0.0.1:9/", timeout = 1}
  request.headers["x-none"] = none == nil and type(reason) or "answered"
  return pool:round_robin()`));

    await eventually(async () => {
      await pollux.post(UNARY, prompt('hi'));
      return play.upstream().at(-1).headers.includes('x-fetched');
    });

    const { headers } = play.upstream().at(-1);
    assert.equal(headers[headers.indexOf('x-fetched') + 1], '203 helper POST yes ping');
    assert.equal(headers[headers.indexOf('x-none') + 1], 'string');
  });

  it('end an exchange that they began', async () => {
    const version = (word, nap) => {
      pollux.writePolicy('keys.lua', selecting(`  if request.headers["x-sleepy"] then sleep(${nap}) end\n  return pool:round_robin()`));
      pollux.writePolicy('transform.lua', `local transform = {}\n\n\nfunction transform.request(request)\n  request.headers["x-set"] = "${word}"\nend\n\n\nreturn transform\n`);
    };
    const setNow = async () => {
      await pollux.post(UNARY, prompt('hi'));
      const { headers } = play.upstream().at(-1);
      return headers[headers.indexOf('x-set') + 1];
    };
    version('old', 2.5);
    await eventually(async () => (await setNow()) === 'old');
    const sleeper = pollux.post(UNARY, prompt('the sleeper'), { headers: { 'x-sleepy': '1' } });
    const stream = pollux.post(STREAM, prompt('hello [events=30] [pause=80]'));
    version('new', 0);
    await eventually(async () => (await setNow()) === 'new');

    assert.equal((await sleeper).status, 200);
    const entry = play.upstream().find(({ body }) => body.includes('the sleeper'));
    assert.equal(entry.headers[entry.headers.indexOf('x-set') + 1], 'old');
    assert.equal(eventsOf((await stream).text).length, 30);
  });

  it('edit headers and JSON in place, keeping the order and the look of what they leave', async () => {
    pollux.writePolicy('transform.lua', `local transform = {}


function transform.request(request)
  request.headers["x-removed"] = nil
  request.body.generationConfig = { temperature = 0.5 }
end


function transform.response(request, response)
  response.headers["x-added"] = "yes"
end


return transform
`);
    const body = '{"zebra":[],"contents":[{"role":"user","parts":[{"text":"é"}]}],"apple":{},"n":null,"big":9007199254740993,"f":1.50}';
    play.fake.rule({ times: 'always', answer: { body: '{"candidates": [{"finishReason": "STOP","x": 3.0}]}' } });
    let answer;
    await eventually(async () => {
      answer = await pollux.post(UNARY, body, { headers: { 'X-Removed': '1' } });
      return answer.header('x-added') === 'yes';
    });

    const sent = play.upstream().at(-1);
    assert.match(sent.body, /^\{"zebra":\[\],"contents":.*"apple":\{\},"n":null,"big":9007199254740993,"f":1\.50?,"generationConfig":\{"temperature":0\.5\}\}$/);
    assert.ok(!sent.headers.some((word) => /x-removed/i.test(word)));
  });

  it('have no files, no processes, no ffi', async () => {
    const names = ['io', 'os.execute', 'os.getenv', 'debug', 'ffi', 'package.loadlib', 'load', 'loadstring', 'dofile', 'loadfile', 'string.dump'];
    pollux.writePolicy('models.lua', `local function reach(get)
  local good, value = pcall(get)
  return good and value ~= nil
end

local open = {}
${names.map((name) => `if reach(function() return ${name} end) then open[#open + 1] = "${name}" end`).join('\n')}
${saying('X').replace('"X"', '"says " .. (#open == 0 and "closed" or "open: " .. table.concat(open, " "))')}`);

    await untilSays('closed');
  });
});

describe('hot reload under load', () => {
  it('fails none of 200 requests a second while good and bad files are saved again and again', async (t) => {
    const { pollux } = await stage(t, { keys: ['1', '2', '3', '4'] });
    const agent = keepAliveAgent(64);
    t.after(() => agent.destroy());
    const total = 1400;
    const body = JSON.stringify(prompt('hi'));
    const headers = { 'x-goog-api-key': TOKEN, 'Content-Type': 'application/json' };
    let saves = 0;
    const saver = setInterval(() => {
      saves += 1;
      const text = saves % 3 === 0 ? 'return {{{ \n' : selecting(`  -- ${saves}\n  return pool:round_robin()`);
      pollux.writePolicy('keys.lua', text, { inPlace: saves % 2 === 0 });
    }, 120);

    const answers = [];
    const started = Date.now();
    while (answers.length < total) {
      const due = Math.min(total, Math.floor((Date.now() - started) / 5));
      while (answers.length < due) answers.push(ask(agent, pollux.url + UNARY, { headers, body }));
      await pause(5);
    }
    const results = await Promise.all(answers);
    clearInterval(saver);

    assert.deepEqual(results.filter(({ status }) => status !== 200).slice(0, 3), []);
    assert.ok(saves > 20);
    assert.match(pollux.log(), /keys\.lua:\d+:/);
  });
});

describe('at start', () => {
  it('a bad file of the owner\'s is replaced by the shipped one, and named', async (t) => {
    const { pollux } = await stage(t, { policies: { 'keys.lua': 'return {{{\n' } });

    const answer = await pollux.post(UNARY, prompt('hi'));

    assert.equal(textOf(answer), 'You said: hi');
    assert.match((await pollux.admin('/admin/policies')).text, /keys\.lua:\d+:/);
  });
});
