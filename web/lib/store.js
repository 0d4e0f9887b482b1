// A value that several parts of the page look at.

import { useLayoutEffect, useReducer } from './ui.js';

export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    update(change) { this.set(change(value)); },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The store's value; the component is drawn again when it changes. */
export function useStore(store) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const seen = store.get();
  useLayoutEffect(() => {
    if (!Object.is(seen, store.get())) redraw();  // It changed between drawing and listening.
    return store.subscribe(redraw);
  }, [store]);
  return seen;
}

/** A store that the browser remembers. Where storage is forbidden it lasts as long as the page. */
export function createKeptStore(name, fallback) {
  let kept = null;
  try { kept = localStorage.getItem(name); } catch { /* Storage is off. */ }
  const store = createStore(kept ?? fallback);
  store.subscribe((value) => {
    try { localStorage.setItem(name, value); } catch { /* Storage is off or full. */ }
  });
  return store;
}
