-- errors.lua: Google's errors in OpenAI's words. Status and message are Google's, but for what would make a client
-- doubt its own token: what is wrong with a key of the pool is Pollux's trouble.
local refusals = require "refusals"
local values = require "gemini.values"
local words = require "gemini.words"

local errors = {}

local no_key_accepted = "Google accepts none of the Gemini keys that Pollux tried."

-- By status: type, code, and the status to answer with where it is another one.
local by_status = {
  [400] = { "invalid_request_error", "invalid_value" },
  [401] = { "server_error", "no_usable_key", 503 },
  [402] = { "insufficient_quota", "insufficient_quota", 429 },
  [403] = { "permission_error", "permission_denied" },
  [404] = { "invalid_request_error", "not_found" },
  [409] = { "invalid_request_error", "conflict" },
  [413] = { "invalid_request_error", "request_too_large" },
  [429] = { "rate_limit_error", "rate_limit_exceeded" },
  [499] = { "server_error", "cancelled", 500 },
  [501] = { "invalid_request_error", "unsupported" },
  [503] = { "service_unavailable", "service_unavailable" },
  [504] = { "server_error", "timeout" },
}

-- By status, patterns for the message in lower case: the code that says more.
local by_words = {
  [400] = {
    { "input token count", "context_length_exceeded" },
    { "exceeds the maximum number of tokens", "context_length_exceeded" },
    { "user location is not supported", "unsupported_country_region_territory" },
    { "^api key", "invalid_api_key" },
  },
  [404] = {
    { "^models/", "model_not_found" },
    { "^model is not found", "model_not_found" },
    { "^this model ", "model_not_found" },
  },
}


local function error_body(message, kind, code)
  return { error = { message = message, type = kind, param = json.null, code = code } }
end


-- The pool's own trouble with a key, which is not the client's.
local function is_about_a_key(request, problem, message)
  if request.own_key or problem.google == nil then
    return false
  end
  local status = problem.status
  return status == 401
    or (status == 400 or status == 403) and refusals.of(status, {
      reason = (google.error { error = problem.google } or {}).reason, message = message,
    }) ~= nil
end


-- OpenAI's error for Google's, and its status.
function errors.of_google(request, problem)
  local message = values.text(problem.message) or "Google gives no reason."
  local status = problem.status or 502
  if is_about_a_key(request, problem, message) then
    return error_body(no_key_accepted, "server_error", "no_usable_key"), 503
  end
  local row = by_status[status] or (status < 500 and by_status[400]) or { "server_error", "server_error" }
  if status == 401 then
    row = { "authentication_error", "invalid_api_key" }  -- Of a key that the client brought itself.
  end
  return error_body(message, row[1], words.meaning(by_words, status, message) or row[2]), row[3] or status
end


-- The last event of a stream that broke.
function errors.event(problem)
  local row = by_status[problem.status] or { "server_error", "server_error" }
  local message = values.text(problem.message) or "The stream broke off."
  return "data: " .. json.encode(error_body(message, row[1], row[2])) .. "\n\n"
end


return errors
