// How to point a program at this server: ready lines with its address, and the token while it is known.

import { t } from '../../lib/i18n.js';
import { html, useState } from '../../lib/ui.js';
import { Button, CopyButton, Dialog, Heads, Notice, Select, Snippet } from '../../widgets/index.js';
import { PLACEHOLDER, SNIPPET_NAMES, baseOf, snippetFor, toolsFor } from './snippets.js';

const unseen = (words) => html`<span class="unseen">${words}</span>`;

/** `token` null: it was shown once and cannot be shown again. */
export function Connect({ token }) {
  const [name, setName] = useState(SNIPPET_NAMES[0]);
  const base = baseOf(window.location);
  const text = snippetFor(name, base, token ?? PLACEHOLDER);
  return html`<div class="connect">
    <${Select} label=${t('clients.connect.how')} value=${name} onChange=${setName}
      options=${SNIPPET_NAMES.map((value) => ({ value, label: t(`clients.connect.${value}`) }))} />
    <${Snippet} text=${text} label=${t(`clients.connect.${name}`)} />
    ${!token && html`<p class="hint">${t('clients.connect.placeholder', { placeholder: PLACEHOLDER })}</p>`}
    <h3>${t('clients.connect.tools')}</h3>
    <p class="hint">${t('clients.connect.toolsText')}</p>
    <div class="scrolling-x" tabindex="0" role="group" aria-label=${t('clients.connect.tools')}><table class="tools">
      <${Heads} labels=${[t('clients.connect.tool'), t('clients.connect.field'), t('clients.connect.address'), unseen(t('common.copy'))]} />
      <tbody>${toolsFor(base).map((tool) => html`<tr key=${tool.name}><th scope="row">${tool.name}</th><td>${tool.field}</td>
        <td class="mono">${tool.address}</td><td><${CopyButton} text=${tool.address} label=${t('clients.connect.copyAddress', { name: tool.name })} />
          </td></tr>`)}</tbody></table></div>
  </div>`;
}

/** After a token was made: the only time that it is shown. */
export function TokenDialog({ client, onClose }) {
  return html`<${Dialog} wide title=${t('clients.token.title', { name: client.name })} onClose=${onClose}
      actions=${html`<${Button} kind="main" onClick=${onClose}>${t('clients.token.done')}<//>`}>
    <div class="form">
      <${Notice} kind="warn">${t('clients.token.once')}<//>
      <div class="token"><code class="grow">${client.token}</code><${CopyButton} text=${client.token} small=${false}>${t('common.copy')}<//></div>
      <${Connect} token=${client.token} />
    </div><//>`;
}

export function ConnectDialog({ client, onClose }) {
  return html`<${Dialog} wide title=${t('clients.connect.title', { name: client.name })} onClose=${onClose}
      actions=${html`<${Button} onClick=${onClose}>${t('common.close')}<//>`}><${Connect} token=${null} /><//>`;
}
