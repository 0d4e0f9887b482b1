// Many requests at once, over kept connections, as cheaply as this machine allows.

import { Agent, request } from 'node:http';

import { scaled } from './wait.mjs';

// More than a minute: requests may wait for the next one.
const PATIENCE_MS = 90_000;

/** `{status, text}` of one request; `agent` keeps its connections. */
export function ask(agent, url, { method = 'POST', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => (answer.complete
        ? resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(pieces).toString('utf8') })
        : reject(new Error('the answer broke off'))));
    });
    outgoing.setTimeout(scaled(PATIENCE_MS), () => outgoing.destroy(new Error(`no answer for ${PATIENCE_MS / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const keepAliveAgent = (connections) => new Agent({ keepAlive: true, maxSockets: connections });

/** Runs `count` tasks, `atOnce` of them at a time; task(i) gives a promise. */
export async function inParallel(count, atOnce, task) {
  let next = 0;
  const results = new Array(count);
  const work = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await task(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
