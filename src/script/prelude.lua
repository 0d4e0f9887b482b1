-- What policies see and is pleasantly written in Lua: refusals, verdicts, and the reading of Google's errors.
-- `native.is_key(value)` and `native.is_client(value)` tell what a value is; returned are the globals, and the metatables by name.
local native = ...

local Denial = { __metatable = "denial" }
local OwnKey = { __metatable = "own key" }
local Verdict = { __metatable = "verdict" }
local Reply = { __metatable = "reply" }
local Again = { __metatable = "again" }
Verdict.__index = Verdict


local function is_number(value)
  return type(value) == "number" and value == value and value ~= math.huge and value ~= -math.huge
end


-- `level` points errors at the policy's own line.
local function new_denial(who, status, message, options, level)
  if not is_number(status) or status % 1 ~= 0 or status < 400 or status > 599 then
    error(who .. ": the status is " .. tostring(status) .. ", expected 400 to 599", level)
  end
  if type(message) ~= "string" then
    error(who .. ": the message is a " .. type(message) .. ", expected a string", level)
  end
  local retry_after
  options = options == nil and {} or options
  if type(options) ~= "table" then
    error(who .. ": the options are a " .. type(options) .. ", expected a table", level)
  end
  retry_after = options.retry_after
  if retry_after ~= nil and (not is_number(retry_after) or retry_after < 0) then
    error(who .. ": retry_after is " .. tostring(retry_after) .. ", expected seconds", level)
  end
  for _, name in ipairs { "code", "param", "reason" } do
    if options[name] ~= nil and type(options[name]) ~= "string" then
      error(who .. ": " .. name .. " is a " .. type(options[name]) .. ", expected a string", level)
    end
  end
  if options.reason and not options.reason:find("^[a-z_]+$") then
    error(who .. ": the reason is \"" .. options.reason .. "\", expected one word like no_key", level)
  end
  if options.client ~= nil and not native.is_client(options.client) then
    error(who .. ": client is a " .. type(options.client) .. ", expected a client", level)
  end
  return setmetatable({
    status = status, message = message, retry_after = retry_after, code = options.code, param = options.param,
    reason = options.reason, client = options.client,
  }, Denial)
end


-- deny(403, "not you", { retry_after = 60 }): refuses, in the client's dialect. `code` and `param` stand in errors of
-- the OpenAI dialect, `reason` in X-Pollux-Error; `client` is whom the log names where none was let in.
local function deny(status, message, options)
  local denial = new_denial("deny", status, message, options, 3)  -- No tail call: it would take the level's place.
  return denial
end


-- own_key(request.token): whoever asks pays with this key, which never enters the pool.
local function own_key(secret)
  if type(secret) ~= "string" or secret == "" then
    error("own_key: the secret is " .. (secret == "" and "empty" or "a " .. type(secret)) .. ", expected a key", 2)
  end
  return setmetatable({ secret = secret }, OwnKey)
end


-- reply { status = 200, headers = {...}, body = {...} or text = "..." }: a dialect's own answer; Google is not asked.
local function reply(given)
  if type(given) ~= "table" or (given.body == nil) == (given.text == nil) then
    error("reply takes a table with either body or text", 2)
  end
  local status = given.status or 200
  if not is_number(status) or status % 1 ~= 0 or status < 200 or status > 599 then
    error("reply: the status is " .. tostring(status) .. ", expected 200 to 599", 2)
  end
  if given.headers ~= nil and type(given.headers) ~= "table" then
    error("reply: the headers are a " .. type(given.headers) .. ", expected a table", 2)
  end
  return setmetatable({ status = status, headers = given.headers, body = given.body, text = given.text }, Reply)
end


-- again(): the dialect wants one more answer from Google before, or in place of, its own; again(body): to this body.
local function again(body)
  if body ~= nil and type(body) ~= "table" then
    error("again: the body is a " .. type(body) .. ", expected a table", 2)
  end
  return setmetatable({ body = body }, Again)
end


