// One timer for all that shows how long ago something was.

import { useEffect, useReducer } from './ui.js';

const second = new Set();
const slow = new Set();
let count = 0;

setInterval(() => {
  if (globalThis.document?.hidden) return;
  count += 1;
  for (const fn of [...second]) fn();
  if (count % 10 === 0) for (const fn of [...slow]) fn();
}, 1000);

/** Now in ms; the component is drawn again each second, or every ten. */
export function useNow(everySecond = false) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    const set = everySecond ? second : slow;
    set.add(redraw);
    return () => set.delete(redraw);
  }, [everySecond]);
  return Date.now();
}
