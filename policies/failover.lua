-- failover.lua: an attempt failed. Is the request at fault, the key, or the moment? And is another try worth it?
--
-- The request: the client gets Google's answer, and no key suffers for it. The key: it rests or is put away, and
-- another one pays. The moment: the same again, a little later. What Google means is read from its reason first, from
-- the status second, from its words last. MAX_RETRIES bounds all of it: retry() is a wish.
local limits = require "limits"

local failover = {}

local capabilities = require "gemini.capabilities"
local refusals = require "refusals"
local words = require "gemini.words"
local signatures = require "gemini.signatures"

local MINUTE, HOUR, DAY = 60, 3600, 86400

local rest_s = {
  no_delay_given = MINUTE,      -- A limit of the minute whose answer does not say when it ends.
  unexplained = 10,             -- A 429 without details: this at first, twice as long while it repeats ...
  unexplained_at_most = 600,    -- ... up to this.
  overloaded = 1,               -- A model that is full, for everybody: likewise.
  overloaded_at_most = 30,
  closed_to_new_users = 3 * DAY,
  no_free_tier_here = DAY,
  suspect = HOUR,               -- See forbidden().
}
local pause_s = { network = 0.2, google_failed = 0.5, overloaded = 1 }
local tries_while_overloaded = 3
local patience_with_silence_s = 300  -- Of one request, with all the keys that kept it waiting for TIME_OUT.
local unexplained_403s = 3           -- So many, and a key is suspect.
local bytes_per_token = 4            -- As in plain English. Too low, and a request is refused that would fit.

local owner_can_help = " Nothing is wrong with your token: whoever runs this Pollux sees the state of each key in "
  .. "GET /admin/status, and can add keys with POST /admin/keys."
local no_key_accepted = "Google accepts none of the Gemini keys that Pollux tried." .. owner_can_help
local no_key_can_pay = "The Gemini keys that Pollux tried have no quota left for %s." .. owner_can_help
local no_key_may_use = "The Gemini keys that Pollux tried may not use %s at all: Google gives their projects a limit "
  .. "of 0 for it. Another model, or a key of a paid project, may do." .. owner_can_help

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


-- How often this request has met this trouble, this time included.
local function times_met(request, trouble)
  local name = "failover: " .. trouble
  request.state[name] = (request.state[name] or 0) + 1
  return request.state[name]
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


-- Google's OpenAI prefix and Vertex AI refuse keys that are good for the Gemini API: those need not suffer for it.
local function is_neighbour(request)
  return request.endpoint == "openai" or request.path:find("/publishers/", 1, true) ~= nil
end


local function key_refused(request, attempt, refusal)
  local verdict = retry():or_deny(503, no_key_accepted)
  if refusal.by_service and is_neighbour(request) then
    return verdict
  end
  if refusal.whole_project then
    return verdict:disable_project(attempt.key, refusal.why)
  end
  return verdict:disable(attempt.key, refusal.why)
end


local function key_needs_billing_here(_, attempt)
  return retry()
    :cool_down(attempt.key, rest_s.no_free_tier_here, nil, "Google has no free tier where requests leave from")
    :or_deny(503, no_key_accepted)
end


local function key_doubted(request, attempt)
  local verdict = retry():or_deny(503, no_key_accepted)
  return is_neighbour(request) and verdict or verdict:strike(attempt.key, "Google did not accept this key (401)")
end


local function model_of(request)
  return request.upstream_model or request.model
end


local function closed_to_new_users(request, attempt)
  local verdict, model = retry(), model_of(request)
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
      part.thoughtSignature = signatures.sentinel
      repaired = repaired + 1
    end
  end)
  return repaired > 0 and retry():with_same_key() or answer()
end


-- What another dialect asks for, and the model cannot do: the same without it.
local function ask_for_less(request, _, problem)
  return capabilities.repair(request, problem.message or "") and retry():with_same_key() or answer()
end


-- A 403 in words that nobody knows. Another key is asked once: if it fails alike, it is the request, and the first key
-- is cleared. A key that is not cleared time and again is at fault.
local function forbidden(request, attempt)
  if request.own_key then
    return answer()
  end
  local accused = request.state["failover: accused"]
  if accused then
    shared.incr(accused, -1, DAY)
    return answer()
  end
  accused = "failover: unexplained 403s of " .. attempt.key.id
  request.state["failover: accused"] = accused
  local verdict = retry()
  if shared.incr(accused, 1, DAY) >= unexplained_403s then
    verdict:cool_down(attempt.key, rest_s.suspect, nil, "suspect: Google refuses what it lets other keys do (403)")
  end
  return verdict
