// The control endpoint `/_fake/...`: the same handles that a test in the same process has.

import { pretty } from './delivery.mjs';

const actions = {
  'GET /_fake/requests': (fake) => fake.requests(),
  'DELETE /_fake/requests': (fake) => fake.clearRequests(),
  'GET /_fake/stats': (fake) => fake.stats(),
  'GET /_fake/rules': (fake) => fake.rules(),
  'POST /_fake/rules': (fake, body) => ({ ids: [body].flat().map((one) => fake.rule(one)) }),
  'DELETE /_fake/rules': (fake) => fake.clearRules(),
  'GET /_fake/keys': (fake) => fake.keys(),
  'POST /_fake/keys': (fake, body) => [body].flat().map((one) => fake.setKey(one)),
  'POST /_fake/storm': (fake, body) => fake.storm(body),
  'DELETE /_fake/storm': (fake) => fake.storm(undefined),
  'POST /_fake/close_idle': (fake) => fake.closeIdleConnections(),
  'POST /_fake/reset': (fake) => fake.reset(),
};

function answer(res, status, value) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(pretty(value ?? {}));
}

export async function control(fake, req, res) {
  const act = actions[`${req.method} ${req.url.split('?')[0]}`];
  if (!act) return answer(res, 404, { error: 'no such control', known: Object.keys(actions) });
  const pieces = [];
  for await (const piece of req) pieces.push(piece);
  try {
    const text = Buffer.concat(pieces).toString('utf8');
    return answer(res, 200, act(fake, text ? JSON.parse(text) : undefined));
  } catch (error) {
    return answer(res, 400, { error: error.message });
  }
}
