// What happens at this moment, from the live feed.

import { onEvent } from '../../lib/events.js';
import { compact, duration, number, percent } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { createStore, useStore } from '../../lib/store.js';
import { html } from '../../lib/ui.js';
import { Badge, Countdown, Figure, Sparkline } from '../../widgets/index.js';

const SECONDS = 60;
const lastMinute = createStore([]);  // It goes on while another page is shown.
onEvent('traffic', (traffic) => lastMinute.update((minute) => [...minute, traffic].slice(-SECONDS)));

/** A line that fills from the right while its minute is young. */
function line(minute, name) {
  return [...Array(SECONDS - minute.length).fill(0), ...minute.map((each) => each[name] ?? 0)];
}

function answeredShare(totals) {
  const asked = totals.answered + totals.failed;
  return asked ? totals.answered / asked : null;
}

/** totals: of the last hour, or null. */
export function LiveFigures({ totals }) {
  const minute = useStore(lastMinute);
  const now = minute[minute.length - 1];
  const { latency_ms = {}, first_byte_ms = {}, requests, failed } = totals ?? {};
  const share = totals && answeredShare(totals);
  const waiting = now?.waiting ? t('overview.waiting', { n: now.waiting }) : null;
  return html`<div class="figures">
    <${Figure} label=${t('overview.rate')} value=${number(now?.requests_per_second, 1)}
      note=${html`<${Sparkline} values=${line(minute, 'requests_per_second')} />`} />
    <${Figure} label=${t('overview.tokenRate')} value=${compact(now?.tokens_per_second)}
      note=${html`<${Sparkline} values=${line(minute, 'tokens_per_second')} colour="second" />`} />
    <${Figure} label=${t('overview.running')} value=${number(now?.in_flight)} note=${waiting ?? t('overview.noneWaiting')} />
    <${Figure} label=${t('overview.latency')} value=${duration(latency_ms.p50)}
      note=${t('overview.latencyNote', { p95: duration(latency_ms.p95), first: duration(first_byte_ms.p50) })} />
    <${Figure} label=${t('overview.success')} value=${percent(share)} kind=${share !== null && share < 0.9 ? 'bad' : ''}
      note=${t('overview.successNote', { n: requests, requests: compact(requests), failed: compact(failed) })} />
  </div>`;
}

const STATES = ['ready', 'probing', 'resting', 'disabled'];

/** How many keys are in each state: a bar and words that lead to them. */
export function KeyStates({ states, back }) {
  const minute = useStore(lastMinute);
  const counts = minute[minute.length - 1]?.keys ?? states;
  const all = STATES.reduce((sum, state) => sum + counts[state], 0);
  return html`<section class="key-states card" aria-label=${t('overview.keys')}>
    <div class="key-states-words"><h2><a class="bare" href="#/keys">${t('overview.keyCount', { n: all })}</a></h2>
      ${STATES.map((state) => html`<a key=${state} class="bare" href=${href('/keys', { state })}>
        <${Badge} state=${state}>${t(`states.${state}`)} ${number(counts[state])}<//></a>`)}
      ${back && html`<span class="muted small">${t('overview.nextBack')} <b><${Countdown} until=${back} /></b></span>`}</div>
    <div class="key-states-bar" aria-hidden="true">
      ${STATES.filter((state) => counts[state] > 0).map((state) => html`<span key=${state} class=${state} style=${{ flexGrow: counts[state] }} />`)}</div>
  </section>`;
}
