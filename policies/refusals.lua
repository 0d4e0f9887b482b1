-- refusals.lua: what Google says of a key that it refuses, for failover.lua and health.lua. This file is data.
--
-- A refusal has `why`, in words for people; `whole_project` where all keys of the project share it; `by_service` where
-- another service of Google's may well take the key.
local words = require "gemini.words"

local refusals = {}

local unknown_key = { why = "Google does not know this key, or it has expired" }
local not_validated = { why = "Google cannot validate this key, or wants it restricted", by_service = true }
local suspended = { why = "Google has suspended this key or its project", whole_project = true }
local not_enabled = {
  why = "the key's project has not enabled the Generative Language API", whole_project = true, by_service = true,
}
local no_billing = { why = "the key's project has no billing", whole_project = true, by_service = true }
local blocked = { why = "the key's restrictions exclude the Gemini API", by_service = true }
local leaked = { why = "Google has blocked this key because it was leaked" }
local denied = { why = "Google has denied the key's project access", whole_project = true }
local out_of_credit = { why = "the billing account's credits are used up", whole_project = true }

-- By the reason that Google's ErrorInfo names.
refusals.by_reason = {
  API_KEY_INVALID = unknown_key,
  ACCESS_TOKEN_TYPE_UNSUPPORTED = not_validated,
  CONSUMER_SUSPENDED = suspended,
  SERVICE_DISABLED = not_enabled,
  BILLING_DISABLED = no_billing,
  API_KEY_SERVICE_BLOCKED = blocked,
  API_KEY_HTTP_REFERRER_BLOCKED = { why = "the key is restricted to certain web sites" },
  API_KEY_IP_ADDRESS_BLOCKED = { why = "the key is restricted to certain IP addresses" },
  API_KEY_ANDROID_APP_BLOCKED = { why = "the key is restricted to certain Android apps" },
  API_KEY_IOS_APP_BLOCKED = { why = "the key is restricted to certain iOS apps" },
}

-- Where it names none: patterns for the message in lower case, by status. A 400 repeats what the client wrote, so what
-- puts a key away is looked for at its very start.
local in_words = {
  [400] = {
    { "^api key not valid", unknown_key },
    { "^api key expired", unknown_key },
    { "^api key not found", unknown_key },
  },
  [401] = { { "^request had invalid authentication credentials", not_validated } },
  [402] = { { "prepayment credits are depleted", out_of_credit } },
  [403] = {
    { "has been suspended", suspended },
    { "reported as leaked", leaked },
    { "has not been used in project", not_enabled },
    { "^requests to this api .* are blocked", blocked },
    { "project has been denied access", denied },
    { "requires billing to be enabled", no_billing },
  },
  [429] = { { "prepayment credits are depleted", out_of_credit } },
}

refusals.blocked = blocked


-- Nil, where these words are about something else than the key.
function refusals.in_words(status, message)
  return words.meaning(in_words, status, message)
end


-- Of a problem as google.error() reads it.
function refusals.of(status, problem)
  return refusals.by_reason[problem.reason] or refusals.in_words(status, problem.message)
end


return refusals
