// Numbers, sizes and times as the reader's language writes them.

import { language } from './i18n.js';

const formats = new Map();

// Intl objects are costly to make: one for each language and use.
function format(Kind, options) {
  const name = `${Kind.name}${language.get()}${JSON.stringify(options)}`;
  let made = formats.get(name);
  if (!made) formats.set(name, made = new Kind(language.get(), options));
  return made;
}

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
const NONE = '–';

export const number = (value, digits = 0) => (known(value) ? format(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value) : NONE);

/** 12,345 -> 12.3K, for places with little room. */
export const compact = (value) => (known(value)
  ? format(Intl.NumberFormat, { notation: 'compact', maximumFractionDigits: value < 1000 ? 0 : 1 }).format(value) : NONE);

/** A share of 1 as a percentage; what is nearly all is never rounded up to all. */
export function percent(share) {
  if (!known(share)) return NONE;
  const cut = share < 1 ? Math.min(share, 0.999) : share;
  return format(Intl.NumberFormat, { style: 'percent', maximumFractionDigits: cut > 0.99 || cut < 0.1 ? 1 : 0 }).format(cut);
}

/** A duration in ms: 38 ms, 1.24 s, 12.4 s, 3:05 min. */
export function duration(ms) {
  if (!known(ms)) return NONE;
  if (ms < 1000) return unit(ms, 'millisecond', 0);
  if (ms < 60_000) return unit(ms / 1000, 'second', ms < 10_000 ? 2 : 1);
  return countdown(ms);
}

function unit(value, name, digits) {
  return format(Intl.NumberFormat, { style: 'unit', unit: name, unitDisplay: 'narrow', maximumFractionDigits: digits }).format(value);
}

export function bytes(count) {
  if (!known(count)) return NONE;
  let value = count;
  for (const name of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024 || name === 'GiB') return `${number(value, name === 'B' || value >= 100 ? 0 : 1)} ${name}`;
    value /= 1024;
  }
  return NONE;
}

/** What is left, in ms, as a clock shows it: 0:38, 12:05, 7:12:00. */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (value) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export const dateTime = (time) => format(Intl.DateTimeFormat, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(time));
export const clockTime = (time) => format(Intl.DateTimeFormat, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(time));
export const hourMinute = (time) => format(Intl.DateTimeFormat, { hour: 'numeric', minute: '2-digit' }).format(new Date(time));
export const monthDay = (time) => format(Intl.DateTimeFormat, { month: 'short', day: 'numeric' }).format(new Date(time));
/** As short as it can be said without doubt: the time of day, or the day if it is another one. */
export function shortTime(time, now = Date.now()) {
  const date = new Date(time);
  return date.toDateString() === new Date(now).toDateString() ? hourMinute(time)
    : format(Intl.DateTimeFormat, { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' }).format(date);
}

const STEPS = [['second', 60], ['minute', 60], ['hour', 24], ['day', 30], ['month', 12], ['year', Infinity]];

/** 3 minutes ago, in 2 hours. */
export function relative(time, now = Date.now()) {
  let distance = (new Date(time).getTime() - now) / 1000;
  for (const [name, size] of STEPS) {
    if (Math.abs(distance) < size) {
      return format(Intl.RelativeTimeFormat, { numeric: 'auto', style: 'short' }).format(Math.trunc(distance), name);
    }
    distance /= size;
  }
  return NONE;
}
