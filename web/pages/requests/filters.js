// The filters of the request log: in the address, in a call of the API, and as a test of a request that comes live.

export const FILTERS = ['status', 'model', 'key', 'client', 'dialect', 'endpoint', 'since', 'until', 'q'];

// Of the address's parameters those that are filters and say something.
export function filtersOf(parameters) {
  const filters = {};
  for (const name of FILTERS) {
    const value = String(parameters[name] ?? '').trim();
    if (value) filters[name] = value;
  }
  return filters;
}

export const isFiltered = (filters) => Object.keys(filters).length > 0;

// Where the browser fetches all that the filters find.
export const exportAddressOf = (filters, format) => `admin/requests?${new URLSearchParams({ ...filters, format })}`;

// With one filter set, or taken away by an empty value.
export const withFilter = (filters, name, value) => filtersOf({ ...filters, [name]: value });

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

// "15m" (ago), seconds since 1970, or an ISO time; NaN for anything else.
export function timeOf(text, now) {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago) return now - Number(ago[1]) * UNIT_MS[ago[2]];
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

// An answer that was cut short has a good status, and one that nobody waited for has none.
export const isError = (request) => request.outcome !== 'answered' || !request.status || request.status >= 400;

function hasStatus(request, wanted) {
  if (wanted === 'ok') return !isError(request);
  if (wanted === 'error') return isError(request);
  const status = String(request.status ?? '');
  return /^\dxx$/.test(wanted) ? status.length === 3 && status[0] === wanted[0] : status === wanted;
}

function globOf(pattern) {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}

function hasModel(request, pattern) {
  const glob = globOf(pattern);
  return [request.model, request.upstream_model].some((name) => name && glob.test(name));
}

function hasWords(request, words) {
  const text = [request.id, request.model, request.upstream_model, request.path, request.client, request.key, request.reason, request.error]
    .filter(Boolean).join('\n').toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const TESTS = {
  status: hasStatus,
  model: hasModel,
  key: (request, key) => request.key_id === key || request.key === key,
  client: (request, client) => request.client_id === client || request.client === client,
  dialect: (request, dialect) => request.dialect === dialect,
  endpoint: (request, endpoint) => request.endpoint === endpoint,
  since: (request, since, now) => Date.parse(request.time) >= timeOf(since, now),
  until: (request, until, now) => Date.parse(request.time) < timeOf(until, now),
  q: hasWords,
};

// Whether a request that comes live belongs to what is filtered. Its summary names only the last attempt's key, so
// of one with more attempts the log alone knows whether it met another: then the answer is "ask".
export function matches(request, filters, now = Date.now()) {
  const failed = Object.entries(filters).filter(([name, value]) => !TESTS[name](request, value, now)).map(([name]) => name);
  if (failed.length === 1 && failed[0] === 'key' && request.attempts > 1) return 'ask';
  return failed.length === 0;
}
