-- failover.lua: an attempt failed. Is the request at fault, the key, or the moment? And is another try worth it?
--
-- The request: the client gets Google's answer, and no key suffers for it. The key: it rests or is put away, and
-- another one pays. The moment: the same again, a little later. What Google means is read from its reason first, from
-- the status second, from its words last. MAX_RETRIES bounds all of it: retry() is a wish.
local failover = {}

local MINUTE, HOUR, DAY = 60, 3600, 86400

local rest_s = {
  no_delay_given = MINUTE,         -- A limit of the minute whose answer does not say when it ends.
  unexplained = 10,                -- A 429 without details: this at first, twice as long while it repeats ...
  unexplained_at_most = 600,       -- ... up to this.
  no_allowance = DAY,              -- A limit of 0: the project may not use this model at all.
  closed_to_new_users = 3 * DAY,
  no_free_tier_here = DAY,
  suspect = HOUR,                  -- See forbidden().
}
local pause_s = { network = 0.2, google_failed = 0.5, overloaded = 1, overloaded_at_most = 8 }
local tries_while_overloaded = 3
local patience_with_silence_s = 300  -- Of one request, with all the keys that kept it waiting for TIME_OUT.
local unexplained_403s = 3           -- So many, and a key is suspect.
local bytes_per_token = 4            -- As in plain English. Too low, and a request is refused that would fit.
local any_signature = "skip_thought_signature_validator"  -- Google's own word for "do not check this one".

local owner_can_help = " Nothing is wrong with your token: whoever runs this Pollux sees the state of each key in "
  .. "GET /admin/status, and can add keys with POST /admin/keys."
local no_key_accepted = "Google accepts none of the Gemini keys that Pollux tried." .. owner_can_help
local no_key_can_pay = "The Gemini keys that Pollux tried have no quota left for %s; try again in %d s."
  .. owner_can_help

-- What Google counts apart from generating, though it names a model.
local endpoints_counted_apart = {
  batch = true, batches = true, caches = true, count_tokens = true, files = true, stores = true, upload = true,
}

local status_named = {  -- An error inside a stream may come without its number.
  INVALID_ARGUMENT = 400, FAILED_PRECONDITION = 400, OUT_OF_RANGE = 400, UNAUTHENTICATED = 401,
  PERMISSION_DENIED = 403, NOT_FOUND = 404, ABORTED = 409, ALREADY_EXISTS = 409, RESOURCE_EXHAUSTED = 429,
  CANCELLED = 499, UNKNOWN = 500, INTERNAL = 500, DATA_LOSS = 500, UNIMPLEMENTED = 501, UNAVAILABLE = 503,
  DEADLINE_EXCEEDED = 504,
}


-- Another try, after a pause: unless this was the last one anyway.
local function again(attempt, seconds)
  local pause = math.max(seconds or 0, settings.RETRY_DELAY_SECONDS)
  if pause > 0 and attempt.number <= settings.MAX_RETRIES then
    sleep(pause)
  end
  return retry()
end


-- How often this request has met this trouble, this time included.
local function times_met(request, trouble)
  local name = "failover: " .. trouble
  request.state[name] = (request.state[name] or 0) + 1
  return request.state[name]
end


-- `first` seconds; twice the last ones whenever the trouble is still there after them; `first` again when it was gone.
local function rising(trouble, first, at_most)
  local name = "failover: " .. trouble
  local last = shared.get(name)
  if last and shared.get(name .. ", now") then
    return last
  end
  local seconds = math.min(last and 2 * last or first, at_most)
  shared.set(name, seconds, 3 * seconds)
  shared.set(name .. ", now", true, seconds)
  return seconds
end


local function list(value)
  return type(value) == "table" and value or {}
end


-- Every part of the conversation: none, where the body is no JSON or more than policies have memory for.
local function each_part(request, visit)
  local _, body = pcall(function() return request.body end)
  local whole = list(list(body).generateContentRequest or body)  -- countTokens has it a level deeper.
  for _, content in ipairs(list(whole.contents)) do
    for _, part in ipairs(list(list(content).parts)) do
      if type(part) == "table" then
        visit(part)
      end
    end
  end
end


--
-- What a failure means: each of these takes (request, attempt, problem) and gives the verdict.
--


local function the_request_is_at_fault()
  return answer()
end


local function pollux_is_at_fault(what)
  return function()
    log.error("this is a bug in Pollux: " .. what)
    return answer()
  end
end


local function the_country_is_at_fault()
  if shared.incr("failover: country", 1, MINUTE) == 1 then
    log.warn("Google does not serve the place that requests leave from: all keys will fail (see PROXIES)")
  end
  return answer()
end


local function key_refused(why)
  return function(_, attempt)
    return again(attempt):disable(attempt.key, why):or_deny(503, no_key_accepted)
  end
end


-- Google's OpenAI prefix and Vertex AI refuse keys that are good for the Gemini API: those need not suffer for it.
local function is_neighbour(request)
  return request.endpoint == "openai" or request.path:find("/publishers/", 1, true) ~= nil
end


