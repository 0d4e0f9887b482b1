// The 429 in all its recorded forms.

import { googleError, help, quotaFailure, retryInfo } from './google_errors.mjs';

const METRIC = 'generativelanguage.googleapis.com/';
const isFree = (tier) => (tier ?? 'free') === 'free';

/** How Google names a limit: `kind` is `requests` or `tokens`, `period` is `Minute` or `Day`. */
function quotaNames({ kind, period, tier, embedding }) {
  const suffix = isFree(tier) ? '-FreeTier' : '';
  const tierWord = isFree(tier) ? 'free_tier' : 'paid_tier';
  if (embedding) {
    return { metric: `embed_content_${tierWord}_requests`, id: `EmbedContentRequestsPer${period}PerProjectPerModel${suffix}` };
  }
  if (kind === 'tokens') {
    const paidWord = isFree(tier) ? '' : 'PaidTier';
    return {
      metric: `generate_content_${tierWord}_input_token_count`,
      id: `GenerateContent${paidWord}InputTokensPerModelPer${period}${suffix}`,
    };
  }
  return { metric: `generate_content_${tierWord}_requests`, id: `GenerateRequestsPer${period}PerProjectPerModel${suffix}` };
}

function violation(context, kind, period, limit) {
  const { metric, id } = quotaNames({ ...context, kind, period });
  const found = {
    quotaMetric: METRIC + metric,
    quotaId: id,
    quotaDimensions: { location: 'global', model: context.model },
  };
  // A default value is left out of answers, and 0 is one.
  if (limit > 0) found.quotaValue = String(limit);
  return found;
}

function exhausted(context, violations) {
  const seconds = context.retryAfter;
  const lines = violations.map((one) => `* Quota exceeded for metric: ${one.quotaMetric}, limit: ${one.quotaValue ?? 0}, `
    + `model: ${context.model}`);
  const message = 'You exceeded your current quota, please check your plan and billing details. For more information on '
    + 'this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: '
    + `https://ai.dev/rate-limit. \n${lines.join('\n')}\nPlease retry in ${seconds}s.`;
  return googleError('RESOURCE_EXHAUSTED', message, [
    help('Learn more about Gemini API quotas', 'https://ai.google.dev/gemini-api/docs/rate-limits'),
    quotaFailure(violations),
    retryInfo(`${Math.floor(seconds)}s`),
  ]);
}

export const minuteQuota = (context) => exhausted(context, [violation(context, 'requests', 'Minute', context.limit)]);
export const dailyQuota = (context) => exhausted(context, [violation(context, 'requests', 'Day', context.limit)]);
export const tokenQuota = (context) => exhausted(context, [violation(context, 'tokens', 'Minute', context.limit)]);

/** A project without any allowance for the model: all limits at once, all 0. */
export function zeroQuota(context) {
  const all = context.embedding
    ? [['requests', 'Minute'], ['requests', 'Day']]
    : [['tokens', 'Day'], ['tokens', 'Minute'], ['requests', 'Minute'], ['requests', 'Day']];
  return exhausted(context, all.map(([kind, period]) => violation(context, kind, period, 0)));
}

export const bareQuota = () => googleError('RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).');
