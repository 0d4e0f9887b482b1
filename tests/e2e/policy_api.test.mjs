import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';

import { ask, inParallel, keepAliveAgent } from './harness/load.mjs';
import { TOKEN } from './harness/pollux.mjs';
import { keyId, prompt, stage, UNARY } from './harness/stage.mjs';
import { eventually } from './harness/wait.mjs';

/** A models.lua that refuses the model "which" with a text of ours, and leaves the rest to the shipped one. */
const saying = (text) => `local shipped = require "default.models"
local models = {}


function models.resolve(request, name)
  if name == "which" then return deny(403, "${text}") end
  return shipped.resolve(request, name)
end


return models
`;

describe('the policies of the administration', () => {
  let play;
  let pollux;
  before(async () => {
    play = await stage(undefined, { keys: ['one', 'two'] });
    pollux = play.pollux;
  });
  after(() => play.close());
  beforeEach(async () => {
    play.fake.reset();
    for (const { path, owner } of await files()) if (owner) await remove(path);
    assert.equal((await list()).error, null);
    play.fake.clearRequests();
  });

  const list = async () => (await pollux.admin('/admin/policies')).json();
  const files = async () => (await list()).files;
  const read = (path) => pollux.admin(`/admin/policies/${path}`);
  const remove = (path, headers) => pollux.admin(`/admin/policies/${path}`, { method: 'DELETE', headers });
  const write = (path, text, headers = {}) => pollux.call(`/admin/policies/${path}`, {
    method: 'PUT', token: null, body: text, headers: { Authorization: `Bearer ${pollux.adminToken}`, 'Content-Type': 'text/plain', ...headers },
  });
  const onDisk = (path) => (existsSync(join(pollux.policiesFolder, path)) ? readFileSync(join(pollux.policiesFolder, path), 'utf8') : null);
  /** What the models.lua in force says, on a connection of its own: any worker may answer. */
  const which = async () => {
    const answer = await pollux.post('/v1beta/models/which:generateContent', prompt('x'), { headers: { Connection: 'close' } });
    return answer.json().error.message.match(/says (\w+)/)?.[1];
  };
  const whichOfMany = async () => [...new Set(await inParallel(12, 4, which))];

  it('are listed with their hooks and their settings', async () => {
    const shipped = await files();

    const keys = shipped.find(({ path }) => path === 'keys.lua');
    assert.deepEqual([keys.owner, keys.overrides, keys.error, keys.hooks], [false, false, null, ['select']]);
    assert.deepEqual(keys.settings.map(({ name, policy }) => [name, policy]), [['KEEP_CONVERSATIONS', 'keys.lua']]);
    assert.ok(shipped.find(({ path }) => path === 'models.lua').hooks.includes('overview'));
    assert.ok(shipped.some(({ path }) => path === 'dialects/openai.lua'));
  });

  it('are read with what is shipped of them', async () => {
    const answer = await read('keys.lua');
    const { text, shipped_text: shipped, diff, etag } = answer.json();

    assert.match(text, /^-- keys\.lua/);
    assert.equal(text, shipped);
    assert.equal(diff, null);
    assert.equal(answer.header('etag'), etag);
    assert.equal((await read('dialects%2Fopenai.lua')).status, 200);
    for (const path of ['nothing.lua', '..%2f..%2fetc%2fpasswd', '%2Fetc%2Fpasswd', 'keys_test.lua']) assert.equal((await read(path)).status, 404, path);
  });

  it('are in force in every worker when the answer comes, and shown with their difference', async () => {
    const answer = await write('models.lua', saying('says one'));

    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(await whichOfMany(), ['one']);
    assert.equal(onDisk('models.lua'), saying('says one'));
    const file = answer.json();
    assert.deepEqual([file.owner, file.overrides, file.text], [true, true, saying('says one')]);
    assert.match(file.diff, /^--- shipped\/models\.lua\n\+\+\+ models\.lua\n@@ /);
    assert.match(file.diff, /\n\+local shipped = require "default\.models"\n/);
    assert.match(file.shipped_text, /^-- models\.lua/);

    assert.deepEqual((await remove('models.lua')).json(), { removed: 'models.lua' });
    assert.deepEqual(await whichOfMany(), [undefined]);
    assert.equal(onDisk('models.lua'), null);
  });

  it('may be written as JSON, in folders that are made, and be new ones', async () => {
    const answer = await write('helpers/words.lua', JSON.stringify({ text: 'return { word = "says helped" }\n' }), { 'Content-Type': 'application/json' });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.json().shipped_text, answer.json().diff], [null, null]);
    await write('models.lua', `local words = require "helpers.words"\n${saying('WORD').replace('"WORD"', 'words.word')}`);
    assert.equal(await which(), 'helped');

    const kept = await remove('helpers/words.lua');

    assert.equal(kept.status, 409, kept.text);
    assert.match(kept.json().error.message, /^models\.lua:1: .*helpers/);
    assert.equal(await which(), 'helped');
    await remove('models.lua');
    assert.equal((await remove('helpers/words.lua')).status, 200);
  });

  it('are refused with file and line where the set does not load, and nothing is written', async () => {
    const { version } = await list();
    for (const [text, line, message] of [['local keys = {}\n\nreturn keys = 7\n', 3, /^keys\.lua:3: /], ['error("no")', 1, /^keys\.lua:1: no/],
      ['while true do end', 1, /^keys\.lua:1: /],
      ['\u001bLJ\u0002', 1, /^keys\.lua:1: this is Lua bytecode; a policy is Lua text$/], ['return { select = 7 }', undefined, /^keys\.lua: select is a number/], ['', undefined, /^keys\.lua: /]]) {
      for (const path of ['keys.lua', 'keys.lua?check=true']) {
        const answer = await write(path, text);
        assert.equal(answer.status, 400, answer.text);
        const { error } = answer.json();
        assert.match(error.message, message);
        assert.deepEqual([error.field, error.line], ['text', line]);
      }
    }
    assert.equal(onDisk('keys.lua'), null);
    assert.equal((await list()).version, version);
    assert.equal((await list()).error, null);
    assert.equal((await pollux.post(UNARY, prompt('hi'))).status, 200);
  });

  it('take their settings with them where nothing builds on them any more', async () => {
    const settingsOf = async (path) => (await files()).find((file) => file.path === path).settings.map(({ name }) => name);
    assert.equal((await write('keys.lua', 'return {}')).status, 200);

    assert.deepEqual(await settingsOf('keys.lua'), []);
    assert.equal((await pollux.admin('/admin/settings', { method: 'PATCH', body: { KEEP_CONVERSATIONS: false } })).status, 400);
    assert.equal((await write('keys.lua', 'return require "default.keys"')).status, 200);
    assert.deepEqual(await settingsOf('keys.lua'), ['KEEP_CONVERSATIONS']);
    assert.equal((await write('models.lua', 'return {}')).status, 200);
    assert.ok((await settingsOf('models.lua')).includes('MODEL_ALIASES'), 'other shipped policies build on it');
  });

  it('declare no setting that Pollux has itself', async () => {
    for (const name of ['PORT', 'AUTH_TOKEN', 'GEMINI_API_KEYS', 'ADMIN_PASSWORD', 'MAX_RETRIES']) {
      const answer = await write('own.lua', `return { settings = { { name = "${name}", type = "string", about = "x" } } }`);
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.json().error.message, new RegExp(`^own\\.lua: settings\\[1\\]: ${name} is a setting of Pollux itself`));
    }
  });

  it('are only checked where that is asked', async () => {
    const { version } = await list();
    assert.deepEqual((await write('models.lua?check=true', saying('says checked'))).json(), { path: 'models.lua', checked: true });
    assert.equal(onDisk('models.lua'), null);
    assert.equal((await list()).version, version);
    assert.equal((await write('models.lua?chek=true', saying('x'))).json().error.field, 'chek');
  });

  it('are written nowhere else, whatever the path', async () => {
    mkdirSync(join(pollux.folder, 'outside'), { recursive: true });
    if (!existsSync(join(pollux.policiesFolder, 'link'))) symlinkSync(join(pollux.folder, 'outside'), join(pollux.policiesFolder, 'link'));
    for (const [path, status] of [['..%2fkeys.lua', 400], ['%2e%2e%2fkeys.lua', 400], ['a%2f..%2f..%2fkeys.lua', 400], ['%2Ftmp%2Fkeys.lua', 400],
      ['a%00.lua', 400], ['.hidden.lua', 400], ['keys.txt', 400], ['keys', 400], ['keys_test.lua', 400], ['a.b.lua', 400], ['a%5Cb.lua', 400],
      [`${'a/'.repeat(9)}x.lua`, 400], [`${'x'.repeat(300)}.lua`, 400], ['default/keys.lua', 400], ['default%2Flib%2Fx.lua', 400], ['link/keys.lua', 409]]) {
      const answer = await write(path, 'return {}');
      assert.equal(answer.status, status, `${path}: ${answer.text}`);
      assert.equal(answer.json().error.field, 'path', path);
    }
    assert.deepEqual(readdirSync(join(pollux.folder, 'outside')), []);
    assert.deepEqual(readdirSync(pollux.folder).filter((name) => name.endsWith('.lua')), []);
  });

  it('are told to be useless where they lie in the place of what is shipped', async () => {
    mkdirSync(join(pollux.policiesFolder, 'default'), { recursive: true });
    writeFileSync(join(pollux.policiesFolder, 'default/keys.lua'), 'return {} -- mine');
    await write('keys.lua', 'return require "default.keys"');
    await eventually(async () => (await files()).some(({ path }) => path === 'default/keys.lua'));

    const [useless] = (await files()).filter(({ path }) => path.startsWith('default/'));

    assert.deepEqual([useless.owner, useless.hooks, useless.settings], [true, [], []]);
    assert.match(useless.error, /^default\/keys\.lua: nothing reads it/);
    assert.equal((await list()).error, null);
    assert.match((await read('default/keys.lua')).json().text, /-- mine/);
    assert.match((await read('keys.lua')).json().shipped_text, /^-- keys\.lua/);
    assert.equal((await remove('default/keys.lua')).status, 200);
    assert.equal((await files()).some(({ path }) => path.startsWith('default/')), false);
    assert.equal(onDisk('default/keys.lua'), null);
  });

  it('are refused where they are too large, no text or no such JSON', async () => {
    assert.equal((await write('keys.lua', `return {} --${'x'.repeat(1 << 20)}`)).status, 413);
    assert.equal((await write('keys.lua', Buffer.alloc(5 << 20, 0x20))).status, 413);
    assert.equal((await write('keys.lua', Buffer.from([0x72, 0xff, 0xfe]))).status, 400);
    for (const body of ['{', '[]', '{"text": 7}', '{"text": "return {}", "more": 1}']) {
      assert.equal((await write('keys.lua', body, { 'Content-Type': 'application/json' })).status, 400, body);
    }
    assert.equal((await pollux.admin('/admin/policies/keys.lua', { method: 'POST', body: {} })).status, 405);
    assert.equal((await remove('keys.lua')).status, 404);
    assert.equal((await remove('nothing.lua')).status, 404);
    assert.equal(onDisk('keys.lua'), null);
  });

  it('are not overwritten by who has read an older text', async () => {
    const { etag } = (await read('models.lua')).json();
    const first = await write('models.lua', saying('says first'), { 'If-Match': etag });
    assert.equal(first.status, 200);

    for (const late of [await write('models.lua', saying('says second'), { 'If-Match': etag }), await remove('models.lua', { 'If-Match': etag }),
      await write('models.lua', saying('says second'), { 'If-None-Match': '*' }), await write('new.lua', 'return {}', { 'If-Match': etag })]) {
      assert.equal(late.status, 412, late.text);
    }
    assert.equal(await which(), 'first');
    assert.equal((await write('models.lua', saying('says third'), { 'If-Match': first.header('etag') })).status, 200);
    assert.equal(await which(), 'third');
  });

  it('written by many at once are each whole, and the last one counts', async () => {
    const answers = await inParallel(24, 12, (number) => write('models.lua', saying(`says n${number}`)));

    for (const answer of answers) assert.equal(answer.status, 200, answer.text);
    const said = onDisk('models.lua').match(/says (n\d+)/)[1];
    assert.equal(onDisk('models.lua'), saying(`says ${said}`));
    assert.deepEqual(await whichOfMany(), [said]);
    assert.deepEqual(readdirSync(pollux.policiesFolder).filter((name) => name.startsWith('.')), []);
  });

  it('are loaded once, and the editor on disk is still heard', async () => {
    const { version } = await list();
    await write('models.lua', saying('says once'));
    await new Promise((done) => { setTimeout(done, 1300); });
    assert.equal((await list()).version, version + 1);

    pollux.writePolicy('models.lua', saying('says edited'));
    for (let i = 0; i < 100 && (await which()) !== 'edited'; i += 1) await new Promise((done) => { setTimeout(done, 50); });
    assert.equal(await which(), 'edited');
  });

  it('change under load from one request to the next without a failed one', async () => {
    const agent = keepAliveAgent(8);
    const body = JSON.stringify(prompt('hi'));
    let going = true;
    const load = inParallel(8, 8, async () => {
      let asked = 0;
      while (going) {
        const answer = await ask(agent, pollux.url + UNARY, { headers: { 'x-goog-api-key': TOKEN, 'Content-Type': 'application/json' }, body });
        assert.equal(answer.status, 200, answer.text);
        asked += 1;
      }
      return asked;
    });
    for (let round = 0; round < 6; round += 1) {
      const chosen = keyId(play.keys[round % 2]);
      const text = `local keys = {}\nfunction keys.select(request, pool) return pool:named("${chosen}"):least_busy() end\nreturn keys\n`;
      assert.equal((await write('keys.lua', text)).status, 200);
      play.fake.clearRequests();
      await inParallel(4, 4, () => pollux.post(UNARY, prompt('mine'), { headers: { Connection: 'close' } }));
      const mine = play.upstream().filter((request) => request.body?.includes('mine'));
      assert.equal(mine.length, 4);
      for (const { key } of mine) assert.equal(keyId(key), chosen);
    }
    going = false;
    const asked = await load;
    agent.destroy();
    assert.ok(asked.every((count) => count > 0), String(asked));
  });

  it('that were broken on disk are put right one by one', async () => {
    pollux.writePolicy('keys.lua', 'return {');
    pollux.writePolicy('failover.lua', 'return [');

    const other = await write('models.lua', saying('says saved'));

    assert.equal(other.status, 200, other.text);
    assert.match((await list()).error, /failover\.lua:1:|keys\.lua:1:/);
    assert.equal((await write('keys.lua', 'return }')).status, 400);
    assert.equal((await remove('keys.lua')).status, 200);
    assert.equal((await remove('failover.lua')).status, 200);
    assert.equal((await list()).error, null);
    assert.equal(await which(), 'saved');
  });

  it('say so where the folder cannot be written to', { skip: process.getuid?.() === 0 && 'root writes everywhere' }, async () => {
    chmodSync(pollux.policiesFolder, 0o500);
    try {
      const answer = await write('models.lua', saying('says nothing'));
      assert.equal(answer.status, 500, answer.text);
      assert.match(answer.json().error.message, /^models\.lua: it cannot be written: /);
    } finally {
      chmodSync(pollux.policiesFolder, 0o700);
    }
    assert.equal(await which(), undefined);
  });

  it('are the administrator\'s alone', async () => {
    for (const method of ['PUT', 'DELETE']) {
      assert.equal((await pollux.call('/admin/policies/keys.lua', { method, body: 'return {}' })).status, 401, method);
    }
    const forged = await write('keys.lua', 'return {}', {
      Authorization: `Basic ${Buffer.from(`admin:${pollux.adminToken}`).toString('base64')}`, 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example',
    });
    assert.equal(forged.status, 403);
    assert.equal(onDisk('keys.lua'), null);
  });
});