end


local function google_failed(tries)
  return function(request, _, problem)
    local times = times_met(request, "status " .. problem.status)
    return times > tries and answer() or retry():after(pause_s.google_failed * times)
  end
end


-- Full for everybody: another key is of little use, and this one is not to blame. The model rests, longer while it
-- stays full for anybody; this request pauses, longer each time.
local function overloaded(request)
  local times = times_met(request, "overloaded")
  local verdict = times > tries_while_overloaded and answer() or retry():after(pause_s.overloaded * 2 ^ (times - 1))
  local model = model_of(request)
  if model and not endpoints_counted_apart[request.endpoint] then
    verdict:back_off_model(model, rest_s.overloaded, rest_s.overloaded_at_most)
  end
  return verdict
end


--
-- The 429: Google counts by project and model. Every limit that it names is learned; the longest rest counts.
--


local function is_counted_apart(request, attempt)
  return endpoints_counted_apart[request.endpoint]
    or attempt:says("BatchEnqueuedTokens") or attempt:says("TotalCachedContentStorage")
end


-- The model that was asked for, and the one that Google names: the first may be an alias of the second.
local function models_of(request, violation)
  local asked = model_of(request)
  return violation.model and violation.model ~= asked and { asked, violation.model } or { asked }
end


-- What a limit is called that is learned. Of tokens a day none is kept: that day is over, and that is all.
local kind_of_limit = { minute = { requests = "rpm", tokens = "tpm" }, day = { requests = "rpd" } }


-- 0, of requests or of tokens, means that the project may not use the model.
local function learn_limits(verdict, request, attempt, violations)
  for _, violation in ipairs(violations) do
    local limit = violation.limit
    local counts = limit == 0 and "requests" or violation.counts
    local kind = kind_of_limit[violation.period][counts]
    if kind and limit and limit >= 0 and limit % 1 == 0 then
      for _, model in ipairs(models_of(request, violation)) do
        verdict:learn_limit(attempt.key, model, kind, limit)
      end
    end
  end
end


-- The day wins over any delay: a spent day often asks for some seconds.
local function seconds_to_rest(violation, delay)
  if violation.period == "day" then
    return time.pacific_midnight() - time.now()
  end
  return delay or rest_s.no_delay_given
end


local function rest(verdict, request, attempt, problem, violations)
  local delay = google.retry_after(problem.body)
  delay = delay and math.max(1, math.ceil(delay)) + math.random()  -- So that not all come back at once.
  if #violations == 0 then
    local model = model_of(request)
    return delay and verdict:cool_down(attempt.key, delay, model)
      or verdict:back_off(attempt.key, rest_s.unexplained, rest_s.unexplained_at_most, model)
  end
  local longest = {}
  for _, violation in ipairs(violations) do
    for _, model in ipairs(models_of(request, violation)) do
      longest[model] = math.max(longest[model] or 0, seconds_to_rest(violation, delay))
    end
  end
  for model, seconds in pairs(longest) do
    verdict:cool_down(attempt.key, seconds, model)
  end
  return verdict
end


