// What a key has used of each model's limits.

import { compact, percent } from '../../lib/format.js';
import { t } from '../../lib/i18n.js';
import { html } from '../../lib/ui.js';
import { Badge, Bar, Countdown, Empty, Notice } from '../../widgets/index.js';

export function Quotas({ models, project }) {
  const names = Object.keys(models).sort();
  if (!names.length) return html`<${Empty} icon="models" title=${t('keys.quota.none')}>${t('keys.quota.noneWhy')}<//>`;
  return html`${project && html`<p class="hint quota-hint">${t('keys.quota.shared', { project })}</p>`}
    <div class="grid">${names.map((name) => html`<${ModelQuota} key=${name} name=${name} model=${models[name]} />`)}</div>`;
}

function ModelQuota({ name, model }) {
  const learned = (kind) => (model.learned.includes(kind) ? t('keys.quota.learned') : null);
  const rests = model.cooldown_until && Date.parse(model.cooldown_until) > Date.now();
  const { input, cached, output, thoughts } = model.tokens_today;
  const spent = { input: compact(input), output: compact(output + thoughts), cached: percent(input ? cached / input : 0) };
  return html`<div class="quota">
    <div class="quota-head"><h3 class="mono">${name}</h3>
      ${rests && html`<${Badge} state="resting">${t('keys.backIn')} <${Countdown} until=${model.cooldown_until} /><//>`}
      ${!model.may_use && html`<${Badge} kind="bad">${t('keys.quota.mayNot')}<//>`}</div>
    ${!model.may_use && model.reason && html`<${Notice} kind="warn">${model.reason}<//>`}
    <${Bar} label=${t('keys.quota.rpm')} used=${model.requests_this_minute} limit=${model.rpm_limit} note=${learned('rpm')} />
    <${Bar} label=${t('keys.quota.tpm')} used=${model.tokens_this_minute} limit=${model.tpm_limit} note=${learned('tpm')} format=${compact} />
    <${Bar} label=${t('keys.quota.rpd')} used=${model.project_requests_today} limit=${model.rpd_limit} note=${learned('rpd')} />
    <p class="muted small">${t('keys.quota.today', { n: model.requests_today, failures: model.failures })} ${t('keys.quota.tokens', spent)}</p>
  </div>`;
}
