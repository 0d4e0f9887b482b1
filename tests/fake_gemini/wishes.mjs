// What a prompt asks of the fake: words in it steer the answer. README.md lists them.

export const textIn = (content) => (content?.parts ?? []).map((part) => part.text ?? '').join('');

/** What the user said last. */
export function promptOf(body) {
  return textIn((body.contents ?? []).findLast((content) => content.role !== 'model' && textIn(content)));
}

/** The value of `[name=value]`: a number where it is one; `true` for `[name]`; undefined where it does not stand. */
export function wish(prompt, name) {
  const found = prompt.match(new RegExp(`\\[${name}(?:=([^\\]]*))?\\]`));
  if (!found) return undefined;
  if (found[1] === undefined) return true;
  return /^\d+$/.test(found[1]) ? Number(found[1]) : found[1];
}

const declared = (body) => (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? []);

/** How many times the model has called functions since the user spoke. */
function stepsTaken(contents) {
  const spoke = contents.findLastIndex((content) => content.role !== 'model' && textIn(content));
  return contents.slice(spoke + 1).filter(({ role, parts }) => role === 'model' && parts.some((part) => part.functionCall)).length;
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * The calls that the prompt asks for: `call NAME`, or `call NAME(WORDS)` to fill the first text; several at once, and
 * `then` begins the next step. `[{declaration, words}]`.
 */
export function wantedCalls(body, prompt) {
  const { mode = 'AUTO', allowedFunctionNames: allowed } = body.toolConfig?.functionCallingConfig ?? {};
  const functions = declared(body).filter(({ name }) => !allowed || allowed.includes(name));
  if (mode === 'NONE' || !functions.length) return [];
  const step = stepsTaken(body.contents);
  const names = functions.map(({ name }) => escaped(name)).sort((a, b) => b.length - a.length).join('|');
  const said = prompt.split(/\bthen\b/)[step] ?? '';
  const found = [...said.matchAll(new RegExp(`\\bcall (${names})(?![\\w-])(?:\\(([^)]*)\\))?`, 'g'))].map(([, name, words]) => (
    { declaration: functions.find((one) => one.name === name), words }));
  if (!found.length && mode === 'ANY' && step === 0) return [{ declaration: functions[0] }];
  return found;
}
