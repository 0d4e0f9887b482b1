// Addresses of the page stand behind the '#': #/keys/3f9a?tab=errors.

import { createStore, useStore } from './store.js';
import { useEffect, useRef } from './ui.js';

/** '#/keys/a%2Fb?q=x' -> { path: '/keys/a%2Fb', segments: ['keys', 'a/b'], query: { q: 'x' } } */
export function parseHash(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const segments = path.split('/').filter(Boolean).map(decoded);
  return { path: `/${path.split('/').filter(Boolean).join('/')}`, segments, query: Object.fromEntries(new URLSearchParams(query)) };
}

function decoded(segment) {
  try { return decodeURIComponent(segment); } catch { return segment; }
}

/** href('/keys/:id', {...}) is for links: `path` is taken as it is, empty values of the query are left out. */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return `#${path}${text ? `?${text}` : ''}`;
}

/**
 * The first of `routes` that fits, with what its pattern names: '/keys/:id' takes one segment, '/policies/*path' all that follow.
 * null: no page is there.
 */
export function match(routes, segments) {
  for (const route of routes) {
    const params = fit(route.pattern.split('/').filter(Boolean), segments);
    if (params) return { route, params };
  }
  return null;
}

function fit(pattern, segments) {
  const params = {};
  for (const [i, part] of pattern.entries()) {
    if (part.startsWith('*')) return segments.length > i ? { ...params, [part.slice(1)]: segments.slice(i).join('/') } : null;
    if (i >= segments.length) return null;
    if (part.startsWith(':')) params[part.slice(1)] = segments[i];
    else if (part !== segments[i]) return null;
  }
  return pattern.length === segments.length ? params : null;
}

const location = globalThis.location;
const place = createStore(parseHash(location?.hash ?? ''));
let mayLeave = null;

globalThis.addEventListener?.('hashchange', () => {
  const next = parseHash(location.hash);
  if (mayLeave && next.path !== place.get().path) stay(location.hash);
  else place.set(next);
});

// The address becomes again that of the page that is shown; whoever wants to leave it all the same goes on from there.
async function stay(wanted) {
  const { path, query } = place.get();
  history.replaceState(history.state, '', href(path, query));
  if (!await mayLeave()) return;
  mayLeave = null;
  location.hash = wanted;
}

/** While `unsaved`, leaving the page waits for `ask`, a function of (async) true or false; leaving the site is asked by the browser. */
export function useLeaveGuard(unsaved, ask) {
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (!unsaved) return undefined;
    const warn = (event) => event.preventDefault();
    mayLeave = () => latest.current();
    addEventListener('beforeunload', warn);
    return () => {
      mayLeave = null;
      removeEventListener('beforeunload', warn);
    };
  }, [unsaved]);
}

/** Where the page is: { path, segments, query }. */
export const usePlace = () => useStore(place);
export const currentPlace = () => place.get();

export function go(path, query = {}) {
  location.hash = href(path, query);
}

/** Changes the query of the address without a step in the history: for filters that are being typed. */
export function replaceQuery(query) {
  history.replaceState(history.state, '', href(place.get().path, query));
  place.set(parseHash(location.hash));
}
