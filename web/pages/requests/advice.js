// What to do about a request that failed: the key of a text, by the word that Pollux has for the reason, else by status.

const BY_REASON = new Set(['unauthorized', 'no_key', 'model_not_granted', 'policy_failed', 'upstream_unreachable', 'upstream_broken',
  'upstream_timeout', 'client_gone', 'denied', 'not_found', 'body_too_large', 'answer_too_large', 'unknown_upload', 'client_limit']);

// How an attempt failed, where the exchange itself has no word.
const BY_KIND = { connect: 'upstream_unreachable', tls: 'upstream_unreachable', timeout: 'upstream_timeout', reset: 'upstream_broken',
  truncated: 'upstream_broken', empty: 'empty', error_in_stream: 'google_failed' };

const BY_STATUS = { 400: 'bad_request', 401: 'unauthorized', 403: 'denied', 404: 'not_found', 413: 'body_too_large', 429: 'quota',
  502: 'upstream_broken',
  504: 'upstream_timeout' };

export function adviceFor(request) {
  if (request.outcome === 'client_gone') return 'client_gone';
  if (BY_REASON.has(request.reason)) return request.reason;
  // A 503 that no attempt got is Pollux's own.
  if (request.status === 503 && /^status (?!503)/.test(request.reason)) return 'no_key';
  if (request.outcome === 'answered' && request.status < 400) return null;
  return BY_KIND[request.reason] ?? BY_STATUS[request.status] ?? (request.status >= 500 ? 'google_failed' : 'other');
}

// Where the advice can be followed; the names are keys of texts, too.
const PLACES = {
  no_key: '#/keys', quota: '#/keys', model_not_granted: '#/keys', unauthorized: '#/clients', client_limit: '#/clients', policy_failed: '#/policies',
  not_found: '#/models', body_too_large: '#/settings?q=MAX_BODY_BYTES', upstream_timeout: '#/settings?q=TIME_OUT',
  upstream_unreachable: '#/settings?q=PROXIES', denied: '#/clients',
};

export const placeFor = (advice) => PLACES[advice] ?? null;
