// Requests a minute, tokens a minute and requests a day, counted per project and model as Google does.

import { dailyQuota, minuteQuota, tokenQuota, zeroQuota } from './quota_errors.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The free tier as users saw it in autumn 2026; ask for it by `limits: "free"`. */
export const FREE_TIER = {
  'gemini-3.5-flash': { rpm: 5, tpm: 250000, rpd: 20 },
  'gemini-3.6-flash': { rpm: 5, tpm: 250000, rpd: 20 },
  'gemini-3.7-flash': { rpm: 5, tpm: 250000, rpd: 20 },
  'gemini-3.8-flash': { rpm: 5, tpm: 250000, rpd: 20 },
  'gemini-3.1-flash-lite': { rpm: 15, tpm: 250000, rpd: 500 },
  'gemini-3.5-flash-lite': { rpm: 15, tpm: 250000, rpd: 500 },
  'gemini-2.5-flash': { rpm: 5, tpm: 250000, rpd: 20 },
  'gemini-2.5-flash-lite': { rpm: 10, tpm: 250000, rpd: 20 },
  'gemini-3.1-pro-preview': { rpm: 0, tpm: 0, rpd: 0 },
  'gemini-embedding-001': { rpm: 100, tpm: 30000, rpd: 1000 },
};

export class Quotas {
  #counts = new Map();
  #minuteMs;
  #now;

  /** `minuteMs` may shorten the minute, so that a test can see it pass. */
  constructor({ minuteMs = 60_000, now = Date.now } = {}) {
    this.#minuteMs = minuteMs;
    this.#now = now;
  }

  reset() {
    this.#counts.clear();
  }

  /**
   * Counts one request, or refuses it with the true 429.
   * `limits` is `{model | "*": {rpm?, tpm?, rpd?}}`, `"free"`, or nothing for no limit at all.
   */
  take({ account, model, tokens, embedding = false }) {
    const table = account.limits === 'free' ? FREE_TIER : account.limits;
    const limits = table?.[model] ?? table?.['*'];
    if (!limits) return undefined;
    const context = { model, tier: account.tier, embedding };
    if (limits.rpm === 0 || limits.rpd === 0 || limits.tpm === 0) return zeroQuota({ ...context, retryAfter: 7.25 });
    const used = this.#windowsOf(account.project, model);
    const retryAfter = Math.max(0.001, (used.minuteEnds - this.#now()) / 1000);
    if (used.day >= (limits.rpd ?? Infinity)) return dailyQuota({ ...context, limit: limits.rpd, retryAfter: 12.5 });
    if (used.minute >= (limits.rpm ?? Infinity)) return minuteQuota({ ...context, limit: limits.rpm, retryAfter });
    if (used.tokens + tokens > (limits.tpm ?? Infinity)) return tokenQuota({ ...context, limit: limits.tpm, retryAfter });
    used.minute += 1;
    used.day += 1;
    used.tokens += tokens;
    return undefined;
  }

  #windowsOf(project, model) {
    const name = `${project} ${model}`;
    const now = this.#now();
    const used = this.#counts.get(name) ?? { minute: 0, tokens: 0, day: 0, minuteEnds: 0, dayEnds: now + DAY_MS };
    if (now >= used.minuteEnds) {
      // Windows are fixed minutes of the clock, not the last sixty seconds.
      Object.assign(used, { minute: 0, tokens: 0, minuteEnds: (Math.floor(now / this.#minuteMs) + 1) * this.#minuteMs });
    }
    if (now >= used.dayEnds) Object.assign(used, { day: 0, dayEnds: now + DAY_MS });
    this.#counts.set(name, used);
    return used;
  }
}
