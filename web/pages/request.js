// One request: what it was, how it went, and what to do if it failed.

import { api } from '../lib/api.js';
import { bytes, dateTime, duration, number } from '../lib/format.js';
import { hasText, t } from '../lib/i18n.js';
import { useLoaded } from '../lib/load.js';
import { go, href } from '../lib/router.js';
import { html } from '../lib/ui.js';
import { Button, Card, CopyButton, Empty, Facts, Figure, LinkButton, Loaded, Notice, Page, Time, confirmed, toast } from '../widgets/index.js';
import { baseOf } from './clients/snippets.js';
import { adviceFor, placeFor } from './requests/advice.js';
import { Attempts } from './requests/attempts.js';
import { Bodies } from './requests/bodies.js';
import { Outcome } from './requests/columns.js';
import { bodyOf, curlOf } from './requests/curl.js';

const requestsWith = (filter, words) => html`<a href=${href('/requests', filter)}>${words}</a>`;

function Trouble({ request }) {
  const advice = adviceFor(request);
  if (!advice) return null;
  const place = placeFor(advice);
  const link = place && html`<${LinkButton} small href=${place}>${t(`requests.place.${advice}`)}<//>`;
  return html`<${Notice} kind=${request.outcome === 'client_gone' ? 'warn' : 'bad'} action=${link}>
    ${request.error && html`<p><b>${request.error}</b></p>`}<p>${t(`requests.advice.${advice}`)}</p><//>`;
}

function Key({ request }) {
  if (!request.key_id) return request.key || '–';
  return html`<a href=${href(`/keys/${encodeURIComponent(request.key_id)}`)}>${request.key || request.masked_key}</a>${' '}
    <span class="mono small muted">${request.masked_key}</span>`;
}

const dialectWords = (request) => (hasText(`requests.dialect.${request.dialect}`) ? t(`requests.dialect.${request.dialect}`) : request.dialect);

function Details({ request }) {
  const isStreamed = request.streamed && request.endpoint !== 'stream';
  const upstream = request.upstream_model && request.upstream_model !== request.model ? request.upstream_model : null;
  return html`<${Card} title=${t('requests.facts.title')}><${Facts} facts=${[
    [t('requests.column.time'), html`${dateTime(request.time)} <span class="muted">(<${Time} value=${request.time} />)</span>`],
    [t('requests.column.client'), html`${request.client || t('requests.facts.unknownClient')} <span class="muted">${request.remote_address}</span>`],
    [t('requests.column.model'), request.model || null],
    [t('requests.facts.upstream'), upstream],
    [t('requests.column.key'), html`<${Key} request=${request} />`],
    [t('requests.filter.dialect'), [dialectWords(request), request.endpoint, isStreamed && t('requests.facts.streamed')].filter(Boolean).join(', ')],
    [t('requests.facts.path'), html`<span class="mono">${request.method} ${request.path}</span>`],
    [t('requests.facts.sizes'), t('requests.facts.sizesText', { request: bytes(request.request_bytes), answer: bytes(request.answer_bytes) })],
    [t('requests.facts.id'), html`<span class="mono">${request.id}</span>`],
  ]} />
  <p class="fact-links"><span class="muted">${t('requests.facts.more')}</span>
    ${request.client_id && requestsWith({ client: request.client_id }, t('requests.facts.ofClient'))}
    ${request.model && requestsWith({ model: request.model }, t('requests.facts.ofModel'))}
    ${request.key_id && requestsWith({ key: request.key_id }, t('requests.facts.ofKey'))}
    ${request.status !== null && requestsWith({ status: request.status }, t('requests.facts.ofStatus', { status: String(request.status) }))}</p><//>`;
}

function Figures({ request }) {
  const { tokens } = request;
  return html`<div class="figures">
    <${Figure} label=${t('requests.column.status')} value=${html`<${Outcome} request=${request} />`}
      note=${request.outcome === 'client_gone' || !request.reason ? undefined : html`<code>${request.reason}</code>`} />
    <${Figure} label=${t('requests.column.duration')} value=${duration(request.duration_ms)}
      note=${request.first_byte_ms === null ? undefined : t('requests.facts.firstByte', { time: duration(request.first_byte_ms) })} />
    <${Figure} label=${t('requests.tokens.input')} value=${number(tokens?.input)}
      note=${tokens?.cached ? t('requests.tokens.cached', { n: tokens.cached }) : undefined} />
    <${Figure} label=${t('requests.tokens.output')} value=${number(tokens?.output)}
      note=${tokens?.thoughts ? t('requests.tokens.thoughts', { n: tokens.thoughts }) : undefined} />
  </div>`;
}

function Curl({ request }) {
  const text = curlOf(request, baseOf(window.location));
  const isSample = bodyOf(request) !== null && bodyOf(request) !== request.request_body;
  return html`<${Card} title=${t('requests.curl.title')}
    actions=${html`<${CopyButton} text=${text} label=${t('requests.curl.copy')}>${t('requests.curl.copy')}<//>`}>
    <pre class="body" tabindex="0" aria-label=${t('requests.curl.title')}>${text}</pre>
    <p class="hint">${t('requests.curl.token')}${isSample && ` ${t('requests.curl.sample')}`}</p><//>`;
}

async function remove(request) {
  const sure = await confirmed({ title: t('requests.delete.one'), text: t('requests.delete.oneText'), action: t('requests.delete.action'),
    danger: true });
  if (!sure) return;
  await api.del(`admin/requests/${encodeURIComponent(request.id)}`);
  toast(t('requests.delete.done', { n: 1 }));
  go('/requests');
}

const All = ({ request }) => html`<div class="stack">
  <${Trouble} request=${request} />
  <${Figures} request=${request} />
  <${Card} title=${t('requests.attempts.title')}><${Attempts} request=${request} /><//>
  <${Details} request=${request} />
  <${Bodies} request=${request} />
  <${Curl} request=${request} />
</div>`;

export default function Request({ params }) {
  const loaded = useLoaded(() => api.get(`admin/requests/${encodeURIComponent(params.id)}`), [params.id]);
  const request = loaded.data;
  const actions = request && html`<${Button} icon="trash" onClick=${() => remove(request)}>${t('common.delete')}<//>`;
  const gone = loaded.error?.status === 404;
  return html`<${Page} title=${request?.model || request?.path || t('requests.one')} back=${{ href: href('/requests'), label: t('requests.title') }}
    actions=${actions}>
    ${gone ? html`<${Empty} icon="requests" title=${t('requests.gone')}>${t('requests.goneText')}<//>`
      : html`<${Loaded} from=${loaded}>${(it) => html`<${All} request=${it} />`}<//>`}
  <//>`;
}
