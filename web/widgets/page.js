import { html, useEffect, useRef } from '../lib/ui.js';
import { Icon } from './icon.js';

/** The frame of a page: its title is also the tab's; `actions` stand beside it; `back`: { href, label } above it. */
export function Page({ title, subtitle, actions, back, children }) {
  const heading = useRef(null);
  useEffect(() => { document.title = `${title} · Pollux`; }, [title]);
  // Whoever uses a screen reader or the keyboard goes on from the new page's head.
  useEffect(() => heading.current.focus({ preventScroll: true }), []);
  return html`<div class="page">
    ${back && html`<a class="back" href=${back.href}><${Icon} name="back" size=${16} />${back.label}</a>`}
    <header class="page-head">
      <div class="page-title"><h1 ref=${heading} tabindex="-1">${title}</h1>${subtitle && html`<div class="muted">${subtitle}</div>`}</div>
      ${actions && html`<div class="page-actions">${actions}</div>`}</header>
    ${children}
  </div>`;
}

/** A part of a page with a frame of its own. */
export function Card({ title, actions, className = '', children }) {
  return html`<section class="card ${className}" aria-label=${typeof title === 'string' ? title : undefined}>
    ${(title || actions) && html`<header class="card-head">${title && html`<h2>${title}</h2>`}${actions}</header>`}
    ${children}
  </section>`;
}

/** A number with its name: { label, value, note }. */
export function Figure({ label, value, note, kind = '' }) {
  return html`<div class="figure ${kind}"><div class="figure-label">${label}</div><div class="figure-value">${value}</div>
    ${note && html`<div class="figure-note">${note}</div>`}</div>`;
}

/** Names and values: [[label, value], ...]; what is null is left out. */
export function Facts({ facts }) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined);
  return html`<dl class="facts">${known.map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}
