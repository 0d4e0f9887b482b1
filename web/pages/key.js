// One key: its facts, what it has used, what went wrong, its last requests.

import { api } from '../lib/api.js';
import { useEvent } from '../lib/events.js';
import { dateTime, number, percent } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { throttled, useLoaded } from '../lib/load.js';
import { go, href } from '../lib/router.js';
import { html, useEffect, useMemo, useRef, useState } from '../lib/ui.js';
import { Badge, Button, Card, CopyButton, Countdown, Empty, Facts, Figure, LinkButton, Loaded, Notice, Page, StatusBadge, Tags, Time, confirmed,
  toast } from '../widgets/index.js';
import { DisableDialog } from './keys/batch.js';
import { checkKey } from './keys/check.js';
import { EditKey } from './keys/edit_key.js';
import { isByHand, keyTitle, successShare } from './keys/key_list.js';
import { KeyRequests } from './keys/key_requests.js';
import { Quotas } from './keys/quota.js';

const REFRESH_MS = 5000;  // Counts change with each request, of which no event tells.
const MOST_ERRORS = 5;

export default function KeyPage({ params }) {
  const { id } = params;
  const loaded = useLoaded(() => api.get(`admin/status/${id}`), [id]);
  const latest = useRef(loaded);
  latest.current = loaded;
  const soon = useMemo(() => throttled(() => latest.current.reload(), 1000), []);
  const [isGone, setGone] = useState(false);
  useEvent('key', (event) => {
    if (event.id !== id) return;
    if (event.state === 'removed') setGone(true);
    else soon();
  });
  useEvent('hello', soon);
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden && !isGone) soon(); }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [isGone]);

  const back = { href: '#/keys', label: t('keys.title') };
  const row = loaded.data;
  const gone = isGone || loaded.error?.status === 404;
  if (!row || gone) {
    return html`<${Page} title=${t('keys.one')} back=${back}>
      ${gone ? html`<${Empty} icon="keys" title=${t('keys.gone')} />` : html`<${Loaded} from=${loaded}>${() => null}<//>`}<//>`;
  }
  return html`<${Page} title=${keyTitle(row)} back=${back} subtitle=${html`<span class="key-subtitle"><${Badge} state=${row.state} />
      <span class="mono">${row.masked_key}</span><${Tags} tags=${row.tags} /></span>`}
    actions=${html`<${Actions} row=${row} reload=${loaded.reload} />`}>
    <div class="stack"><${StateNotice} row=${row} />
      <${Figures} row=${row} />
      <${Card} title=${t('keys.quota.title')}><${Quotas} models=${row.models} project=${row.project_id} /><//>
      <div class="grid">
        <${Card} title=${t('keys.errors.title')}><${Errors} row=${row} /><//>
        <${Card} title=${t('keys.facts')}><${KeyFacts} row=${row} /><//>
      </div>
      <${KeyRequests} id=${id} /></div>
  <//>`;
}

