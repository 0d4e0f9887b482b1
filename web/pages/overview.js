// What happens now, what needs attention, and how the last hour, day or week went.

import { api } from '../lib/api.js';
import { useNow } from '../lib/clock.js';
import { useEvent } from '../lib/events.js';
import { t } from '../lib/i18n.js';
import { useLoaded } from '../lib/load.js';
import { html, useEffect, useMemo, useState } from '../lib/ui.js';
import { Loaded, Page, Tabs } from '../widgets/index.js';
import { FirstVisit } from './first_visit.js';
import { surveyed, useKeys } from './keys/key_list.js';
import { attention, nextBack } from './overview/attention.js';
import { AttentionList } from './overview/attention_list.js';
import { Charts } from './overview/charts.js';
import { KeyStates, LiveFigures } from './overview/live.js';

const WINDOWS = ['1h', '24h', '7d'];
const REFRESH_MS = 30_000;

/** Reads again on the clock, while the page is seen. */
function useFresh(read, deps) {
  const loaded = useLoaded(read, deps);
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) loaded.reload(); }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [loaded.reload]);
  useEvent('hello', loaded.reload);
  return loaded;
}

export default function OverviewPage() {
  const keys = useKeys();
  // The visit goes on until its owner says so, also when the first key is there.
  const [first, setFirst] = useState(false);
  useEffect(() => { if (keys.data?.length === 0) setFirst(true); }, [keys.data]);
  if (first) return html`<${FirstVisit} keys=${keys.data ?? []} reload=${keys.reload} onEnd=${() => { setFirst(false); scrollTo(0, 0); }} />`;
  return html`<${Page} title=${t('overview.title')}>
    <${Loaded} from=${keys}>${(list) => html`<${Overview} keys=${list} warnings=${keys.warnings} />`}<//>
  <//>`;
}

function Overview({ keys, warnings }) {
  const [window, setWindow] = useState('1h');
  const hour = useFresh(() => api.get('admin/stats', { window: '1h' }), []);
  const longer = useFresh(() => (window === '1h' ? null : api.get('admin/stats', { window })), [window]);
  const stats = window === '1h' ? hour : longer;
  const policies = useFresh(() => api.get('admin/policies'), []);
  useEvent('policies', policies.reload);
  const now = useNow();
  const totals = hour.data?.totals ?? null;
  const items = attention({ keys, warnings, policies: policies.data, totals }, now);
  const states = useMemo(() => surveyed(keys).states, [keys]);

  return html`<div class="stack">
    <${AttentionList} items=${items} />
    <${LiveFigures} totals=${totals} />
    <${KeyStates} states=${states} back=${nextBack(keys, now)} />
    <div class="window"><${Tabs} label=${t('overview.window')} value=${window} onChange=${setWindow}
      options=${WINDOWS.map((value) => ({ value, label: t(`overview.windows.${value}`) }))} /></div>
    <${Loaded} from=${stats}>${(data) => html`<${Charts} stats=${data} />`}<//>
  </div>`;
}
