// Texts live in web/texts, one file a language. A language is added by a file there and a line here.

import { createKeptStore, createStore } from './store.js';

export const languages = [
  { code: 'en', name: 'English', load: () => import('../texts/en.js') },
  { code: 'zh-CN', name: '简体中文', load: () => import('../texts/zh-CN.js') },
];

const kept = createKeptStore('pollux.language', '');
let texts = {};
let plurals = new Intl.PluralRules('en');

/** The code of the language that is shown. */
export const language = createStore('en');

/** The language of ours that fits best what the browser prefers. */
export function preferred(wanted, offered = languages.map(({ code }) => code)) {
  for (const tag of wanted) {
    const exact = offered.find((code) => code.toLowerCase() === tag.toLowerCase());
    const near = offered.find((code) => code.split('-')[0] === tag.toLowerCase().split('-')[0]);
    if (exact ?? near) return exact ?? near;
  }
  return 'en';
}

export async function setLanguage(code) {
  const chosen = languages.find((each) => each.code === code) ?? languages[0];
  texts = (await chosen.load()).default;
  plurals = new Intl.PluralRules(chosen.code);
  document.documentElement.lang = chosen.code;
  language.set(chosen.code);
}

export const startLanguage = () => setLanguage(kept.get() || preferred(navigator.languages ?? []));

export function switchLanguage(code) {
  kept.set(code);
  return setLanguage(code);
}

/** Names and values of a text: 'Add {n} keys'. A text with plural forms is an object {one, other}, chosen by `n`. */
export function fill(text, values, rules = plurals, locale = language.get()) {
  const form = typeof text === 'object' ? text[rules.select(values.n ?? 0)] ?? text.other : text;
  return form.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (typeof value === 'number') return new Intl.NumberFormat(locale).format(value);
    return value ?? whole;
  });
}

/** The text of this name, 'keys.add.title', with {names} filled in. */
export function t(name, values = {}) {
  const text = lookUp(name);
  return text === undefined ? name : fill(text, values);
}

/** Whether there is such a text: for names that come from the server. */
export const hasText = (name) => lookUp(name) !== undefined;

function lookUp(name) {
  return name.split('.').reduce((part, key) => (part === null || part === undefined ? undefined : part[key]), texts);
}
