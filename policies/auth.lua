-- auth.lua: who is asking? Whoever brings a client token that Pollux knows; nobody else comes in, and nobody for more
-- than the owner has allowed. Where the owner allows it, a Google API key in the token's place pays for itself.
local auth = {}

auth.settings = {
  { name = "ALLOW_OWN_KEYS", type = "boolean", default = false,
    about = "Whether anybody may come in with a Google API key of their own, which then pays for what they ask." },
}

local NO_TOKEN = "No client token came with this request. Put your Pollux token where your tool asks for an API key: "
  .. 'as "Authorization: Bearer TOKEN", "x-goog-api-key: TOKEN", "x-api-key: TOKEN" or "?key=TOKEN" in the address.'
local UNKNOWN_TOKEN = "This token is unknown here, or was revoked. Pollux takes its own client tokens, "
  .. "not Google's API keys; whoever runs it can make you one."
local EXPIRED = "This token expired on %s. Whoever runs this Pollux can prolong it, or make you another one."
local DISABLED = "This client is disabled. Whoever runs this Pollux can enable it again."

-- By the limit's name: what is allowed, in words, and when it begins anew.
local LIMITS = {
  rpm = { allowed = "%.0f requests a minute", anew = "the next one may come in %s" },
  daily_requests = { allowed = "%.0f requests a day", anew = "the next day begins in %s, at midnight in Los Angeles" },
  daily_tokens = { allowed = "%.0f tokens a day", anew = "the next day begins in %s, at midnight in Los Angeles" },
}
local LIMIT_REACHED = "This client may have %s, and has had them; %s."

-- What a client may ask for as often as it likes: to look, to count, to bring and fetch files.
local free = {
  list_models = true, get_model = true, count_tokens = true, upload = true, download = true, files = true,
  caches = true, batches = true, operations = true, tuned_models = true, stores = true,
}


-- In the forms that Google gives out: "AIza" and 35 letters, or "AQ." and at least 20.
local function looks_like_a_google_key(token)
  return #token == 39 and token:find("^AIza[%w_%-]+$") ~= nil
    or #token >= 23 and token:find("^AQ%.[%w_%.%-]+$") ~= nil
end


local function refuse(why, client)
  if why == "expired" then
    return deny(401, EXPIRED:format(time.iso(client.expires_at)), { client = client })
  elseif why == "disabled" then
    return deny(401, DISABLED, { client = client })
  end
  return deny(401, UNKNOWN_TOKEN)
end


local function counts(request)
  if free[request.endpoint] then
    return false
  end
  return request.method == "POST" or request.endpoint == "live"
end


-- "12 s", "5 min", "3 h 20 min"
local function in_words(seconds)
  local minutes = math.ceil(seconds / 60)
  if seconds <= 90 then
    return ("%d s"):format(math.max(1, math.ceil(seconds)))
  elseif minutes < 60 then
    return ("%d min"):format(minutes)
  end
  return ("%d h %d min"):format(math.floor(minutes / 60), minutes % 60)
end


local function refuse_for_now(client, reached)
  local words = LIMITS[reached.limit]
  local message = LIMIT_REACHED:format(words.allowed:format(reached.allowed),
    words.anew:format(in_words(reached.retry_after)))
  return deny(429, message, {
    retry_after = reached.retry_after, reason = "client_limit", code = "rate_limit_exceeded", client = client,
  })
end


function auth.identify(request)
  local token = request.token
  if not token or token == "" then
    return deny(401, NO_TOKEN)
  end
  local client, why, refused = clients.find(token)
  if client then
    local admitted = not counts(request) or client:admit(request)
    return admitted == true and client or refuse_for_now(client, admitted)
  end
  if settings.ALLOW_OWN_KEYS and looks_like_a_google_key(token) then
    return own_key(token)
  end
  return refuse(why, refused)
end


return auth
