import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { GoogleGenAI as Sdk2 } from 'genai2';
import { GoogleGenAI as Sdk3 } from 'genai3';

import { MODEL, stage } from './harness/stage.mjs';
import { TOKEN } from './harness/pollux.mjs';

const weather = { functionDeclarations: [{ name: 'get_weather', description: 'The weather of a city.',
  parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }] };

for (const [name, GoogleGenAI, version] of [['2', Sdk2, '/v1beta/'], ['3', Sdk3, '/v1/']]) {
  describe(`@google/genai ${name}, with nothing changed but base URL and key`, () => {
    let play;
    let ai;
    const sdk = (apiKey = TOKEN) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: play.pollux.url } });

    before(async () => {
      play = await stage(undefined);
      ai = sdk();
    });
    after(() => play.close());

    it('generates content', async () => {
      const answer = await ai.models.generateContent({ model: MODEL, contents: 'hello twins' });

      assert.equal(answer.text, 'You said: hello twins');
      assert.ok(answer.usageMetadata.totalTokenCount > 0);
      assert.ok(play.upstream().at(-1).url.startsWith(version));
    });

    it('streams content', async () => {
      let text = '';
      let events = 0;
      const stream = await ai.models.generateContentStream({ model: MODEL, contents: 'hello stream [events=12]' });
      for await (const chunk of stream) {
        text += chunk.text ?? '';
        events += 1;
      }

      assert.equal(text, 'You said: hello stream [events=12]');
      assert.equal(events, 12);
    });

    it('counts tokens', async () => {
      const { totalTokens } = await ai.models.countTokens({ model: MODEL, contents: 'twelve chars' });

      assert.equal(totalTokens, 3);
    });

    it('embeds', async () => {
      const { embeddings } = await ai.models.embedContent({ model: 'gemini-embedding-001', contents: ['a', 'b'], config: { outputDimensionality: 8 } });

      assert.equal(embeddings.length, 2);
      assert.equal(embeddings[0].values.length, 8);
      assert.notDeepEqual(embeddings[0].values, embeddings[1].values);
    });

    it('lists models page by page, and gets one', async () => {
      const names = [];
      for await (const model of await ai.models.list({ config: { pageSize: 5 } })) names.push(model.name);
      const one = await ai.models.get({ model: MODEL });

      assert.ok(names.length > 10);
      assert.ok(names.includes(`models/${MODEL}`));
      assert.equal(one.inputTokenLimit, 1048576);
    });

    it('chats over several turns', async () => {
      const chat = ai.chats.create({ model: MODEL });
      await chat.sendMessage({ message: 'first' });
      const second = await chat.sendMessage({ message: 'second' });

      assert.equal(second.text, 'You said: second');
      assert.equal(JSON.parse(play.upstream().at(-1).body).contents.length, 3);
    });

    it('calls functions, signatures and all', async () => {
      const chat = ai.chats.create({ model: MODEL, config: { tools: [weather] } });
      const asked = await chat.sendMessage({ message: 'please call get_weather' });
      const [call] = asked.functionCalls;
      const answered = await chat.sendMessage({ message: [{ functionResponse: { id: call.id, name: call.name, response: { sky: 'blue' } } }] });

      assert.deepEqual(call.args, { city: 'Oslo' });
      assert.match(answered.text, /The function said: .*blue/);
    });

    it('passes structured output in the order of its schema', async () => {
      const schema = { type: 'object', properties: { zebra: { type: 'string' }, apple: { type: 'integer' } }, required: ['zebra', 'apple'] };
      const answer = await ai.models.generateContent({ model: MODEL, contents: 'x',
        config: { responseMimeType: 'application/json', responseJsonSchema: schema } });

      assert.equal(answer.text, '{"zebra":"Oslo","apple":7}');
    });

    it('uploads a file in chunks, past the pool, to one project', async () => {
      const bytes = Buffer.alloc(9 * 1024 * 1024, `castor ${name} `);
      const file = await ai.files.upload({ file: new Blob([bytes], { type: 'video/mp4' }), config: { mimeType: 'video/mp4', displayName: 'clip' } });

      assert.equal(file.sizeBytes, String(bytes.length));
      assert.equal(Buffer.from(file.sha256Hash, 'base64').toString(), createHash('sha256').update(bytes).digest('hex'));
    });

    it('tells of an unknown model as Google does', async () => {
      await assert.rejects(ai.models.generateContent({ model: 'gemini-99', contents: 'x' }),
        (error) => error.status === 404 && /models\/gemini-99 is not found/.test(error.message));
    });

    it('tells of a wrong token with 401', async () => {
      await assert.rejects(sdk('not-the-token').models.generateContent({ model: MODEL, contents: 'x' }), (error) => error.status === 401);
    });

    it('never shows Google the client\'s token', () => {
      assert.ok(!JSON.stringify(play.upstream()).includes(TOKEN));
    });
  });
}
