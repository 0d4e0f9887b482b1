// What was asked and answered, where the log keeps it.

import { bytes } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { html, useMemo } from '../../lib/ui.js';
import { Card, CopyButton, Notice } from '../../widgets/index.js';

// JSON in lines; a stream's events, and JSON that was cut, as they are.
function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function Body({ title, text, size }) {
  const shown = useMemo(() => pretty(text), [text]);
  const kept = useMemo(() => new Blob([text]).size, [text]);
  return html`<${Card} title=${title} actions=${html`<span class="button-row"><span class="muted small">${bytes(size)}</span><${CopyButton}
    text=${text} /></span>`}>
    <div class="stack">${kept < size && html`<${Notice} kind="warn">${t('requests.bodies.cut', { kept: bytes(kept), size: bytes(size) })}<//>`}
    <pre class="body" tabindex="0" aria-label=${title}>${shown || t('requests.bodies.empty')}</pre></div><//>`;
}

export function Bodies({ request }) {
  const { request_body: asked, answer_body: answered } = request;
  if (asked === null && answered === null) {
    return html`<${Card} title=${t('requests.bodies.title')}><p class="muted">${t('requests.bodies.none')} <a
      href=${href('/settings', { q: 'REQUEST_LOG_BODIES' })}>${t('requests.bodies.switch')}</a></p><//>`;
  }
  return html`${asked !== null && html`<${Body} title=${t('requests.bodies.request')} text=${asked} size=${request.request_bytes} />`}
    ${answered !== null && html`<${Body} title=${t('requests.bodies.answer')} text=${answered} size=${request.answer_bytes} />`}`;
}
