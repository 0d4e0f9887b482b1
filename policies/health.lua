-- health.lua: is a key well? Asked on the clock for keys that are put away or at rest, and by POST
-- /admin/keys/KEY/check for any.
--
-- A list of models costs no quota and wants a good key, so Google is asked for one. Only a plain yes brings a key back,
-- and only what Google says of the key itself puts one away: whatever else is wrong, nothing is known of the key.
local health = {}

local refusals = require "refusals"

local patience_s = 10
local list_of_models = "/v1beta/models?pageSize=1"
-- Another free question, of the service that generates.
local count_of_tokens = "/v1beta/models/gemini-flash-latest:countTokens"
local a_prompt = json.encode { contents = { { parts = { { text = "?" } } } } }


local function unknown(status, problem)
  local words = problem and problem.message ~= "" and ": " .. problem.message or ""
  return nil, ("Google answered %d%s"):format(status, words), status
end


-- A key's restrictions may allow to generate and not to list models. Who gets as far as the model is let in, even if
-- there is no such model any more.
local function blocked_from_all(key)
  local answered, why = google.fetch(key, {
    path = count_of_tokens,
    method = "POST",
    headers = { ["content-type"] = "application/json" },
    body = a_prompt,
    timeout = patience_s,
  })
  if not answered then
    return nil, why
  end
  local status = answered.status
  if status == 200 or status == 404 then
    return true, nil, status
  end
  local problem = google.error(json.decode(answered.body))
  if problem and refusals.of(status, problem) == refusals.blocked then
    return false, refusals.blocked.why, status
  end
  return unknown(status, problem)
end


-- true: well; false and why, for people: Google refuses it; nil and why: that cannot be said now. Last, the status that
-- Google answered with.
function health.check(key)
  local answered, why = google.fetch(key, { path = list_of_models, timeout = patience_s })
  if not answered then
    return nil, why
  end
  local status, body = answered.status, json.decode(answered.body)
  if status == 200 and type(body) == "table" then
    return true, nil, status
  end
  local problem = google.error(body)
  if not problem then
    return unknown(status)
  end
  local refusal = refusals.of(status, problem)
  if refusal == refusals.blocked then
    return blocked_from_all(key)
  end
  if refusal then
    return false, refusal.why, status
  end
  return unknown(status, problem)
end


return health
