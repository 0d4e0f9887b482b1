// The rows of the request log for a component: loaded by pages, and kept going by the live feed.

import { api } from '../../lib/api.js';
import { onEvent } from '../../lib/events.js';
import { throttled } from '../../lib/load.js';
import { useCallback, useEffect, useMemo, useRef, useState } from '../../lib/ui.js';
import { matches } from './filters.js';
import { MAX_HELD, arrived, begun, caughtUp, continued, emptyTail, released } from './tail.js';

const PAGE_ROWS = 100;
const BATCH_MS = 250;   // The list is drawn anew at most so often, however many requests come.
const ASK_MS = 2000;    // How often the log is asked for what the feed cannot tell.

/** `hold`: what comes live waits unseen. */
export function useTail(filters, hold) {
  const [tail, setTail] = useState(emptyTail);
  const [state, setState] = useState({ loading: true, error: null });
  const live = useRef({ turn: 0, queue: [], reading: 0 });
  Object.assign(live.current, { filters, hold });

  // What was asked of another list, before the last `reload`, is dropped; all else finds its place in the list.
  const read = useCallback(async (more, put) => {
    const now = live.current;
    const { turn } = now;
    now.reading += 1;
    setState({ loading: true, error: null });
    try {
      const page = await api.get('admin/requests', { ...now.filters, ...more, limit: PAGE_ROWS });
      if (turn !== now.turn) return;
      setTail((old) => put(old, page));
      setState({ loading: false, error: null });
    } catch (error) {
      if (turn === now.turn) setState({ loading: false, error });
    } finally {
      now.reading -= 1;
    }
  }, []);

  const reload = useCallback(() => {
    live.current.turn += 1;
    return read({}, (_old, page) => begun(page));
  }, []);
  const catchUp = useCallback(() => read({}, caughtUp), []);

  useEffect(() => {
    live.current.queue = [];
    setTail(emptyTail());
    reload();
    return () => { live.current.turn += 1; };
  }, [JSON.stringify(filters)]);

  useEffect(() => { if (!hold) setTail((old) => (old.held.length ? released(old) : old)); }, [hold]);

  useLiveRows(live, setTail, catchUp);
  return { ...tail, ...state, reload, loadMore: () => read(tail.more, continued) };
}

// What comes while a page is read waits for it in the queue: the page may not have it yet.
function useLiveRows(live, setTail, catchUp) {
  const ask = useMemo(() => throttled(catchUp, ASK_MS), []);
  useEffect(() => {
    const { current } = live;
    const take = (request) => {
      const fits = matches(request, current.filters);
      if (fits === 'ask' && !current.hold) ask();
      if (fits === true) current.queue = [...current.queue, request].slice(-MAX_HELD);
    };
    const flush = () => {
      if (!current.queue.length || current.reading) return;
      const requests = current.queue;
      current.queue = [];
      setTail((old) => arrived(old, requests, current.hold));
    };
    // The feed is open again: what came meanwhile only the log knows.
    const opened = () => {
      if (current.hold) setTail((old) => ({ ...old, gap: true }));
      else ask();
    };
    const counted = (traffic) => { if (traffic.dropped) setTail((old) => ({ ...old, gap: true })); };
    const timer = setInterval(flush, BATCH_MS);
    const offs = [onEvent('request', take), onEvent('hello', opened), onEvent('traffic', counted)];
    return () => {
      clearInterval(timer);
      for (const off of offs) off();
    };
  }, []);
}

/** Whether the reader has scrolled down: then nothing may move under their eyes. */
export function useScrolledAway(pixels = 40) {
  const [away, setAway] = useState(false);
  useEffect(() => {
    const look = () => setAway(window.scrollY > pixels);
    look();
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, []);
  return away;
}