local function key_refused_by_service(why)
  return function(request, attempt)
    local verdict = again(attempt):or_deny(503, no_key_accepted)
    return is_neighbour(request) and verdict or verdict:disable(attempt.key, why)
  end
end


local function key_needs_billing_here(_, attempt)
  return again(attempt):cool_down(attempt.key, rest_s.no_free_tier_here):or_deny(503, no_key_accepted)
end


local function key_doubted(request, attempt)
  local verdict = again(attempt):or_deny(503, no_key_accepted)
  return is_neighbour(request) and verdict or verdict:strike(attempt.key, "Google did not accept this key (401)")
end


local function closed_to_new_users(request, attempt)
  local verdict = again(attempt)
  local model = request.upstream_model or request.model
  return model and verdict:cool_down(attempt.key, rest_s.closed_to_new_users, model) or verdict
end


-- Signatures of another model or session, or lost on the way: Google takes a sentinel in their place. Once.
local function repair_thought_signatures(request)
  if times_met(request, "thought signatures") > 1 then
    return answer()
  end
  local repaired = 0
  each_part(request, function(part)
    if part.thoughtSignature or part.thought_signature or part.functionCall or part.function_call then
      part.thought_signature = nil
      part.thoughtSignature = any_signature
      repaired = repaired + 1
    end
  end)
  return repaired > 0 and retry():with_same_key() or answer()
end


-- A 403 in words that nobody knows. Another key is asked once: if it fails alike, it is the request, and the first key
-- is cleared. A key that is not cleared time and again is at fault.
local function forbidden(request, attempt)
  local accused = request.state["failover: accused"]
  if accused then
    shared.incr(accused, -1, DAY)
    return answer()
  end
  accused = "failover: unexplained 403s of " .. attempt.key.id
  request.state["failover: accused"] = accused
  local verdict = again(attempt)
  if shared.incr(accused, 1, DAY) >= unexplained_403s then
    verdict:cool_down(attempt.key, rest_s.suspect)
  end
  return verdict
end


local function google_failed(tries)
  return function(request, attempt, problem)
    local times = times_met(request, "status " .. problem.status)
    return times > tries and answer() or again(attempt, pause_s.google_failed * times)
  end
end


-- Full for everybody: another key is of little use, and this one is not to blame. The pauses grow with this request's
-- tries, and start longer while the model stays full for others, too.
local function overloaded(request, attempt)
  local times = times_met(request, "overloaded")
  if times > tries_while_overloaded then
    return answer()
  end
  local model = request.upstream_model or request.model or "?"
  local everybodys = rising("overloaded: " .. model, pause_s.overloaded, pause_s.overloaded_at_most)
  return again(attempt, math.max(pause_s.overloaded * 2 ^ (times - 1), everybodys))
end


--
-- The 429
--


local function is_counted_apart(request, attempt)
  return endpoints_counted_apart[request.endpoint]
    or attempt:says("BatchEnqueuedTokens") or attempt:says("TotalCachedContentStorage")
end