function Actions({ row, reload }) {
  const [dialog, setDialog] = useState(null);
  const path = `admin/keys/${row.id}`;
  async function check() {
    const { well, words } = await checkKey(row.id);
    toast(words, { kind: well === null ? 'info' : well ? 'good' : 'bad' });
    reload();
  }
  async function enable() {
    await api.patch(path, { enabled: true });
    reload();
  }
  async function reset() {
    if (!await confirmed({ title: t('keys.ask.reset', { n: 1 }), text: t('keys.ask.resetText'), action: t('keys.reset') })) return;
    await api.post('admin/reset', { key_id: row.id });
    toast(t('keys.done.reset', { n: 1 }));
    reload();
  }
  async function remove() {
    if (!await confirmed({ title: t('keys.ask.delete', { n: 1 }), text: t('keys.ask.deleteText'), action: t('keys.delete'), danger: true })) return;
    await api.del(path);
    toast(t('keys.done.delete', { n: 1 }));
    go('/keys');
  }
  return html`
    <${Button} kind="main" icon="check" onClick=${check}>${t('keys.checkNow')}<//>
    ${row.enabled ? html`<${Button} icon="pause" onClick=${() => setDialog('disable')}>${t('keys.disable')}<//>`
    : html`<${Button} icon="play" onClick=${enable}>${t('keys.enable')}<//>`}
    <${Button} icon="edit" onClick=${() => setDialog('edit')}>${t('common.edit')}<//>
    <${Button} icon="refresh" onClick=${reset}>${t('keys.reset')}<//>
    <${Button} kind="danger" icon="trash" onClick=${remove}>${t('common.delete')}<//>
    ${dialog === 'edit' && html`<${EditKey} row=${row} onClose=${() => setDialog(null)} onSaved=${reload} />`}
    ${dialog === 'disable' && html`<${DisableDialog} n=${1} onClose=${() => setDialog(null)}
      onDisable=${async (reason) => { await api.patch(path, { enabled: false, ...reason }); reload(); }} />`}`;
}

/** Why the key is not simply ready, and what will happen. */
function StateNotice({ row }) {
  if (row.state === 'disabled') {
    return html`<${Notice} kind="bad"><b>${row.reason ?? t('states.disabled')}</b>
      ${row.disabled_since && html` · <${Time} value=${row.disabled_since} />`}
      <div class="small">${t(isByHand(row) ? 'keys.why.byHand' : 'keys.why.refused')}</div><//>`;
  }
  if (row.state === 'resting') {
    return html`<${Notice} kind="warn"><b>${row.reason ?? t('states.resting')}</b>
      ${row.cooldown_until && html`<div>${t('keys.backIn')} <${Countdown} until=${row.cooldown_until} /></div>`}<//>`;
  }
  return row.state === 'probing' && html`<${Notice}>${t('keys.why.probing')}<//>`;
}

function Figures({ row }) {
  return html`<div class="figures">
    <${Figure} label=${t('keys.today')} value=${number(row.requests_today)} note=${t('keys.running', { n: row.in_flight })} />
    <${Figure} label=${t('keys.success')} value=${percent(successShare(row))} note=${t('keys.failed', { n: row.failures })} />
    <${Figure} label=${t('keys.inARow')} value=${number(row.failures_in_a_row)} kind=${row.failures_in_a_row > 0 ? 'bad' : ''} />
    <${Figure} label=${t('keys.lastUsed')} value=${html`<${Time} value=${row.last_used} />`}
      note=${html`${t('keys.lastSuccess')} <${Time} value=${row.last_success} />`} />
  </div>`;
}

function KeyFacts({ row }) {
  return html`<${Facts} facts=${[
    [t('keys.id'), html`<span class="mono">${row.id}</span> <${CopyButton} text=${row.id} />`],
    [t('keys.masked'), html`<span class="mono">${row.masked_key}</span> <${CopyButton} text=${row.masked_key} />`],
    [t('keys.project'), row.project_id ?? t('keys.ownProject')],
    [t('keys.weight'), number(row.weight, 3)],
    [t('keys.added'), row.added_at ? dateTime(row.added_at) : null],
  ]} /><p class="hint">${t('keys.secretHint')}</p>`;
}

function Errors({ row }) {
  const errors = (row.recent_errors ?? []).slice(0, MOST_ERRORS);
  if (!errors.length) return html`<${Empty} icon="check" title=${t('keys.errors.none')} />`;
  return html`<ul class="errors">${errors.map((error) => html`<li key=${error.at + error.message}>
    <div class="errors-head">${error.status && html`<${StatusBadge} status=${error.status} />`}<span class="mono small">${error.model}</span>
      <span class="muted small"><${Time} value=${error.at} /></span></div>
    <p class="small">${error.message}</p></li>`)}</ul>
    <${LinkButton} small href=${href('/requests', { status: 'error', key: row.id })}>${t('keys.errors.all')}<//>`;
}
