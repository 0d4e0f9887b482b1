// Who calls: keys, the projects behind them, and what Google says when a credential will not do.

import { catalogueReply } from './catalogue.mjs';

/** What a key in this state is answered with, always. */
const ROW_OF_STATE = {
  invalid: 'api_key_invalid',
  expired: 'api_key_expired',
  suspended: 'suspended',
  leaked: 'leaked',
  service_disabled: 'service_disabled',
  restricted: 'method_blocked',
  denied: 'project_denied',
  no_billing: 'billing_disabled',
  prepay: 'prepay_depleted',
  unsupported: 'token_type_unsupported',
};

/** A key that looks like a standard one but that nobody ever owned. */
export function makeKey(label) {
  return `AIza${`SyFake_${label}_`.padEnd(35, 'x').slice(0, 35)}`;
}

export class Accounts {
  #keys = new Map();

  constructor(keys = []) {
    for (const key of keys) this.set(typeof key === 'string' ? { key } : key);
  }

  /** Adds a key or changes the named fields of a known one. */
  set({ key, ...fields }) {
    const known = this.#keys.get(key) ?? { key, project: String(100000000001 + this.#keys.size), tier: 'free', state: 'ok' };
    if (fields.state && fields.state !== 'ok' && !ROW_OF_STATE[fields.state]) {
      throw new Error(`key state: found "${fields.state}", expected ok, ${Object.keys(ROW_OF_STATE).join(', ')}`);
    }
    this.#keys.set(key, { ...known, ...fields });
    return this.#keys.get(key);
  }

  find(key) {
    return this.#keys.get(key);
  }

  all() {
    return [...this.#keys.values()];
  }

  /**
   * `{account}` when exactly one good credential came, else `{account?, refusal}`.
   * `bearer` says that the path takes its key as a Bearer, as the OpenAI prefix does.
   */
  identify(credentials, { bearer = false, model } = {}) {
    const counted = credentials.filter(({ via }) => bearer || !via.startsWith('openai-'));
    if (counted.length === 0) return { refusal: catalogueReply('unregistered') };
    if (counted.length > 1) return { refusal: catalogueReply('multiple_credentials') };
    const [{ via, value }] = counted;
    if (via === 'bearer' && !bearer) return { refusal: catalogueReply('token_type_unsupported') };
    const account = this.#keys.get(value);
    if (!account) return { refusal: catalogueReply('api_key_invalid') };
    if (account.state === 'ok') return { account };
    const context = { key: account.key, project: account.project, model };
    return { account, refusal: catalogueReply(ROW_OF_STATE[account.state], context) };
  }
}

const CREDENTIAL_HEADERS = new Map([
  ['x-goog-api-key', 'x-goog-api-key'],
  ['openai-organization', 'openai-organization'],
  ['openai-project', 'openai-project'],
]);

/** Every credential of a request, repeated headers counted each: `[{via, value}]`. */
export function credentialsOf(rawHeaders, query) {
  const found = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    const value = rawHeaders[i + 1];
    if (CREDENTIAL_HEADERS.has(name)) found.push({ via: CREDENTIAL_HEADERS.get(name), value });
    if (name === 'authorization') found.push({ via: 'bearer', value: value.replace(/^bearer\s+/i, '') });
  }
  for (const value of query.getAll('key')) found.push({ via: 'query', value });
  for (const value of query.getAll('access_token')) found.push({ via: 'bearer', value });
  return found;
}
