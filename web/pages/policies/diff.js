// A unified diff as rows with the numbers of both sides, and the place that an error of a policy names.

const HEADER = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;
const KINDS = { '+': 'added', '-': 'removed', ' ': 'same' };

export function rowsOfDiff(diff) {
  const rows = [];
  let before = 0;
  let after = 0;
  for (const line of diff.split('\n')) {
    const header = HEADER.exec(line);
    if (header) {
      [before, after] = [Number(header[1]), Number(header[2])];
      if (rows.length > 0) rows.push({ kind: 'gap' });
      continue;
    }
    const kind = before + after === 0 ? null : KINDS[line[0]];
    if (!kind) continue;  // The names of the files, and "\ No newline at end of file".
    rows.push({ kind, text: line.slice(1), before: kind === 'added' ? null : before, after: kind === 'removed' ? null : after });
    if (kind !== 'added') before += 1;
    if (kind !== 'removed') after += 1;
  }
  return rows;
}

export function countsOf(rows) {
  const count = (kind) => rows.filter((row) => row.kind === kind).length;
  return { added: count('added'), removed: count('removed') };
}

// "lib/colours.lua:7: unexpected symbol" -> {path, line, message}; line null where none is named.
export function placeOf(message) {
  const found = /(?:^|\s)([\w./-]+\.lua):(\d+): ([\s\S]*)$/.exec(message ?? '');
  return found ? { path: found[1], line: Number(found[2]), message: found[3] } : { path: null, line: null, message: message ?? '' };
}

// A name that the server will take for a new policy.
export const isGoodPath = (path) => /^(?!default\/)[\w-]+(\/[\w-]+)*\.lua$/.test(path) && path.length <= 128;
