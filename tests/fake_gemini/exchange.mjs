// One request's way through the fake: read, recorded, recognised, answered or made to fail.

import { credentialsOf } from './accounts.mjs';
import { send, perform, cut } from './faults.mjs';
import { htmlNotFound, invalidArgument } from './google_errors.mjs';
import { readBody } from './journal.mjs';
import { findRoute } from './routes.mjs';
import { actionOfHeader } from './rules.mjs';
import { hashForChunk } from './uploads.mjs';

const JSON_BODY_BYTES = 128 * 1024 * 1024;
const UPLOAD_BODY_BYTES = 32 * 1024 * 1024;

function formOf(route, query) {
  if (route?.form) return route.form;
  if (!route?.streaming) return 'json';
  return query.get('alt') === 'sse' ? 'sse' : 'array';
}

/** Everything that handlers and faults want to know about the request. */
function describe(world, req, res, connection) {
  const at = req.url.indexOf('?');
  const path = at < 0 ? req.url : req.url.slice(0, at);
  const query = new URLSearchParams(at < 0 ? '' : req.url.slice(at + 1));
  // A client may write the colon of a method as %3A; Google reads both.
  const route = findRoute(req.method, path.replaceAll(/%3a/gi, ':'), query);
  const credentials = credentialsOf(req.rawHeaders, query);
  const model = route?.params.model;
  const entry = world.journal.begin(req, connection, { key: credentials[0]?.value ?? null, credentials, model: model ?? null });
  return {
    world, req, res, connection, path, query, route, entry, credentials,
    options: world.options, startedAt: Date.now(), form: formOf(route, query), streaming: Boolean(route?.streaming),
    generation: Boolean(route?.generation), version: route?.version, params: route?.params ?? {},
  };
}

function watchClient({ res, entry }) {
  res.once('close', () => {
    entry.finished = res.writableFinished;
    entry.client_aborted = !res.writableFinished && !entry.cut;
    if (entry.client_aborted) entry.aborted_at = new Date().toISOString();
  });
}

function jsonBody(call) {
  if (call.route.upload || call.body.length === 0) return {};
  try {
    return JSON.parse(call.body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The answer of a healthy Gemini. */
function healthyReply(call) {
  const { world, route, credentials } = call;
  if (!route) return htmlNotFound(call.path);
  if (!route.open) {
    const { account, refusal } = world.accounts.identify(credentials, { bearer: route.bearer, model: call.params.model });
    if (refusal) return refusal;
    call.account = account;
    call.takeQuota = (tokens, embedding) => world.quotas.take({ account, model: call.params.model, tokens, embedding });
  }
  call.json = jsonBody(call);
  if (call.json === undefined) return invalidArgument('Invalid JSON payload received. Unexpected token.');
  const reply = route.handler(call);
  if (reply.form) Object.assign(call, { form: reply.form, streaming: true });
  return reply;
}

/** A rule that acts before the body is read must say so: `early: true`. */
function earlyAction(call) {
  const action = actionOfHeader(call.req.headers['x-fake']);
  if (action?.early) return action;
  const rules = call.world.rules;
  return rules.hasEarly() ? rules.take(call.entry, '', { early: true }) : undefined;
}

export async function handle(world, req, res, connection) {
  const call = describe(world, req, res, connection);
  call.context = () => ({ key: call.entry.key, project: world.accounts.find(call.entry.key)?.project, model: call.params.model,
    version: call.version });
  watchClient(call);
  if (connection.cutNextRequest) return cut(call, 'fin');
  try {
    const early = earlyAction(call);
    if (early) return await perform(call, early, () => healthyReply(call));
    const limit = call.route?.upload ? UPLOAD_BODY_BYTES : JSON_BODY_BYTES;
    call.body = await readBody(req, call.entry, limit, hashForChunk(world, req, call.query));
    const action = actionOfHeader(req.headers['x-fake']) ?? world.rules.take(call.entry, call.body) ?? world.storm.take(call.entry);
    call.entry.action = action;
    return action ? await perform(call, action, () => healthyReply(call)) : await send(call, healthyReply(call));
  } catch (error) {
    // The client left while its request was read, or while it was answered.
    if (['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ERR_STREAM_DESTROYED'].includes(error.code)) return undefined;
    call.entry.fake_failed = String(error.stack);
    return res.headersSent ? res.destroy() : res.writeHead(555).end(`the fake itself failed: ${error.stack}\n`);
  }
}
