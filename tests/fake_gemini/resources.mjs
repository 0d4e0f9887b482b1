// What belongs to a project: files, caches, batches, tuned models, stores, operations.

import { randomBytes } from 'node:crypto';

import { googleError, invalidArgument } from './google_errors.mjs';
import { catalogueReply } from './catalogue.mjs';
import { promptTokens } from './generation.mjs';
import { page } from './models.mjs';

const HOST = 'https://generativelanguage.googleapis.com';
const newId = () => randomBytes(6).toString('hex');
const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();

const forbidden = {
  files: (id) => googleError('PERMISSION_DENIED', `You do not have permission to access the File ${id} or it may not exist.`),
  cachedContents: () => catalogueReply('cache_forbidden'),
};

/** All resources of all projects, found by their whole name (`files/abc`). */
export class Resources {
  #all = new Map();

  add(project, name, value) {
    this.#all.set(name, { project, value: { name, ...value } });
    return this.#all.get(name).value;
  }

  /** `{value}` if it exists and is the project's own, else `{refusal}`: Google does not say which of the two failed. */
  find(project, name) {
    const found = this.#all.get(name);
    if (found?.project === project) return { value: found.value };
    const [kind, id] = name.split('/');
    const refuse = forbidden[kind] ?? (() => googleError('PERMISSION_DENIED',
      `You do not have permission to access ${name} or it may not exist.`));
    return { refusal: refuse(id) };
  }

  list(project, kind) {
    return [...this.#all.entries()]
      .filter(([name, { project: owner }]) => owner === project && name.startsWith(`${kind}/`) && name.split('/').length === 2)
      .map(([, { value }]) => value);
  }

  remove(name) {
    this.#all.delete(name);
  }
}

export function makeFile(world, project, { displayName, mimeType = 'application/octet-stream', sizeBytes, sha256, name, version }) {
  const full = name ?? `files/${newId()}`;
  const now = new Date().toISOString();
  return world.resources.add(project, full, {
    ...(displayName && { displayName }), mimeType, sizeBytes: String(sizeBytes), createTime: now, updateTime: now,
    expirationTime: inHours(48), sha256Hash: Buffer.from(sha256 ?? '').toString('base64'),
    uri: `${HOST}/${version}/${full}`, state: 'ACTIVE', source: 'UPLOADED',
  });
}

const listNames = { batches: 'operations' };

/** get, list and delete work alike for every kind. */
export function getResource({ world, account, params }) {
  const { value, refusal } = world.resources.find(account.project, params.name);
  return refusal ?? { json: value };
}

export function listResources({ world, account, params, query }) {
  const { kind } = params;
  return { json: page(world.resources.list(account.project, kind), listNames[kind] ?? kind, query) };
}

export function deleteResource({ world, account, params }) {
  const { refusal } = world.resources.find(account.project, params.name);
  if (refusal) return refusal;
  world.resources.remove(params.name);
  return { json: {} };
}

export function patchResource({ world, account, params, json }) {
  const { value, refusal } = world.resources.find(account.project, params.name);
  if (refusal) return refusal;
  Object.assign(value, json, { updateTime: new Date().toISOString() });
  return { json: value };
}

export function createCache({ world, account, json }) {
  const tokens = promptTokens(json);
  if (tokens < world.options.minCacheTokens) {
    return invalidArgument(`Cached content is too small. total_token_count=${tokens}, `
      + `min_total_token_count=${world.options.minCacheTokens}`);
  }
  const now = new Date().toISOString();
  const seconds = Number.parseInt(json.ttl ?? '3600s', 10);
  return { json: world.resources.add(account.project, `cachedContents/${newId()}`, {
    model: json.model, createTime: now, updateTime: now, expireTime: json.expireTime ?? inHours(seconds / 3600),
    displayName: json.displayName ?? '', usageMetadata: { totalTokenCount: tokens },
  }) };
}

export function createNamed({ world, account, params, json }) {
  const now = new Date().toISOString();
  return { json: world.resources.add(account.project, `${params.kind}/${newId()}`, { ...json, createTime: now, updateTime: now }) };
}

export function createBatch({ world, account, params, json }) {
  const requests = json.batch?.inputConfig?.requests?.requests ?? [];
  const name = `batches/${newId()}`;
  return { json: world.resources.add(account.project, name, {
    metadata: {
      '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch',
      model: `models/${params.model}`, displayName: json.batch?.displayName, name, state: 'BATCH_STATE_PENDING',
      createTime: new Date().toISOString(), batchStats: { requestCount: String(requests.length) },
    },
  }) };
}

export function cancel({ world, account, params }) {
  const { value, refusal } = world.resources.find(account.project, params.name);
  if (refusal) return refusal;
  if (value.metadata) value.metadata.state = 'BATCH_STATE_CANCELLED';
  return { json: {} };
}

/** A long-running operation that is done at the second look. */
export function startVideo({ world, account, params, version }) {
  const file = makeFile(world, account.project, { mimeType: 'video/mp4', sizeBytes: 32, version, name: `files/video${newId()}` });
  const name = `models/${params.model}/operations/${newId()}`;
  world.resources.add(account.project, name, { looks: 0, video: `${file.uri}:download?alt=media` });
  Object.assign(file, { source: 'GENERATED', downloadUri: `${file.uri}:download?alt=media` });
  return { json: { name } };
}

export function lookAtOperation({ world, account, params }) {
  const { value, refusal } = world.resources.find(account.project, params.name);
  if (refusal) return refusal;
  value.looks += 1;
  if (value.looks < 2) return { json: { name: params.name } };
  return { json: {
    name: params.name,
    done: true,
    response: {
      '@type': 'type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse',
      generateVideoResponse: { generatedSamples: [{ video: { uri: value.video } }] },
    },
  } };
}

export function startStoreOperation({ params, world, account }) {
  const { refusal } = world.resources.find(account.project, params.name);
  return refusal ?? { json: { name: `${params.name}/operations/${newId()}`, done: true, response: {} } };
}

export function download({ world, account, params }) {
  const { value, refusal } = world.resources.find(account.project, params.name);
  if (refusal) return refusal;
  if (value.source !== 'GENERATED') return invalidArgument('Only generated files can be downloaded.');
  return { bytes: Buffer.alloc(Number(value.sizeBytes), 'v'), headers: { 'Content-Type': value.mimeType } };
}
