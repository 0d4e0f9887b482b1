// Settings as a form has them: grouped, found by words, as text of an input and back.

export function grouped(settings) {
  const groups = new Map();
  for (const setting of settings) {
    if (!groups.has(setting.group)) groups.set(setting.group, []);
    groups.get(setting.group).push(setting);
  }
  return [...groups].map(([name, members]) => ({ name, settings: members }));
}

// All words must occur; MAX_RETRIES is also found by "max retries". `about`: the sentence as the reader sees it.
export function found(settings, words, about = (setting) => setting.about) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter((setting) => {
    const text = `${setting.name} ${setting.name.replaceAll('_', ' ')} ${about(setting)} ${setting.about} ${setting.group}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

export const mayChange = (setting) => setting.changeable && !setting.pinned;

const UNITS = [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]];

// 67108864 -> "64MiB": only where nothing is lost.
export function bytesText(bytes) {
  const unit = UNITS.find(([, size]) => bytes >= size && bytes % size === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : String(bytes);
}

export function bytesOf(text) {
  const parts = /^(\d+(?:\.\d+)?)\s*(k|m|g)?(?:i?b)?$/i.exec(text.trim());
  if (!parts) return undefined;
  const bytes = Number(parts[1]) * { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[(parts[2] ?? '').toLowerCase()];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

// A value as the text of its input; a boolean stays one.
export function toInput(setting, value = setting.value) {
  if (setting.type === 'boolean') return value === true;
  if (value === null || value === undefined) return '';
  if (setting.type === 'list') return Array.isArray(value) ? value.join('\n') : String(value);
  if (setting.type === 'bytes' && typeof value === 'number') return bytesText(value);
  return String(value);
}

function numberOf(setting, text) {
  const number = setting.type === 'bytes' ? bytesOf(text) : Number(text.trim());
  if (number === undefined || !Number.isFinite(number)) return { error: setting.type === 'bytes' ? 'settings.error.bytes' : 'settings.error.number' };
  if (setting.type !== 'number' && !Number.isInteger(number)) return { error: 'settings.error.integer' };
  if (typeof setting.min === 'number' && number < setting.min) return { error: 'settings.error.min', bound: setting.min };
  if (typeof setting.max === 'number' && number > setting.max) return { error: 'settings.error.max', bound: setting.max };
  return { value: number };
}

// {value} for the API, or {error, bound}: the key of a text that says what is wrong. An empty input is the default.
export function fromInput(setting, input) {
  if (setting.type === 'boolean') return { value: input };
  if (input.trim() === '') return { value: null };
  if (setting.type === 'list') return { value: input.split('\n').map((item) => item.trim()).filter(Boolean) };
  if (['integer', 'number', 'bytes'].includes(setting.type)) return numberOf(setting, input);
  return { value: input.trim() };
}

// What the inputs change, for one PATCH, and what is wrong with them. `inputs`: by name, of those that were touched. What
// says the same as the default is the default, and follows it when an update changes it.
export function changesOf(settings, inputs) {
  const changes = {};
  const errors = {};
  for (const setting of settings) {
    const input = inputs[setting.name];
    if (input === undefined || !mayChange(setting) || input === toInput(setting)) continue;
    const read = fromInput(setting, input);
    if (read.error) errors[setting.name] = read;
    else changes[setting.name] = input === toInput(setting, setting.default) ? null : read.value;
  }
  return { changes, errors };
}

export const isChanged = (setting, input) => input !== undefined && input !== toInput(setting);

const SHOWN = {
  all: () => true,
  changed: (setting) => setting.source !== 'default',
  changeable: mayChange,
};

export const shownSettings = (settings, shown) => settings.filter(SHOWN[shown]);