-- A verdict is a plain value: action, same_key, pause in seconds, counted, otherwise = a refusal for when no retry is
-- possible, and meanings[i] = {kind = the method's name, key, ...}: see the methods.
local function new_verdict(action)
  return setmetatable({ action = action, meanings = {}, same_key = false, pause = 0, counted = true }, Verdict)
end


local function answer()
  return new_verdict("answer")
end


local function retry()
  return new_verdict("retry")
end


local function check_verdict(verdict, name)
  if type(verdict) ~= "table" or rawget(verdict, "meanings") == nil then
    error(name .. " must be called with a colon, on answer() or retry()", 3)
  end
end


local function check_key(key, name)
  if not native.is_key(key) then
    error(name .. ": the first argument is " .. (key == nil and "nil" or "a " .. type(key)) .. ", expected a key", 3)
  end
end


local function check_model(model, name)
  if type(model) ~= "string" or model == "" then
    error(name .. ": the model is " .. (model == "" and "empty" or "a " .. type(model)) .. ", expected its name", 3)
  end
end


local function check_reason(reason, name)
  if type(reason) ~= "string" or reason == "" then
    error(name .. ": the reason is missing, expected a sentence for people", 3)
  end
end


local function check_seconds(seconds, name)
  if not is_number(seconds) or seconds < 0 then
    error(name .. ": " .. tostring(seconds) .. " are no seconds", 3)
  end
end


local function check_back_off(first, most, name)
  if not is_number(first) or not is_number(most) or first <= 0 or most < first then
    error(name .. ": " .. tostring(first) .. " and " .. tostring(most) .. " are no seconds of a first rest and of the "
      .. "longest one", 3)
  end
end


local function means(verdict, meaning)
  verdict.meanings[#verdict.meanings + 1] = meaning
  return verdict
end


-- The key rests for this model, with all keys of its project; without a model, the key as a whole, and `reason` is
-- shown for it.
function Verdict:cool_down(key, seconds, model, reason)
  check_verdict(self, "cool_down")
  check_key(key, "cool_down")
  check_seconds(seconds, "cool_down")
  if model ~= nil then check_model(model, "cool_down") end
  if reason ~= nil then check_reason(reason, "cool_down") end
  return means(self, { kind = "cool_down", key = key, seconds = seconds, model = model, reason = reason })
end


-- `when` is a time as time.now() and time.pacific_midnight() give it.
function Verdict:cool_down_until(key, when, model, reason)
  check_verdict(self, "cool_down_until")
  check_key(key, "cool_down_until")
  if not is_number(when) then
    error("cool_down_until: " .. tostring(when) .. " is no time", 2)
  end
  if model ~= nil then check_model(model, "cool_down_until") end
  if reason ~= nil then check_reason(reason, "cool_down_until") end
  local seconds = math.max(0, when - time.now())
  return means(self, { kind = "cool_down", key = key, seconds = seconds, model = model, reason = reason })
end


-- Rests of `first` seconds, twice as long each time that was not enough, up to `most`; a good answer ends it. Of the
-- key's project and the model ...
function Verdict:back_off(key, first, most, model)
  check_verdict(self, "back_off")
  check_key(key, "back_off")
  check_back_off(first, most, "back_off")
  check_model(model, "back_off")
  return means(self, { kind = "back_off", key = key, first = first, most = most, model = model })
end


-- ... and of the model, for everybody.
function Verdict:back_off_model(model, first, most)
  check_verdict(self, "back_off_model")
  check_model(model, "back_off_model")
  check_back_off(first, most, "back_off_model")
  return means(self, { kind = "back_off_model", first = first, most = most, model = model })
end


function Verdict:disable(key, reason)
  check_verdict(self, "disable")
  check_key(key, "disable")
  check_reason(reason, "disable")
  return means(self, { kind = "disable", key = key, reason = reason })
end


-- All keys of the key's project.
function Verdict:disable_project(key, reason)
  check_verdict(self, "disable_project")
  check_key(key, "disable_project")
  check_reason(reason, "disable_project")
  return means(self, { kind = "disable_project", key = key, reason = reason })
end


function Verdict:strike(key, reason)
  check_verdict(self, "strike")
  check_key(key, "strike")
  if reason ~= nil then check_reason(reason, "strike") end
  return means(self, { kind = "strike", key = key, reason = reason })
end


local limit_kinds = { rpm = true, tpm = true, rpd = true }


-- The key's project has this limit for the model: Google said so.
function Verdict:learn_limit(key, model, kind, limit)
  check_verdict(self, "learn_limit")
  check_key(key, "learn_limit")
  check_model(model, "learn_limit")
  if not limit_kinds[kind] then
    error('learn_limit: the kind is ' .. tostring(kind) .. ', expected "rpm", "tpm" or "rpd"', 2)
  end
  if not is_number(limit) or limit < 0 or limit % 1 ~= 0 then
    error("learn_limit: the limit is " .. tostring(limit) .. ", expected a whole number from 0", 2)
  end
  return means(self, { kind = "learn_limit", key = key, model = model, limit_kind = kind, limit = limit })
end


-- The key belongs to this project. It holds before everything else that the verdict says.
function Verdict:learn_project(key, project)
  check_verdict(self, "learn_project")
  check_key(key, "learn_project")
  if type(project) ~= "string" or #project > 100 or not project:find("^[%w%-%.:]+$") then
    error("learn_project: expected a project's number or id", 2)
  end
  return means(self, { kind = "learn_project", key = key, project = project })
end


-- Google has not counted this request against any limit.
function Verdict:not_counted()
  check_verdict(self, "not_counted")
  self.counted = false
  return self
end


local longest_pause_s = 600


-- retry():after(2): the next attempt waits for so long; what the verdict means for keys holds from now on.
function Verdict:after(seconds)
  check_verdict(self, "after")
  if self.action ~= "retry" then error("after: answer() is final, only retry() waits", 2) end
  check_seconds(seconds, "after")
  self.pause = math.min(seconds, longest_pause_s)
  return self
end


-- retry():or_deny(503, "come back later"): what the client gets if no retry is possible.
function Verdict:or_deny(status, message, options)
  check_verdict(self, "or_deny")
  if self.action ~= "retry" then error("or_deny: answer() is final, only retry() can be refused", 2) end
  self.otherwise = new_denial("or_deny", status, message, options, 3)
  return self
end


-- retry():with_same_key(): the same key once more, for what is not the key's fault.
function Verdict:with_same_key()
  check_verdict(self, "with_same_key")
  if self.action ~= "retry" then error("with_same_key: answer() is final, only retry() sends again", 2) end
  self.same_key = true
  return self
end


-- Google's errors ---------------------------------------------------------------------------------------------------
local google = { fetch = native.fetch }  -- google.fetch(key, { path =, method =, headers =, body =, timeout = })


local function as_table(value)
  return type(value) == "table" and value or nil
end


local function as_text(value)
  return type(value) == "string" and value or nil
end


local function number_of(value)
  if type(value) == "number" then return value end
  return type(value) == "string" and tonumber(value) or nil
end


-- The first error object: in the body itself, or in an element of it where it is an array.
local function error_object(body)
  body = as_table(body)
  if not body then return nil end
  if body.error ~= nil then
    if type(body.error) == "string" then return { message = body.error } end
    return as_table(body.error)
  end
  for _, element in ipairs(body) do
    if as_table(element) and as_table(element.error) then return element.error end
  end
end


local function details_of(object)
  local found = {}
  for _, detail in ipairs(as_table(object.details) or {}) do
    if as_table(detail) then found[#found + 1] = detail end
  end
  return found
end


local function detail_of_type(details, name)
  for _, detail in ipairs(details) do
    local kind = as_text(detail["@type"])
    if kind and kind:sub(-#name) == name then return detail end
  end
end


-- A project's number or id. Where a key stands in its place ("api_key:AIza..."), nothing.
local function project_id(text)
  if not text or #text > 64 then return nil end
  return text:match("^%d+$") or text:match("^[a-z][a-z0-9%-%.:]*$")
end


-- The project that an ErrorInfo names as the one that pays.
local function project_of(info)
  local metadata = info and as_table(info.metadata)
  if not metadata then return nil end
  for _, text in ipairs { as_text(metadata.consumer) or "", as_text(metadata.containerInfo) or "" } do
    local project = project_id(text:match("^projects/(.+)$")) or text:match("^%d+$")
    if project and #project <= 64 then return project end
  end
end


-- {status, code, message, reason, project, details} of an error's body, or nil. `reason` is ErrorInfo's, `project` the
-- one that it says the key belongs to.
function google.error(body)
  local object = error_object(body)
  if not object then return nil end
  local details = details_of(object)
  local info = detail_of_type(details, "google.rpc.ErrorInfo")
  return {
    status = as_text(object.status),
    code = number_of(object.code) or as_text(object.code),
    message = as_text(object.message) or "",
    reason = info and as_text(info.reason),
    project = project_of(info),
    details = details,
  }
end


-- "38s", "34.07s", "55ms", "11h46m59.2s" in seconds; nil if it is no duration.
local unit_seconds = { h = 3600, m = 60, s = 1, ms = 0.001, us = 0.000001, ns = 0.000000001 }


local function duration(text)
  if type(text) ~= "string" or #text > 64 then return nil end
  local seconds, at = 0, 1
  while at <= #text do
    local number, unit, after = text:match("^(%d+%.?%d*)(%a+)()", at)
    if not number or not unit_seconds[unit] then return nil end
    seconds = seconds + tonumber(number) * unit_seconds[unit]
    at = after
  end
  return at > 1 and seconds or nil
end


local function retry_after_of(found)
  local info = detail_of_type(found.details, "google.rpc.RetryInfo")
  local told = info and duration(info.retryDelay)
  if told then return told end
  local lower = found.message:lower()
  local words = lower:match("retry in ([%d%.hmsun]+)")
  return words and duration((words:gsub("%.$", "")))
end


-- How long Google asks to wait, in seconds, whatever the error; nil if it does not say.
function google.retry_after(body)
  local found = google.error(body)
  return found and retry_after_of(found)
end


local function period_of(text)
  if not text then return nil end
  local lower = text:lower()
  if lower:find("perday", 1, true) or lower:find("per day", 1, true) or lower:find("per_day", 1, true)
    or lower:find("daily", 1, true) then
    return "day"
  end
  if lower:find("perminute", 1, true) or lower:find("per minute", 1, true) or lower:find("per_minute", 1, true) then
    return "minute"
  end
end


local function counts_of(...)
  for index = 1, select("#", ...) do
    local text = select(index, ...)
    if text and text:lower():find("token", 1, true) then return "tokens" end
  end
  return "requests"
end


-- These limits concern batches and caches alone, never the generation that a key is chosen for.
local function is_of_another_kind(text)
  return text ~= nil and (text:find("BatchEnqueued", 1, true) or text:find("TotalCachedContentStorage", 1, true)) ~= nil
end


local function one_violation(id, metric, limit, dimensions, message)
  if is_of_another_kind(id) then return nil end
  local period = period_of(id) or period_of(metric)
  local number = number_of(limit)
  if number == nil and message:find("limit:%s*0%f[^%d%.]") then number = 0 end
  if not period and number == 0 then period = "day" end
  if not period then return nil end
  return {
    id = id,
    period = period,
    counts = counts_of(id, metric),
    limit = number,
    model = dimensions and as_text(dimensions.model),
  }
end


local function violations_of(found)
  local list = {}
  for _, detail in ipairs(found.details) do
    for _, violation in ipairs(as_table(detail.violations) or {}) do
      if as_table(violation) then
        list[#list + 1] = one_violation(as_text(violation.quotaId), as_text(violation.quotaMetric),
          violation.quotaValue, as_table(violation.quotaDimensions), found.message)
      end
    end
    local metadata = as_table(detail.metadata)  -- The older form.
    if metadata and as_text(metadata.quota_limit) then
      list[#list + 1] = one_violation(metadata.quota_limit, as_text(metadata.quota_metric),
        metadata.quota_limit_value, nil, found.message)
    end
  end
  return list
end


-- The newer form has one line of text and no details: "(limit: 5 requests per minute on Free Tier)".
local function violation_in_words(message)
  if is_of_another_kind(message) then return nil end
  local limit = message:match("limit:%s*(%d+)")
  local period = period_of(message)
  if not period and limit and tonumber(limit) == 0 then period = "day" end
  if not period then return nil end
  return { period = period, counts = counts_of(message:match("limit:%s*%d+%s+%a+")), limit = number_of(limit) }
end


-- What a 429 says about quotas: {period = "day" or "minute", counts = "requests" or "tokens", retry_after, limit,
-- zero, model, violations}; nil if it names no quota. The day outweighs the minute: its short delays mislead.
-- `zero`: this project has no allowance at all, waiting does not help.
function google.quota(body)
  local found = google.error(body)
  if not found then return nil end
  if type(found.code) == "number" and found.code ~= 429 and found.status ~= "RESOURCE_EXHAUSTED" then return nil end
  local violations = violations_of(found)
  if #violations == 0 and not detail_of_type(found.details, "google.rpc.QuotaFailure") then
    violations[1] = violation_in_words(found.message)
  end
  local chosen, zero
  for _, violation in ipairs(violations) do
    if not chosen or (violation.period == "day" and chosen.period ~= "day") then chosen = violation end
    if violation.limit == 0 then zero = true end
  end
  if not chosen then return nil end
  return {
    period = chosen.period,
    counts = chosen.counts,
    limit = chosen.limit,
    model = chosen.model,
    retry_after = retry_after_of(found),
    zero = zero,
    violations = violations,
  }
end


return {
  deny = deny, own_key = own_key, answer = answer, retry = retry, reply = reply, again = again, google = google,
}, { denial = Denial, verdict = Verdict, own_key = OwnKey, reply = Reply, again = Again }
