// Runs the suites, a few at a time, and adds up: the last line is `e2e: N passed, N failed, N skipped`.
//
//   node run.mjs [FILE...]      without files: every *.test.mjs beside this one and in browser/, and the fake's own
//
// E2E_CONCURRENCY (2) suites at once; E2E_TIMEOUT_SCALE stretches limits; POLLUX_BIN names the binary; E2E_LOG=1 shows logs.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SUITE_LIMIT_MS = 300_000 * Number(process.env.E2E_TIMEOUT_SCALE || 1);

function suites() {
  const given = process.argv.slice(2);
  if (given.length) return given;
  const below = (folder) => readdirSync(folder).filter((name) => name.endsWith('.test.mjs')).sort().map((name) => join(folder, name));
  return [HERE, join(HERE, 'browser'), join(HERE, '../fake_gemini')].flatMap(below);
}

const running = new Set();

/** A suite with everything that it started: each is the leader of its own group. */
function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    running.forEach(killGroup);
    process.exit(130);
  });
}

/** Runs one suite in a process of its own: `{file, output, passed, failed, skipped, seconds}`. */
function runSuite(file) {
  const started = Date.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--test-reporter=spec', '--test', file], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
    const limit = setTimeout(() => { output += `\nstopped after ${SUITE_LIMIT_MS / 1000} s\n`; killGroup(child); }, SUITE_LIMIT_MS);
    child.once('close', (code) => {
      clearTimeout(limit);
      running.delete(child);
      const sum = (word) => Number(output.match(new RegExp(`^(?:ℹ|#) ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
      const failed = sum('fail') + sum('cancelled');
      // A suite that broke without counting a failure has failed all the same.
      done({ file, output, passed: sum('pass'), failed: failed || (code === 0 ? 0 : 1), skipped: sum('skipped') + sum('todo'),
        seconds: (Date.now() - started) / 1000 });
    });
  });
}

async function runAll(files, atOnce) {
  const waiting = [...files];
  const results = [];
  const worker = async () => {
    while (waiting.length) {
      const result = await runSuite(waiting.shift());
      results.push(result);
      const { file, passed, failed, skipped, seconds } = result;
      console.log(`${failed ? 'FAILED' : 'ok    '} ${basename(file)}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds.toFixed(1)} s)`);
      if (failed) console.log(result.output.slice(Math.max(0, result.output.indexOf('failing tests'))));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

const results = await runAll(suites(), Number(process.env.E2E_CONCURRENCY || 2));
const total = (name) => results.reduce((sum, one) => sum + one[name], 0);
console.log(`e2e: ${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') ? 1 : 0;