-- The model that was asked for, and those that Google names: the first may be an alias of another.
local function models_without_quota(request, violations)
  local models = { request.upstream_model or request.model }
  for _, violation in ipairs(violations) do
    if violation.model and violation.model ~= models[1] and violation.model ~= models[#models] then
      models[#models + 1] = violation.model
    end
  end
  return models
end


-- Whether the request alone is larger than a limit of tokens, so that waiting does not help.
local function is_too_large(request, violations)
  local limit_tokens = 0
  for _, violation in ipairs(violations) do
    if violation.counts == "tokens" then
      limit_tokens = math.max(limit_tokens, violation.limit or 0)
    end
  end
  if limit_tokens == 0 then
    return false
  end
  local bytes = 0
  each_part(request, function(part)
    bytes = bytes + (type(part.text) == "string" and #part.text or 0)
  end)
  return bytes > limit_tokens * bytes_per_token
end


-- The day wins over any delay: a spent day often asks for some seconds.
local function seconds_to_rest(attempt, problem, quota, model)
  if quota.zero then
    return rest_s.no_allowance
  end
  if quota.period == "day" then
    return time.pacific_midnight() - time.now()
  end
  local delay = google.retry_after(problem.body)
  if delay then
    return math.ceil(delay) + math.random()  -- So that not all come back at once.
  end
  if quota.period == "minute" then
    return rest_s.no_delay_given
  end
  return rising(attempt.key.id .. " for " .. model, rest_s.unexplained, rest_s.unexplained_at_most)
end


local function out_of_quota(request, attempt, problem)
  local quota = google.quota(problem.body) or { violations = {} }
  local models = models_without_quota(request, quota.violations)
  if #models == 0 or is_counted_apart(request, attempt) then
    return again(attempt)
  end
  if is_too_large(request, quota.violations) then
    return answer()
  end
  local seconds = seconds_to_rest(attempt, problem, quota, models[1])
  local verdict = again(attempt)
  for _, model in ipairs(models) do
    verdict:cool_down(attempt.key, seconds, model)
  end
  -- Where only the tries were used up, the next request may well find a key that can pay.
  local wait = attempt.number > settings.MAX_RETRIES and 1 or math.ceil(math.min(seconds, MINUTE))
  return verdict:or_deny(503, no_key_can_pay:format(models[1], wait), { retry_after = wait })
end


--
-- Nothing that could be called an answer
--


local without_answer = {}

function without_answer.connect(_, attempt) return again(attempt, pause_s.network) end
without_answer.tls = without_answer.connect
without_answer.reset = without_answer.connect

function without_answer.truncated(_, attempt) return again(attempt) end
without_answer.empty = without_answer.truncated

function without_answer.timeout(request, attempt)
  local times = times_met(request, "silence")
  local is_patient = times == 1 or times * settings.TIME_OUT <= patience_with_silence_s
  return is_patient and again(attempt) or answer()
end


--
-- The rows: by reason, by words, by status
--


local by_reason = {
  API_KEY_INVALID = key_refused("Google does not know this key, or it has expired"),
  ACCESS_TOKEN_TYPE_UNSUPPORTED = key_refused_by_service("Google cannot validate this key, or wants it restricted"),
  CONSUMER_SUSPENDED = key_refused("Google has suspended this key or its project"),
  SERVICE_DISABLED = key_refused_by_service("the key's project has not enabled the Generative Language API"),
  BILLING_DISABLED = key_refused_by_service("the key's project has no billing"),
  API_KEY_SERVICE_BLOCKED = key_refused_by_service("the key's restrictions exclude the Gemini API"),
  API_KEY_HTTP_REFERRER_BLOCKED = key_refused("the key is restricted to certain web sites"),
  API_KEY_IP_ADDRESS_BLOCKED = key_refused("the key is restricted to certain IP addresses"),
  API_KEY_ANDROID_APP_BLOCKED = key_refused("the key is restricted to certain Android apps"),
  API_KEY_IOS_APP_BLOCKED = key_refused("the key is restricted to certain iOS apps"),
  CREDENTIALS_MISSING = the_request_is_at_fault,
}

-- Patterns for the message in lower case; the first that matches counts. A 400 repeats what the client wrote, so what
-- puts a key away is looked for at its very start; a 403 may name a resource of the client's, so these come first.
local out_of_credit = { "prepayment credits are depleted", key_refused("the billing account's credits are used up") }
local by_words = {
  [400] = {
    { "^api key not valid", by_reason.API_KEY_INVALID },
    { "^api key expired", by_reason.API_KEY_INVALID },
    { "^api key not found", by_reason.API_KEY_INVALID },
    { "^multiple authentication credentials", pollux_is_at_fault("Google was sent two credentials") },
    { "^user location is not supported", the_country_is_at_fault },
    { "^gemini api free tier is not available", key_needs_billing_here },
    { "thought.?signature", repair_thought_signatures },
  },
  [401] = {
    { "^request had invalid authentication credentials", by_reason.ACCESS_TOKEN_TYPE_UNSUPPORTED },
    { "^api keys are not supported by this api", the_request_is_at_fault },
  },
  [402] = { out_of_credit },
  [403] = {
    { "do not have permission to access", the_request_is_at_fault },
    { "not found %(or permission denied%)", the_request_is_at_fault },
    { "^method doesn't allow unregistered callers", pollux_is_at_fault("Google was sent no key") },
    { "has been suspended", by_reason.CONSUMER_SUSPENDED },
    { "reported as leaked", key_refused("Google has blocked this key because it was leaked") },
    { "has not been used in project", by_reason.SERVICE_DISABLED },
    { "^requests to this api .* are blocked", by_reason.API_KEY_SERVICE_BLOCKED },
    { "project has been denied access", key_refused("Google has denied the key's project access") },
    { "requires billing to be enabled", by_reason.BILLING_DISABLED },
  },
  [404] = { { "no longer available to new users", closed_to_new_users } },
  [429] = { out_of_credit },
}

-- A status that is not here is the request's own fault: 400, 404, 405, 411, 413, 501 ...
local by_status = {
  [401] = key_doubted,
  [402] = out_of_quota,
  [403] = forbidden,
  [429] = out_of_quota,
  [499] = google_failed(1),
  [500] = google_failed(2),
  [502] = google_failed(1),
  [503] = overloaded,
  [504] = google_failed(1),
}


-- What went wrong inside a stream is one event of it, or the head of a list.
local function body_of(attempt)
  return attempt.body or json.decode((attempt.text or ""):match("^[^{]*(%b{})") or "")
end


local function meaning_in_words(status, message)
  local words = message:lower()
  for _, row in ipairs(by_words[status] or {}) do
    if words:find(row[1]) then
      return row[2]
    end
  end
end


function failover.judge(request, attempt)
  local judge = without_answer[attempt.kind]
  if judge then
    return judge(request, attempt)
  end
  local body = body_of(attempt)
  local problem = google.error(body) or {}
  problem.body = body
  problem.status = attempt.kind == "http" and attempt.status
    or tonumber(problem.code) or status_named[problem.status] or 500
  judge = by_reason[problem.reason]
    or meaning_in_words(problem.status, problem.message or "")
    or by_status[problem.status]
    or the_request_is_at_fault
  return judge(request, attempt, problem)
end


return failover
