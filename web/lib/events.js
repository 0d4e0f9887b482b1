// The live feed: one stream for the whole page, open while somebody is signed in and the tab is seen.

import { session } from './session.js';
import { createStore } from './store.js';
import { useEffect, useRef } from './ui.js';
import { askWho } from './who.js';

const NAMES = ['hello', 'traffic', 'request', 'key', 'policies', 'settings', 'clients'];
const SILENCE_MS = 20_000;  // `traffic` comes each second, a comment every 15.
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];

/** connecting, live, reconnecting (it broke), paused (the tab is hidden). */
export const feedState = createStore('connecting');

const listeners = new Map(NAMES.map((name) => [name, new Set()]));
let source = null;
let retry = 0;
let tries = 0;
let wasOpen = false;
let watch = 0;

/** Calls `fn` with the data of each such event. 'hello' comes when the feed is open again: what was missed can be read then. */
export function onEvent(name, fn) {
  listeners.get(name).add(fn);
  return () => listeners.get(name).delete(fn);
}

/** The same for as long as a component is shown. */
export function useEvent(name, fn) {
  const latest = useRef(fn);
  latest.current = fn;
  useEffect(() => onEvent(name, (data) => latest.current(data)), [name]);
}

function open() {
  close();
  if (!session.get() || document.hidden) return;
  source = new EventSource('admin/events');
  source.onerror = reopen;
  for (const name of NAMES) source.addEventListener(name, (event) => arrived(name, event));
  heard();
}

function arrived(name, event) {
  heard();
  if (name === 'hello') {
    tries = 0;
    feedState.set('live');
    if (!wasOpen) {
      wasOpen = true;  // What a page has just read needs no second reading.
      return;
    }
  }
  const data = JSON.parse(event.data);
  for (const listener of [...listeners.get(name)]) listener(data);
}

function heard() {
  clearTimeout(watch);
  watch = setTimeout(reopen, SILENCE_MS);
}

function close() {
  source?.close();
  source = null;
  clearTimeout(watch);
  clearTimeout(retry);
}

// The browser's own reconnecting gives up on some errors and never says why: so it is done here.
function reopen() {
  close();
  feedState.set('reconnecting');
  const pause = PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)];
  tries += 1;
  retry = setTimeout(async () => {
    // A feed that is refused tells no status; this call does, and where nobody is signed in any more the sign-in page comes.
    try { await askWho(); } catch { return reopen(); }
    if (session.get()) open();
  }, pause);
}

function follow() {
  if (session.get() && !document.hidden) {
    if (!source) open();
    return;
  }
  close();
  feedState.set(session.get() ? 'paused' : 'connecting');
}

export function startEvents() {
  session.subscribe(follow);
  document.addEventListener('visibilitychange', follow);
  addEventListener('online', () => { if (!source) open(); });
  follow();
}
