import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { stage } from './harness/stage.mjs';

const overview = async (pollux) => {
  const answer = await pollux.admin('/admin/models');
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
};

describe('the models of the administration', () => {
  it('are those that Google lists, with other names and endings', async (t) => {
    const { pollux, fake } = await stage(t, { env: { MODEL_ALIASES: 'fast=gemini-3.5-flash-lite' } });

    const { models, aliases, endings, error } = await overview(pollux);

    assert.equal(error, null);
    const flash = models.find(({ name }) => name === 'gemini-2.5-flash');
    assert.equal(flash.display_name, 'Gemini 2.5 Flash');
    assert.ok(flash.input_token_limit > 0 && flash.output_token_limit > 0);
    assert.ok(flash.methods.includes('generateContent'));
    assert.ok(models.every(({ visible }) => visible === true));
    assert.deepEqual(aliases.find(({ name }) => name === 'fast'), { name: 'fast', model: 'gemini-3.5-flash-lite', source: 'MODEL_ALIASES' });
    assert.equal(aliases.find(({ name }) => name === 'gpt-*').source, 'shipped');
    assert.ok(endings.includes('-search'));

    fake.clearRequests();
    await overview(pollux);
    assert.deepEqual(fake.requests(), [], 'the list is kept');
  });

  it('are known to be hidden where a policy hides them', async (t) => {
    const { pollux } = await stage(t, {
      policies: {
        'models.lua': `local models = require "default.models"
function models.visible(request, model)
  return request.client:has_tag("friend") or not model.name:find("2.5", 1, true)
end
return models
`,
      },
    });

    const { models } = await overview(pollux);

    assert.ok(models.some(({ visible }) => visible) && models.some(({ visible }) => !visible));
    for (const { name, visible } of models) assert.equal(visible, !name.includes('2.5'), name);
  });

  for (const [answer, names, reason] of [
    ['{ 1, 2 }', [], /models\.overview returned a list/],
    ['{ models = { { name = 5 }, { name = {} }, { name = "models/a" }, "b" } }', ['', '', 'a'], null],
    ['{ models = 7, aliases = "x", error = "no luck" }', [], /no luck/],
  ]) {
    it(`are what can be made of the policy's answer ${answer}`, async (t) => {
      const policy = `local models = require "default.models"\nfunction models.overview() return ${answer} end\nreturn models\n`;
      const { pollux } = await stage(t, { keys: [], policies: { 'models.lua': policy } });

      const { models, error } = await overview(pollux);

      assert.deepEqual(models.map(({ name }) => name), names);
      if (reason) assert.match(error, reason);
    });
  }

  it('are none, and the reason is told, without a key or without Google; the rest is there', async (t) => {
    const bare = await stage(t, { keys: [] });
    const without_key = await overview(bare.pollux);
    assert.deepEqual(without_key.models, []);
    assert.match(without_key.error, /no key/);
    assert.ok(without_key.aliases.length > 0 && without_key.endings.length > 0);

    const lonely = await stage(t);
    await lonely.fake.goDown();
    const without_google = await overview(lonely.pollux);
    assert.deepEqual(without_google.models, []);
    assert.ok(without_google.error.length > 0);
    await lonely.fake.comeBack();
  });

  it('tell in words what a policy does wrong', async (t) => {
    const { pollux } = await stage(t, {
      policies: { 'models.lua': 'local models = {}\nfunction models.overview() return nothing.here end\nreturn models\n' },
    });
    assert.match((await overview(pollux)).error, /^models\.lua:2: /);
    pollux.writePolicy('models.lua', 'return {}\n');
    await pollux.waitForLog(/version=2/);
    assert.match((await overview(pollux)).error, /no function overview/);
  });

  it('are told within 15 s, however long a policy takes', async (t) => {
    const { pollux } = await stage(t, {
      policies: { 'models.lua': 'local models = {}\nfunction models.overview() sleep(300) return {} end\nreturn models\n' },
    });
    const began = Date.now();
    assert.match((await overview(pollux)).error, /took longer than 15 s/);
    assert.ok(Date.now() - began < 25_000);
  });

  it('are the administrator\'s alone, and only read', async (t) => {
    const { pollux } = await stage(t);
    assert.equal((await pollux.call('/admin/models')).status, 401);
    assert.equal((await pollux.admin('/admin/models', { method: 'POST', body: {} })).status, 405);
    assert.equal((await pollux.admin('/admin/models/x')).status, 404);
  });
});
