// What was asked and answered, where the log keeps it.

import { bytes } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { href } from '../../lib/router.js';
import { html, useMemo } from '../../lib/ui.js';
import { Card, CopyButton, Notice } from '../../widgets/index.js';

const CUT_MARK = '… (cut here)';  // The server's, behind what it kept.

// JSON in lines; a stream's events, and JSON that was cut, as they are.
function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function Body({ title, text, size }) {
  const shown = useMemo(() => pretty(text), [text]);
  const kept = text.endsWith(CUT_MARK) ? new Blob([text.slice(0, -CUT_MARK.length)]).size : null;
  const actions = html`<span class="button-row"><span class="muted small">${bytes(size)}</span><${CopyButton} text=${text} /></span>`;
  return html`<${Card} title=${title} actions=${actions}>
    <div class="stack">${kept !== null && html`<${Notice} kind="warn">${t('requests.bodies.cut', { kept: bytes(kept), size: bytes(size) })}<//>`}
    <pre class="body" tabindex="0" aria-label=${title}>${shown || t('requests.bodies.empty')}</pre></div><//>`;
}

export function Bodies({ request }) {
  const { request_body: asked, answer_body: answered } = request;
  if (asked === null && answered === null) {
    const link = html`<a href=${href('/settings', { q: 'REQUEST_LOG_BODIES' })}>${t('requests.bodies.switch')}</a>`;
    return html`<${Card} title=${t('requests.bodies.title')}><p class="muted">${t('requests.bodies.none')} ${link}</p><//>`;
  }
  return html`${asked !== null && html`<${Body} title=${t('requests.bodies.request')} text=${asked} size=${request.request_bytes} />`}
    ${answered !== null && html`<${Body} title=${t('requests.bodies.answer')} text=${answered} size=${request.answer_bytes} />`}`;
}
