// Dialogs are the browser's own: it keeps the focus inside, closes on Esc and gives the focus back.

import { html, useEffect, useRef } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { createStore, useStore } from '../lib/store.js';
import { Button } from './button.js';

let count = 0;

/** `onClose` is called for Esc, the cross and a press outside. `actions` stand at the foot. With `onSubmit` it is a form. */
export function Dialog({ title, wide, actions, onClose, onSubmit, children }) {
  const dialog = useRef(null);
  const name = useRef(`dialog-${++count}`).current;
  useEffect(() => {
    const element = dialog.current;
    if (!element.open) element.showModal();
    return () => element.close();
  }, []);
  const cancel = (event) => { event.preventDefault(); onClose(); };
  const pressed = (event) => { if (event.target === dialog.current) onClose(); };
  const submit = (event) => { event.preventDefault(); onSubmit(event); };
  const inside = html`
    <header class="dialog-head"><h2 id=${name}>${title}</h2>
      <${Button} kind="quiet" icon="close" label=${t('common.close')} onClick=${onClose} /></header>
    <div class="dialog-body">${children}</div>
    ${actions && html`<footer class="dialog-foot">${actions}</footer>`}`;
  return html`<dialog ref=${dialog} class="dialog ${wide ? 'wide' : ''}" aria-labelledby=${name} onCancel=${cancel} onMouseDown=${pressed}>
    ${onSubmit ? html`<form class="dialog-inside" onSubmit=${submit}>${inside}</form>` : html`<div class="dialog-inside">${inside}</div>`}
  </dialog>`;
}

const question = createStore(null);

/** Asks, and answers true or false: await confirmed({ title, text, action: 'Delete 3 keys', danger: true }). */
export function confirmed(asked) {
  question.get()?.answer(false);
  return new Promise((answer) => question.set({ ...asked, answer }));
}

export function Confirmation() {
  const asked = useStore(question);
  if (!asked) return null;
  const answer = (value) => { question.set(null); asked.answer(value); };
  return html`<${Dialog} title=${asked.title} onClose=${() => answer(false)} onSubmit=${() => answer(true)} actions=${html`
      <${Button} onClick=${() => answer(false)}>${t('common.cancel')}<//>
      <${Button} type="submit" kind=${asked.danger ? 'danger' : 'main'}>${asked.action}<//>`}>
    <p>${asked.text}</p>
  <//>`;
}
