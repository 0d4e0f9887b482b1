// A new page begins at its top; going back leads to where one was, as soon as the page is long enough again.

const PATIENCE_MS = 3000;
const places = new Map();  // The number of a step in the history -> how far down its page was.
let steps = 0;

const step = () => history.state?.step;

function arrive() {
  if (step() === undefined) {
    history.replaceState({ ...history.state, step: ++steps }, '');
    scrollTo(0, 0);
    return;
  }
  restore(places.get(step()) ?? 0, step(), Date.now() + PATIENCE_MS);
}

function restore(y, wanted, until) {
  if (step() !== wanted) return;
  const reachable = document.documentElement.scrollHeight - innerHeight >= y;
  if (reachable || Date.now() > until) scrollTo(0, y);
  else requestAnimationFrame(() => restore(y, wanted, until));
}

export function startScrolling() {
  history.scrollRestoration = 'manual';
  steps = Date.now();  // Numbers of before a reload are not met again.
  arrive();
  addEventListener('hashchange', arrive);
  addEventListener('scroll', () => places.set(step(), scrollY), { passive: true });
}
