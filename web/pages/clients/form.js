// A client as the texts of a form, and back. What cannot be read is told by the field's name.

const NUMBERS = ['rpm', 'daily_requests', 'daily_tokens'];

export const emptyForm = () => ({ name: '', tags: [], models: [], rpm: '', daily_requests: '', daily_tokens: '', expires_at: '', enabled: true });

const two = (number) => String(number).padStart(2, '0');

// What <input type="datetime-local"> holds, in the reader's own time.
export function localTimeOf(iso) {
  if (!iso) return '';
  const time = new Date(iso);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

export function formOf(client) {
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, client[name] === null ? '' : String(client[name])]));
  return { name: client.name, tags: client.tags, models: client.models, ...numbers, expires_at: localTimeOf(client.expires_at),
    enabled: client.enabled };
}

// People write 10000, 10 000, 10,000, 50k and 2m. Null: no limit; undefined: not a number.
export function wholeNumberOf(text) {
  const plain = text.trim().replace(/[\s,_']/g, '').toLowerCase();
  if (plain === '') return null;
  const found = /^(\d+(?:\.\d+)?)([km]?)$/.exec(plain);
  if (!found) return undefined;
  const number = Number(found[1]) * { '': 1, k: 1000, m: 1_000_000 }[found[2]];
  return Number.isSafeInteger(number) && number >= 1 ? number : undefined;
}

// {values, errors}: errors name the text that says what is wrong.
export function readForm(form) {
  const values = { name: form.name.trim(), tags: form.tags, models: form.models, enabled: form.enabled };
  const errors = {};
  if (!values.name) errors.name = 'clients.error.name';
  for (const name of NUMBERS) {
    values[name] = wholeNumberOf(form[name]);
    if (values[name] === undefined) errors[name] = 'clients.error.number';
  }
  const expires = form.expires_at ? new Date(form.expires_at) : null;
  if (expires && Number.isNaN(expires.getTime())) errors.expires_at = 'clients.error.time';
  else values.expires_at = expires ? expires.toISOString() : null;
  return { values, errors };
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// What a new client says besides its name: what is not said is as the server has it.
export function createdBy(form) {
  const { values, errors } = readForm(form);
  const untouched = readForm(emptyForm()).values;
  return { errors, values: Object.fromEntries(Object.entries(values).filter(([name, value]) => name === 'name' || !same(value, untouched[name]))) };
}

// Of a client that is there only what the form changes: what came meanwhile from elsewhere stays.
export function changedBy(form, client) {
  const { values, errors } = readForm(form);
  const before = readForm(formOf(client)).values;
  return { errors, values: Object.fromEntries(Object.entries(values).filter(([name, value]) => !same(value, before[name]))) };
}

// What a client has used of each of its limits; those without one have nothing to show.
export function usageOf(client) {
  const { usage } = client;
  return [
    { name: 'rpm', used: usage.requests_this_minute, limit: client.rpm },
    { name: 'daily_requests', used: usage.requests_today, limit: client.daily_requests },
    { name: 'daily_tokens', used: usage.tokens_today, limit: client.daily_tokens },
  ];
}

export function stateOf(client, now = Date.now()) {
  if (!client.enabled) return 'disabled';
  if (client.expires_at && Date.parse(client.expires_at) <= now) return 'expired';
  return usageOf(client).some(({ used, limit }) => limit !== null && used >= limit) ? 'at_limit' : 'ready';
}
