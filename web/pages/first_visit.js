// The way from an empty pool to a first answer: get a key, paste it, see that it works, point a tool at Pollux.

import { t } from '../lib/i18n.js';
import { html, useState } from '../lib/ui.js';
import { Badge, Button, Card, LinkButton, Page, Snippet } from '../widgets/index.js';
import { PLACEHOLDER, baseOf, snippetFor } from './clients/snippets.js';
import { AddButton, AddKeysFields, Found, useAddKeys } from './keys/add_keys.js';
import { checkKey } from './keys/check.js';
import { keyTitle } from './keys/key_list.js';

const AI_STUDIO = 'https://aistudio.google.com/apikey';
const MOST_CHECKED = 5;  // At once; a first visit with hundreds of keys is checked on the page of the keys.

export function FirstVisit({ keys, reload, onEnd }) {
  const [findings, setFindings] = useState({});
  const [added, setAdded] = useState(null);
  const form = useAddKeys((answer) => {
    setAdded(answer);
    reload();
    for (const key of answer.added.slice(0, MOST_CHECKED)) check(key);
  });
  async function check(key) {
    const tell = (finding) => setFindings((old) => ({ ...old, [key.id]: finding }));
    tell({ busy: true });
    try { tell(await checkKey(key.id)); } catch (error) { tell({ well: null, words: error.message }); }
    reload();
  }
  const submit = (event) => { event.preventDefault(); form.submit(); };
  const done = keys.length > 0;
  const base = baseOf(location);

  return html`<${Page} title=${t('first.title')} subtitle=${t('first.subtitle')}>
    <ol class="steps">
      <${Step} number="1" title=${t('first.get')}>
        <p>${t('first.getWhy')} <a href=${AI_STUDIO} target="_blank" rel="noopener noreferrer">Google AI Studio (aistudio.google.com/apikey)</a></p>
        <p class="hint">${t('first.getHint')}</p><//>
      <${Step} number="2" title=${t('first.paste')} done=${done}>
        <form class="form" onSubmit=${submit}><${AddKeysFields} form=${form} brief />
          ${added && html`<${Found} found=${added} />`}
          <div><${AddButton} form=${form} icon="plus" /></div></form><//>
      <${Step} number="3" title=${t('first.check')} done=${keys.some((key) => findings[key.id]?.well)} waiting=${!done}>
        ${done ? html`<ul class="findings">${keys.slice(0, MOST_CHECKED).map((key) => html`
          <${Finding} key=${key.id} row=${key} finding=${findings[key.id]} check=${check} />`)}</ul>`
      : html`<p class="muted">${t('first.checkWhy')}</p>`}<//>
      <${Step} number="4" title=${t('first.connect')} waiting=${!done}>
        <p>${t('first.connectWhy', { address: base })}</p>
        <${Snippet} text=${snippetFor('curl', base, PLACEHOLDER)} label=${t('first.connect')} />
        <p class="hint">${t('first.token')}</p>
        <div class="button-row"><${LinkButton} href="#/clients">${t('first.clients')}<//>
          ${done && html`<${Button} kind="main" onClick=${onEnd}>${t('first.end')}<//>`}</div><//>
    </ol>
  <//>`;
}

function Step({ number, title, done, waiting, children }) {
  return html`<li class="step ${done ? 'done' : ''} ${waiting ? 'waiting' : ''}">
    <span class="step-number" aria-hidden="true">${done ? '✓' : number}</span>
    <${Card} title=${title}><div class="form">${children}</div><//></li>`;
}

function Finding({ row, finding, check }) {
  return html`<li class="finding"><b class="mono">${keyTitle(row)}</b>
    ${finding?.busy ? html`<span class="muted" role="status"><span class="spinner" /> ${t('first.asking')}</span>` : html`
      <${Badge} state=${row.state} /><span>${finding ? finding.words : row.reason}</span>
      <${Button} small onClick=${() => check(row)}>${t('keys.check')}<//>`}</li>`;
}
