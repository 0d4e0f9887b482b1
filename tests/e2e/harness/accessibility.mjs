// axe-core, on what a page shows now.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails on serious and critical faults, each told with its places. */
export async function checkAccessibility(page, what) {
  // By the debugger: the page's own policy forbids every script but its own, and must.
  const debug = await page.context().newCDPSession(page);
  await debug.send('Runtime.evaluate', { expression: `globalThis.axe ?? (() => { ${SOURCE} })()` });
  await debug.detach();
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const grave = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  const places = (nodes) => nodes.slice(0, 5).map(({ target, failureSummary }) => `  ${target.join(' ')}: ${failureSummary.replace(/\s+/g, ' ')}`);
  const told = grave.flatMap(({ id, help, nodes }) => [`${what}: ${id}: ${help}`, ...places(nodes)]).join('\n');
  if (told) assert.fail(told);
}
