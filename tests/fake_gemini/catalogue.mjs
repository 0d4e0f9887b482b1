// Every failure that Gemini is known to answer with, by name.
//
// An entry is `{row, make(context)}`; `context` may carry `key`, `project`, `model` and `version`, and `make` gives a
// reply as of google_errors.mjs. Rows are numbered as in the table of errors that the failover policy follows.

import {
  errorInfo, googleError, help, htmlError, htmlNotFound, invalidArgument, localized, modelNotFound, unknownField,
} from './google_errors.mjs';
import { missingSignature } from './signatures.mjs';
import { bareQuota, dailyQuota, minuteQuota, tokenQuota, zeroQuota } from './quota_errors.mjs';

const projectNumber = ({ project }) => String(project ?? '123456789012');

function deadKey(message) {
  return googleError('INVALID_ARGUMENT', message, [errorInfo('API_KEY_INVALID'), localized(message)]);
}

function oauthWanted() {
  return googleError('UNAUTHENTICATED', 'Request had invalid authentication credentials. Expected OAuth 2 access token, '
    + 'login cookie or other valid authentication credential. See '
    + 'https://developers.google.com/identity/sign-in/web/devconsole-project.', [
    { ...errorInfo('ACCESS_TOKEN_TYPE_UNSUPPORTED', { method: 'google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent' }), domain: undefined },
  ]);
}

function keysUnsupported() {
  return googleError('UNAUTHENTICATED', 'API keys are not supported by this API. Expected OAuth2 access token or other '
    + 'authentication credentials that assert a principal. See https://cloud.google.com/docs/authentication',
  [errorInfo('CREDENTIALS_MISSING')]);
}

function suspended(context) {
  return googleError('PERMISSION_DENIED', `Permission denied: Consumer 'api_key:${context.key}' has been suspended.`, [
    errorInfo('CONSUMER_SUSPENDED', { consumer: `projects/${projectNumber(context)}`, containerInfo: `api_key:${context.key}` }),
  ]);
}

function serviceDisabled(context) {
  const number = projectNumber(context);
  const url = `https://console.developers.google.com/apis/api/generativelanguage.googleapis.com/overview?project=${number}`;
  const message = `Generative Language API has not been used in project ${number} before or it is disabled. Enable it by `
    + `visiting ${url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to `
    + 'our systems and retry.';
  return googleError('PERMISSION_DENIED', message, [
    errorInfo('SERVICE_DISABLED', {
      consumer: `projects/${number}`, serviceTitle: 'Generative Language API', activationUrl: url, containerInfo: number,
    }),
    localized(message),
    help('Google developers console API activation', url),
  ]);
}

function restricted(reason, message) {
  return (context) => googleError('PERMISSION_DENIED', message, [
    errorInfo(reason, { consumer: `projects/${projectNumber(context)}` }),
  ]);
}

function billingDisabled(context) {
  const number = projectNumber(context);
  return googleError('PERMISSION_DENIED', `This API method requires billing to be enabled. Please enable billing on project `
    + `#${number} by visiting https://console.developers.google.com/billing/enable?project=${number} then retry.`,
  [errorInfo('BILLING_DISABLED', { consumer: `projects/${number}` })]);
}

function prepayDepleted(code) {
  return googleError('RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted. Please go to AI Studio at '
    + 'https://ai.studio/projects to manage your project and billing. Learn more at '
    + 'https://ai.google.dev/gemini-api/docs/billing#prepay.', undefined, code);
}

function closedModel({ model }) {
  return googleError('NOT_FOUND', `This model models/${model} is no longer available to new users. Please update your code `
    + 'to use a newer model for the latest features and improvements.');
}

function oldStyleQuota(context) {
  const limit = { quota_limit: 'GenerateContentRequestsPerMinutePerProjectPerRegion', quota_limit_value: '15' };
  return googleError('RESOURCE_EXHAUSTED', "Quota exceeded for quota metric 'Generate Content API requests per minute' and "
    + "limit 'GenerateContent request limit per minute for a region' of service 'generativelanguage.googleapis.com' for "
    + `consumer 'project_number:${projectNumber(context)}'.`, [
    errorInfo('RATE_LIMIT_EXCEEDED', {
      consumer: `projects/${projectNumber(context)}`, ...limit,
      quota_metric: 'generativelanguage.googleapis.com/generate_content_requests', quota_location: 'us-east1',
    }),
  ]);
}

const oneLineQuota = ({ model }) => googleError('RESOURCE_EXHAUSTED',
  `Rate limit exceeded for model ${model} (limit: 5 requests per minute on Free Tier). Please retry in 11s`);

const cacheStorageQuota = ({ model }) => googleError('RESOURCE_EXHAUSTED',
  `TotalCachedContentStorageTokensPerModelFreeTier limit exceeded for model ${model}: limit=0, requested=2316`);

const row = (number, make) => ({ row: number, make });
const plain = (number, status, message, code) => row(number, () => googleError(status, message, undefined, code));

