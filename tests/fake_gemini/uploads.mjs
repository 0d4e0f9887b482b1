// Google's "X-Goog-Upload" protocol: resumable, raw and multipart.

import { createHash, randomBytes } from 'node:crypto';

import { googleError, invalidArgument } from './google_errors.mjs';
import { makeFile } from './resources.mjs';

const GRANULARITY = 8 * 1024 * 1024;

const fileOf = (json) => {
  const { displayName, display_name: alias, name, mimeType } = json?.file ?? {};
  return { displayName: displayName ?? alias, name, mimeType };
};

function jsonOf(bytes) {
  try {
    return JSON.parse(bytes.toString('utf8') || '{}');
  } catch {
    return {};
  }
}

/** What was uploaded becomes a file, or an operation where the target is a store. */
function settle(call, upload) {
  const file = makeFile(call.world, upload.project, { ...upload.file, sizeBytes: upload.received,
    sha256: upload.sha256, version: call.version });
  if (!upload.store) return { json: { file } };
  return { json: { name: `${upload.store}/upload/operations/${randomBytes(6).toString('hex')}`, done: true, response: {} } };
}

function start(call) {
  const { req, world, account, version, params } = call;
  const id = `AAAN${randomBytes(24).toString('base64url')}`;
  const { mimeType, ...file } = fileOf(jsonOf(call.body));
  world.uploads.set(id, {
    project: account.project, store: params.store, received: 0, status: 'active', hash: createHash('sha256'),
    file: { ...file, mimeType: mimeType ?? req.headers['x-goog-upload-header-content-type'] },
  });
  const url = new URL(req.url, world.publicUrl(req));
  url.search = '';
  url.searchParams.set('upload_id', id);
  url.searchParams.set('upload_protocol', 'resumable');
  return { bytes: Buffer.alloc(0), headers: {
    'Content-Type': 'text/plain; charset=utf-8', 'X-Goog-Upload-Status': 'active', 'X-Goog-Upload-URL': url.href,
    'X-Goog-Upload-Control-URL': url.href, 'X-Goog-Upload-Chunk-Granularity': String(GRANULARITY), 'X-GUploader-UploadID': id,
    Version: version,
  } };
}

const statusOnly = (upload, extra = {}) => ({
  bytes: Buffer.alloc(0),
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Goog-Upload-Status': upload.status, ...extra },
});

/** One chunk, or a word about the upload. The `upload_id` is all the credential it needs. */
export function continueUpload(call) {
  const { req, world, query, entry } = call;
  const upload = world.uploads.get(query.get('upload_id'));
  if (!upload) return googleError('NOT_FOUND', 'Upload not found.');
  const commands = (req.headers['x-goog-upload-command'] ?? '').split(/\s*,\s*/);
  if (commands.includes('query')) return statusOnly(upload, { 'X-Goog-Upload-Size-Received': String(upload.received) });
  if (commands.includes('cancel')) upload.status = 'cancelled';
  if (upload.status !== 'active') return statusOnly(upload);
  if (commands.includes('upload')) {
    if (Number(req.headers['x-goog-upload-offset'] ?? 0) !== upload.received) {
      return invalidArgument('Offset does not match the number of bytes received.');
    }
    if (!commands.includes('finalize') && entry.body_bytes % GRANULARITY !== 0) {
      return invalidArgument(`Chunk size must be a multiple of ${GRANULARITY}.`);
    }
    upload.received += entry.body_bytes;
  }
  if (!commands.includes('finalize')) return statusOnly(upload);
  upload.status = 'final';
  upload.sha256 = upload.hash.digest('hex');
  return { ...settle(call, upload), headers: { 'X-Goog-Upload-Status': 'final' } };
}

function multipart(call) {
  const boundary = call.req.headers['content-type']?.match(/boundary="?([^";]+)/)?.[1];
  if (!boundary) return invalidArgument('Multipart body does not contain a boundary.');
  const marker = `\r\n--${boundary}`;
  const parts = `\r\n${call.body.toString('latin1')}`.split(marker).slice(1, -1)
    .map((part) => part.slice(part.indexOf('\r\n\r\n') + 4));
  if (parts.length !== 2) return invalidArgument('Multipart must have two parts.');
  const bytes = Buffer.from(parts[1], 'latin1');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return settle(call, { project: call.account.project, store: call.params.store, received: bytes.length, sha256,
    file: fileOf(jsonOf(Buffer.from(parts[0], 'latin1'))) });
}

function raw(call) {
  return settle(call, { project: call.account.project, store: call.params.store, received: call.entry.body_bytes,
    sha256: call.entry.body_sha256, file: { mimeType: call.req.headers['content-type'] } });
}

/** The hash that a chunk's bytes go into, if they continue a known upload where it stands. */
export function hashForChunk({ uploads }, req, query) {
  const upload = uploads.get(query.get('upload_id'));
  const offset = Number(req.headers['x-goog-upload-offset'] ?? 0);
  return upload?.status === 'active' && offset === upload.received ? upload.hash : undefined;
}

/** `POST /upload/V/files` without an `upload_id`. */
export function beginUpload(call) {
  const protocol = call.req.headers['x-goog-upload-protocol'];
  if (protocol === 'raw') return raw(call);
  if (protocol === 'multipart' || /^multipart\/related/.test(call.req.headers['content-type'] ?? '')) return multipart(call);
  const command = call.req.headers['x-goog-upload-command'] ?? '';
  if (protocol !== 'resumable' || !command.startsWith('start')) return invalidArgument('Invalid upload request.');
  return start(call);
}
