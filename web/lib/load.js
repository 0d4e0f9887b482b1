// Reading from the server for a component, with the states that a reader sees.

import { session } from './session.js';
import { useCallback, useEffect, useRef, useState } from './ui.js';

/**
 * const list = useLoaded(() => api.get('admin/keys'), []);   // a third argument: what to show until the answer is there
 * list: { data, error, loading, reload(), set(data) }. Old data stays while new is read; an answer that was overtaken is dropped.
 */
export function useLoaded(read, deps, first = null) {
  const [state, setState] = useState({ data: first, error: null, loading: true });
  const turn = useRef(0);
  const latest = useRef(read);
  latest.current = read;

  const reload = useCallback(async () => {
    const mine = ++turn.current;
    setState((old) => ({ ...old, loading: true }));
    try {
      const data = await latest.current();
      if (mine === turn.current) setState({ data, error: null, loading: false });
    } catch (error) {
      if (mine === turn.current) setState((old) => ({ data: old.data, error, loading: false }));
    }
  }, []);

  const set = useCallback((data) => setState((old) => ({ ...old, data: typeof data === 'function' ? data(old.data) : data })), []);

  useEffect(() => {
    reload();
    return () => { turn.current += 1; };
  }, deps);

  // After signing in again, what could not be read is read.
  const failed = useRef(false);
  failed.current = state.error !== null;
  useEffect(() => session.subscribe((who) => { if (who && failed.current) reload(); }), []);

  return { ...state, reload, set };
}

/** `fn`, but at most once in `ms` (a number, or a function that tells it); the last call is never lost. */
export function throttled(fn, ms) {
  let timer = 0;
  let last = 0;
  return () => {
    if (timer) return;
    timer = setTimeout(() => { timer = 0; last = Date.now(); fn(); }, Math.max(0, last + (typeof ms === 'function' ? ms() : ms) - Date.now()));
  };
}

/** `fn` once nobody has called for `ms`: for searching while one types. */
export function useDebounced(value, ms = 200) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
