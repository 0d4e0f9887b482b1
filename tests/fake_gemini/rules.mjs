// Which request is to go wrong, and how often.
//
// A rule: `{match: {key, model, path, method, body, nth}, times, action}`. `path` and `body` are regular expressions;
// `nth` picks the nth matching request, counted from 1; `times` is how often the rule may act (1, or "always").

export class Rules {
  #rules = [];
  #nextId = 1;

  add({ match = {}, times = 1, ...rest }) {
    const action = rest.action ?? rest;
    const rule = {
      id: this.#nextId,
      match,
      path: match.path && new RegExp(match.path),
      body: match.body && new RegExp(match.body),
      left: times === 'always' ? Infinity : times,
      seen: 0,
      used: 0,
      action,
    };
    this.#nextId += 1;
    this.#rules.push(rule);
    return rule.id;
  }

  clear() {
    this.#rules = [];
  }

  list() {
    return this.#rules.map(({ id, match, left, seen, used, action }) => (
      { id, match, left: left === Infinity ? 'always' : left, seen, used, action }));
  }

  /** Whether any rule wants to act on the head alone. */
  hasEarly() {
    return this.#rules.some(({ action }) => action.early);
  }

  /** The action for this request, taken from the first rule that matches and still may act. */
  take(entry, body, { early = false } = {}) {
    for (const rule of this.#rules) {
      if (Boolean(rule.action.early) !== early || rule.left <= 0 || !matches(rule, entry, body)) continue;
      rule.seen += 1;
      if (rule.match.nth && rule.seen !== rule.match.nth) continue;
      rule.left -= 1;
      rule.used += 1;
      return rule.action;
    }
    return undefined;
  }
}

function matches(rule, entry, body) {
  const { key, model, method } = rule.match;
  return (!key || key === entry.key)
    && (!model || model === entry.model)
    && (!method || method === entry.method)
    && (!rule.path || rule.path.test(entry.url))
    && (!rule.body || rule.body.test(body));
}

/**
 * The `x-fake` header of a request: JSON of an action, a fault's name with arguments
 * (`cut_in_stream; after=2; how=reset`), or `row=NAME`.
 */
export function actionOfHeader(text) {
  if (!text) return undefined;
  if (text.startsWith('{')) return JSON.parse(text);
  const [first, ...rest] = text.split(';').map((word) => word.trim());
  const action = first.includes('=') ? {} : { fault: first };
  for (const word of first.includes('=') ? [first, ...rest] : rest) {
    const [name, value] = word.split('=');
    action[name] = /^\d+$/.test(value) ? Number(value) : value ?? true;
  }
  return action;
}
