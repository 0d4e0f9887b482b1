// Calls of the administration. Addresses are relative, so that the page works under a path prefix, too.

import { session } from './session.js';
import { createStore } from './store.js';
import { hasText, t } from './i18n.js';

const TIME_LIMIT_MS = 30_000;

/**
 * What went wrong, for people: `status` is 0 where no answer came; `field` names the property at fault; `details` is the whole error,
 * with the server's own words in `details.message`.
 */
export class ApiError extends Error {
  constructor(status, message, details = {}) {
    super(message);
    Object.assign(this, { name: 'ApiError', status, field: details.field ?? null, details, retryAfter: details.retryAfter ?? null });
  }
}

/** What the server did, but not safely: its last such warning, in words. */
export const warned = createStore(null);

export function address(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

async function call(method, path, { params, body, text, headers, signal } = {}) {
  const limit = AbortSignal.timeout(TIME_LIMIT_MS);
  let response;
  try {
    response = await fetch(address(path, params), {
      method,
      headers: {
        Accept: 'application/json',
        'X-Requested-With': 'pollux',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(text !== undefined && { 'Content-Type': 'text/plain; charset=utf-8' }),
        ...headers,
      },
      body: text ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, t(error.name === 'TimeoutError' ? 'errors.timeout' : 'errors.unreachable'));
  }
  return read(response, path);
}

async function read(response, path) {
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) {
    if (answer.warning) warned.set({ text: t('errors.warning', { message: answer.warning }) });
    return answer;
  }
  if (response.status === 401 && path !== 'admin/login' && session.get() !== false) session.set(null);
  const error = answer?.error ?? {};
  throw new ApiError(response.status, error.message ? inWords(response.status, error.message) : t('errors.strange', { status: String(response.status) }),
    { ...error, answer, retryAfter: Number(response.headers.get('Retry-After')) || null });
}

// The server speaks English alone: another language says before it what kind of error that is.
const inWords = (status, message) => (hasText(`errors.status.${status}`) ? t(`errors.status.${status}`, { message }) : message);

export const api = {
  get: (path, params, options) => call('GET', path, { params, ...options }),
  post: (path, body = {}, options) => call('POST', path, { body, ...options }),
  patch: (path, body, options) => call('PATCH', path, { body, ...options }),
  /** `body` is JSON, or a text that is sent as it is. */
  put: (path, body, options) => call('PUT', path, { ...(typeof body === 'string' ? { text: body } : { body }), ...options }),
  del: (path, params, options) => call('DELETE', path, { params, ...options }),
};