export const catalogue = {
  api_key_invalid: row(1, () => deadKey('API key not valid. Please pass a valid API key.')),
  api_key_expired: row(1, () => deadKey('API key expired. Please renew the API key.')),
  api_key_not_found: row(1, () => deadKey('API Key not found. Please pass a valid API key.')),
  multiple_credentials: plain(2, 'INVALID_ARGUMENT', 'Multiple authentication credentials received. Please pass only one.'),
  location_unsupported: plain(3, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'),
  free_tier_unavailable: plain(4, 'FAILED_PRECONDITION', 'Gemini API free tier is not available in your country. Please '
    + 'enable billing on your project in Google AI Studio.'),
  signature_missing: row(5, () => missingSignature()),
  signature_invalid: plain(5, 'INVALID_ARGUMENT', 'Invalid thought signature.'),
  signature_corrupted: plain(5, 'INVALID_ARGUMENT', 'Corrupted thought signature.'),
  signature_not_valid: plain(5, 'INVALID_ARGUMENT', 'Thought signature is not valid'),
  unknown_field: row(6, () => unknownField('foo', 'generation_config')),
  invalid_argument: row(6, () => invalidArgument('Request contains an invalid argument.')),
  too_many_tokens: plain(6, 'INVALID_ARGUMENT', 'The input token count (1500002) exceeds the maximum number of tokens '
    + 'allowed (1048576).'),
  payload_too_large: plain(6, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit: 104857600 bytes.', 413),
  token_type_unsupported: row(7, oauthWanted),
  credentials_missing: row(8, keysUnsupported),
  prepay_depleted: row(9, () => prepayDepleted(402)),
  prepay_depleted_429: row(9, () => prepayDepleted(429)),
  suspended: row(10, suspended),
  leaked: plain(11, 'PERMISSION_DENIED', 'Your API key was reported as leaked. Please use another API key.'),
  service_disabled: row(12, serviceDisabled),
  method_blocked: row(13, restricted('API_KEY_SERVICE_BLOCKED', 'Requests to this API generativelanguage.googleapis.com '
    + 'method google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent are blocked.')),
  referrer_blocked: row(13, restricted('API_KEY_HTTP_REFERRER_BLOCKED', 'Requests from referer <empty> are blocked.')),
  ip_blocked: row(13, restricted('API_KEY_IP_ADDRESS_BLOCKED', 'The provided API key has an IP address restriction. The '
    + 'originating IP address of the call (203.0.113.7) violates this restriction.')),
  android_blocked: row(13, restricted('API_KEY_ANDROID_APP_BLOCKED', 'Requests from this Android client application '
    + '<empty> are blocked.')),
  ios_blocked: row(13, restricted('API_KEY_IOS_APP_BLOCKED', 'Requests from this iOS client application <empty> are blocked.')),
  project_denied: plain(14, 'PERMISSION_DENIED', 'Your project has been denied access. Please contact support.'),
  billing_disabled: row(15, billingDisabled),
  file_forbidden: plain(16, 'PERMISSION_DENIED', 'You do not have permission to access the File abc-123 or it may not exist.'),
  cache_forbidden: plain(16, 'PERMISSION_DENIED', 'CachedContent not found (or permission denied)'),
  unregistered: plain(17, 'PERMISSION_DENIED', "Method doesn't allow unregistered callers (callers without established "
    + 'identity). Please use API Key or other form of API consumer identity to call this API.'),
  model_not_found: row(18, ({ model, version = 'v1beta' }) => modelNotFound(model, version, 'generateContent')),
  model_not_found_old: row(18, ({ model, version = 'v1beta' }) => googleError('NOT_FOUND',
    `Model is not found: models/${model} for api version ${version}`)),
  model_closed: row(19, closedModel),
  quota_minute: row(20, (context) => minuteQuota({ ...context, limit: 15, retryAfter: 38.292227434 })),
  quota_day: row(20, (context) => dailyQuota({ ...context, limit: 20, retryAfter: 12.5 })),
  quota_tokens: row(20, (context) => tokenQuota({ ...context, limit: 250000, retryAfter: 21.25 })),
  quota_zero: row(20, (context) => zeroQuota({ ...context, retryAfter: 7.5 })),
  quota_bare: row(20, bareQuota),
  quota_shared: plain(20, 'RESOURCE_EXHAUSTED', 'Resource exhausted. Please try again later.'),
  quota_one_line: row(20, oneLineQuota),
  quota_old_style: row(20, oldStyleQuota),
  quota_cache_storage: row(20, cacheStorageQuota),
  cancelled: plain(21, 'CANCELLED', 'The operation was cancelled.'),
  internal: plain(22, 'INTERNAL', 'An internal error has occurred. Please retry or report in '
    + 'https://developers.generativeai.google/guide/troubleshooting'),
  internal_encountered: plain(22, 'INTERNAL', 'Internal error encountered.'),
  unimplemented: plain(23, 'UNIMPLEMENTED', 'Operation is not implemented, or supported, or enabled.'),
  method_not_allowed: row(23, () => htmlError(405, 'Method Not Allowed', 'The request method is inappropriate for the URL.')),
  length_required: row(23, () => htmlError(411, 'Length Required', 'POST requests require a <code>Content-length</code> header.')),
  bad_gateway: row(24, () => htmlError(502, 'Server Error', 'The server encountered a temporary error and could not '
    + 'complete your request.<p>Please try again in 30 seconds.')),
  overloaded: plain(25, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
  high_demand: plain(25, 'UNAVAILABLE', 'This model is currently experiencing high demand. Spikes in demand are usually '
    + 'temporary. Please try again later.'),
  unavailable: plain(25, 'UNAVAILABLE', 'The service is currently unavailable.'),
  deadline: plain(26, 'DEADLINE_EXCEEDED', 'Deadline expired before operation could complete.'),
  forbidden_unknown: plain(undefined, 'PERMISSION_DENIED', 'The caller does not have permission'),
  html_not_found: row(undefined, () => htmlNotFound('/v1beta/nowhere')),
};

/** The reply of one entry, or a throw that names the unknown one. */
export function catalogueReply(name, context = {}) {
  const entry = catalogue[name];
  if (!entry) throw new Error(`no such row in the catalogue: ${name}`);
  return entry.make({ model: 'gemini-3.5-flash-lite', key: 'unknown', ...context });
}