-- Whether the request alone is larger than a limit of tokens a minute, so that waiting does not help.
local function is_too_large(request, violations)
  local limit
  for _, violation in ipairs(violations) do
    if violation.counts == "tokens" and violation.period == "minute" and violation.limit then
      limit = math.max(limit or 0, violation.limit)
    end
  end
  if not limit or limit == 0 then
    return false
  end
  if request.estimated_tokens > limit then
    return true
  end
  local bytes = 0
  each_part(request, function(part)
    bytes = bytes + (type(part.text) == "string" and #part.text or 0)
  end)
  return bytes > limit * bytes_per_token
end


-- The tiers that may take more than the key's own: see limits.lua.
local function tiers_above(key)
  local is_tag, above = {}, {}
  for _, tag in ipairs(key.tags) do
    is_tag[tag] = true
  end
  for _, tier in ipairs(limits.tiers) do
    if is_tag[tier] then
      return above
    end
    above[#above + 1] = tier
  end
  return {}  -- It has no tier.
end


-- The pool is not run through with what is too large. A key of a higher tier is asked, once: see keys.lua.
local function too_large(request, attempt)
  local tiers = tiers_above(attempt.key)
  if #tiers == 0 or times_met(request, "too large") > 1 then
    return answer()
  end
  request.state.too_large_below = tiers
  return retry()
end


local function out_of_quota(request, attempt, problem)
  local model = model_of(request)
  if not model or is_counted_apart(request, attempt) then
    return retry()
  end
  local quota = google.quota(problem.body) or { violations = {} }
  if is_too_large(request, quota.violations) then
    local verdict = too_large(request, attempt)
    learn_limits(verdict, request, attempt, quota.violations)
    return verdict
  end
  local verdict = retry()
  learn_limits(verdict, request, attempt, quota.violations)
  if quota.zero then
    return verdict:cool_down(attempt.key, DAY, model):or_deny(503, no_key_may_use:format(model))
  end
  return rest(verdict, request, attempt, problem, quota.violations):or_deny(503, no_key_can_pay:format(model))
end


--
-- Nothing that could be called an answer
--


local without_answer = {}

-- It never got there.
function without_answer.connect() return retry():after(pause_s.network):not_counted() end
without_answer.tls = without_answer.connect

function without_answer.reset() return retry():after(pause_s.network) end

function without_answer.truncated() return retry() end
without_answer.empty = without_answer.truncated

function without_answer.timeout(request)
  local times = times_met(request, "silence")
  local is_patient = times == 1 or times * settings.TIME_OUT <= patience_with_silence_s
  return is_patient and retry() or answer()
end


--
-- The rows: by reason, by words, by status
--


local by_reason = { CREDENTIALS_MISSING = the_request_is_at_fault }

-- Patterns for the message in lower case; the first that matches counts. What is wrong with keys: see refusals.lua.
local by_words = {
  [400] = {
    { "^multiple authentication credentials", pollux_is_at_fault("Google was sent two credentials") },
    { "^user location is not supported", the_country_is_at_fault },
    { "^gemini api free tier is not available", key_needs_billing_here },
    { "thought.?signature", repair_thought_signatures },
  },
  [401] = { { "^api keys are not supported by this api", the_request_is_at_fault } },
  [403] = {
    { "do not have permission to access", the_request_is_at_fault },
    { "not found %(or permission denied%)", the_request_is_at_fault },
    { "^method doesn't allow unregistered callers", pollux_is_at_fault("Google was sent no key") },
  },
  [404] = { { "no longer available to new users", closed_to_new_users } },
}

-- A status that is not here is the request's own fault: 404, 405, 411, 413, 501 ...
local by_status = {
  [400] = ask_for_less,
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


-- By reason before by words; and of words, what may repeat the client's own before what is said of keys.
local function judged(request, attempt, problem)
  local status, message = problem.status, problem.message or ""
  local judge = without_answer[attempt.kind] or by_reason[problem.reason]
  local refusal = not judge and refusals.by_reason[problem.reason]
  judge = judge or not refusal and words.meaning(by_words, status, message)
  refusal = refusal or not judge and refusals.in_words(status, message)
  if refusal then
    return key_refused(request, attempt, refusal)
  end
  judge = judge or by_status[status] or the_request_is_at_fault
  return judge(request, attempt, problem)
end


local function read_problem(attempt)
  local body = body_of(attempt)
  local problem = google.error(body) or {}
  problem.body = body
  problem.status = attempt.kind == "http" and attempt.status
    or tonumber(problem.code) or status_named[problem.status] or 500
  return problem
end


-- Who pays with a key of their own has no other: what Google says of it is for them, and nobody else learns of it.
local function judged_for_its_owner(verdict, problem)
  if verdict.same_key then
    return verdict
  end
  local is_about_the_key = problem.status and problem.status < 499
  return is_about_the_key and answer() or retry():with_same_key():after(verdict.pause)
end


function failover.judge(request, attempt)
  local problem = without_answer[attempt.kind] and {} or read_problem(attempt)
  local verdict = judged(request, attempt, problem)
  if problem.status == 429 then
    verdict:not_counted()
  end
  if request.own_key and verdict.action == "retry" then
    verdict = judged_for_its_owner(verdict, problem)
  elseif problem.project and not request.own_key then
    verdict:learn_project(attempt.key, problem.project)
  end
  if verdict.action == "retry" then
    verdict:after(math.max(verdict.pause, settings.RETRY_DELAY_SECONDS))
  end
  return verdict
end


return failover
