// Clients: who may ask, for what and how much.

import { api } from '../lib/api.js';
import { useEvent } from '../lib/events.js';
import { compact, dateTime, number } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { throttled, useLoaded } from '../lib/load.js';
import { href } from '../lib/router.js';
import { html, useMemo, useState } from '../lib/ui.js';
import { Badge, Bar, Button, Empty, LinkButton, Loaded, Page, SearchInput, Tags, Time, confirmed, toast } from '../widgets/index.js';
import { ClientDialog } from './clients/client_dialog.js';
import { ConnectDialog, TokenDialog } from './clients/connect.js';
import { stateOf, usageOf } from './clients/form.js';

const KINDS = { ready: 'good', at_limit: 'warn', expired: 'bad', disabled: 'off' };
const SEARCH_FROM = 6;
const USAGE_MS = 5000;  // How often what is used is read again while requests come.

const found = (clients, words) => clients.filter((client) => [client.name, client.id, client.token_hint, ...client.tags, ...client.models]
  .join(' ').toLowerCase().includes(words.trim().toLowerCase()));

function Usage({ client }) {
  return html`<div class="client-usage">${usageOf(client).map(({ name, used, limit }) => html`
    <${Bar} key=${name} label=${t(`clients.usage.${name}`)} used=${used} limit=${limit}
      format=${name === 'daily_tokens' ? compact : number} />`)}</div>`;
}

function Allowed({ models }) {
  if (!models.length) return html`<span class="muted">${t('clients.allModels')}</span>`;
  return html`<${Tags} tags=${models} />`;
}

function Client({ client, actions }) {
  const state = stateOf(client);
  return html`<li class="card client" aria-label=${client.name}>
    <header class="card-head"><div class="client-name"><h2>${client.name}</h2><${Badge} kind=${KINDS[state]}>${t(`clients.state.${state}`)}<//>
      <${Tags} tags=${client.tags} /></div>
      <span class="mono small muted" title=${t('clients.tokenHint')}>${client.token_hint}</span></header>
    <${Usage} client=${client} />
    <dl class="client-facts">
      <div><dt>${t('clients.field.models')}</dt><dd><${Allowed} models=${client.models} /></dd></div>
      <div><dt>${t('clients.lastUsed')}</dt><dd><${Time} value=${client.last_used} /></dd></div>
      <div><dt>${t('clients.field.expires_at')}</dt><dd>${client.expires_at ? dateTime(client.expires_at) : t('common.never')}</dd></div>
    </dl>
    ${client.from_settings && html`<p class="hint">${t('clients.fromSettings')}</p>`}
    <footer class="button-row">
      <${Button} small icon="edit" onClick=${() => actions.edit(client)}>${t('common.edit')}<//>
      <${Button} small icon="next" onClick=${() => actions.connect(client)}>${t('clients.connect.action')}<//>
      <${LinkButton} small icon="requests" href=${href('/requests', { client: client.id })}>${t('nav.requests')}<//>
      <${Button} small onClick=${() => actions.enable(client)}>${t(client.enabled ? 'clients.disable' : 'clients.enable')}<//>
      ${!client.from_settings && html`<span class="button-row ends">
        <${Button} small icon="keys" label=${t('clients.token.new')} onClick=${() => actions.renew(client)} />
        <${Button} small kind="danger" icon="trash" label=${t('clients.revoke')} onClick=${() => actions.remove(client)} /></span>`}
    </footer></li>`;
}

/** What can be done to a client; `show` opens a dialog: { kind, client }. */
function actionsOf(list, show) {
  const put = (client) => list.set((old) => ({ ...old,
    clients: old.clients.map((each) => (each.id === client.id ? { ...each, ...client } : each)) }));
  return {
    edit: (client) => show({ kind: 'edit', client }),
    connect: (client) => show({ kind: 'connect', client }),
    async enable(client) {
      put(await api.patch(`admin/clients/${client.id}`, { enabled: !client.enabled }));
      toast(t(client.enabled ? 'clients.disabled' : 'clients.enabled', { name: client.name }));
    },
    async renew(client) {
      const sure = await confirmed({ title: t('clients.token.new'), text: t('clients.token.newText', { name: client.name }),
        action: t('clients.token.new'), danger: true });
      if (!sure) return;
      const answer = await api.post(`admin/clients/${client.id}/token`);
      show({ kind: 'token', client: answer });
      list.reload();
    },
    async remove(client) {
      const sure = await confirmed({ title: t('clients.revokeTitle', { name: client.name }), text: t('clients.revokeText'),
        action: t('clients.revoke'), danger: true });
      if (!sure) return;
      await api.del(`admin/clients/${client.id}`);
      toast(t('clients.revoked', { name: client.name }));
      list.reload();
    },
  };
}

function Dialogs({ shown, show, list }) {
  const close = () => show(null);
  if (!shown) return null;
  if (shown.kind === 'connect') return html`<${ConnectDialog} client=${shown.client} onClose=${close} />`;
  if (shown.kind === 'token') return html`<${TokenDialog} client=${shown.client} onClose=${close} />`;
  const done = (answer) => { show(answer.token ? { kind: 'token', client: answer } : null); list.reload(); };
  return html`<${ClientDialog} key=${shown.client?.id} client=${shown.client} onDone=${done} onClose=${close} />`;
}

export default function Clients() {
  const list = useLoaded(() => api.get('admin/clients'), []);
  const [shown, show] = useState(null);
  const [words, setWords] = useState('');
  const readUsage = useMemo(() => throttled(list.reload, USAGE_MS), []);
  useEvent('clients', list.reload);
  useEvent('request', readUsage);
  const actions = actionsOf(list, show);
  const create = html`<${Button} kind="main" icon="plus" onClick=${() => show({ kind: 'edit', client: null })}>${t('clients.new')}<//>`;
  return html`<${Page} title=${t('clients.title')} subtitle=${t('clients.subtitle')} actions=${create}>
    <${Loaded} from=${list}>${({ clients }) => {
      const rows = found(clients, words);
      if (!clients.length) return html`<${Empty} icon="clients" title=${t('clients.none')} action=${create}>${t('clients.noneText')}<//>`;
      return html`${clients.length >= SEARCH_FROM && html`<div class="filters"><${SearchInput} label=${t('clients.search')} value=${words}
        onInput=${setWords} /></div>`}
        <ul class="client-list">${rows.map((client) => html`<${Client} key=${client.id} client=${client} actions=${actions} />`)}</ul>
        ${!rows.length && html`<p class="table-empty muted">${t('table.empty')}</p>`}`;
    }}<//>
    <${Dialogs} shown=${shown} show=${show} list=${list} />
  <//>`;
}
