// Google's error object and the front end's HTML one.

const HTTP_STATUS = {
  INVALID_ARGUMENT: 400, FAILED_PRECONDITION: 400, OUT_OF_RANGE: 400, UNAUTHENTICATED: 401, PERMISSION_DENIED: 403,
  NOT_FOUND: 404, ABORTED: 409, ALREADY_EXISTS: 409, RESOURCE_EXHAUSTED: 429, CANCELLED: 499, UNKNOWN: 500,
  INTERNAL: 500, DATA_LOSS: 500, UNIMPLEMENTED: 501, UNAVAILABLE: 503, DEADLINE_EXCEEDED: 504,
};

const SERVICE = 'generativelanguage.googleapis.com';
const TYPE = 'type.googleapis.com/google.rpc.';

/** A reply that is an error: `{status, error: {code, message, status, details?}}`. */
export function googleError(rpcStatus, message, details, code = HTTP_STATUS[rpcStatus]) {
  const error = { code, message, status: rpcStatus };
  if (details?.length) error.details = details;
  return { status: code, error };
}

export function errorInfo(reason, metadata = {}, domain = 'googleapis.com') {
  return { '@type': `${TYPE}ErrorInfo`, reason, domain, metadata: { service: SERVICE, ...metadata } };
}

export function localized(message) {
  return { '@type': `${TYPE}LocalizedMessage`, locale: 'en-US', message };
}

export function help(description, url) {
  return { '@type': `${TYPE}Help`, links: [{ description, url }] };
}

export function quotaFailure(violations) {
  return { '@type': `${TYPE}QuotaFailure`, violations };
}

export function retryInfo(retryDelay) {
  return { '@type': `${TYPE}RetryInfo`, retryDelay };
}

export function badRequest(field, description) {
  return { '@type': `${TYPE}BadRequest`, fieldViolations: [{ field, description }] };
}

export function invalidArgument(message, field) {
  return googleError('INVALID_ARGUMENT', message, field ? [badRequest(field, message)] : undefined);
}

export function unknownField(name, where) {
  const at = where ? ` at '${where}'` : '';
  const message = `Invalid JSON payload received. Unknown name "${name}"${at}: Cannot find field.`;
  return googleError('INVALID_ARGUMENT', message, [badRequest(where || '', message)]);
}

export function modelNotFound(model, version, method) {
  return googleError('NOT_FOUND', `models/${model} is not found for API version ${version}, or is not supported for `
    + `${method}. Call ListModels to see the list of available models and their supported methods.`);
}

/** What the front end says about a path it does not know: no JSON at all. */
export function htmlNotFound(path) {
  return htmlError(404, 'Not Found', `The requested URL <code>${escapeHtml(path)}</code> was not found on this server.`);
}

export function htmlError(status, title, sentence) {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=UTF-8', 'Referrer-Policy': 'no-referrer' },
    text: `<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error ${status} (${title})!!1</title>\n`
      + `  <p><b>${status}.</b> <ins>That’s an error.</ins>\n  <p>${sentence}  <ins>That’s all we know.</ins>\n`,
  };
}

function escapeHtml(text) {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]);
}
