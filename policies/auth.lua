-- auth.lua: who is asking? Whoever brings a client token that Pollux knows; nobody else comes in. Where the owner
-- allows it, a Google API key in the token's place pays for itself.
local auth = {}

auth.settings = {
  { name = "ALLOW_OWN_KEYS", type = "boolean", default = false,
    about = "Whether anybody may come in with a Google API key of their own, which then pays for what they ask." },
}

local NO_TOKEN = "No client token came with this request. Put your Pollux token where your tool asks for an API key: "
  .. 'as "Authorization: Bearer TOKEN", "x-goog-api-key: TOKEN", "x-api-key: TOKEN" or "?key=TOKEN" in the address.'
local UNKNOWN_TOKEN = "This token is unknown here, has expired or was revoked. Pollux takes its own client tokens, "
  .. "not Google's API keys; whoever runs it can make you one."


-- In the forms that Google gives out: "AIza" and 35 letters, or "AQ." and at least 20.
local function looks_like_a_google_key(token)
  return #token == 39 and token:find("^AIza[%w_%-]+$") ~= nil
    or #token >= 23 and token:find("^AQ%.[%w_%.%-]+$") ~= nil
end


function auth.identify(request)
  local token = request.token
  if not token or token == "" then
    return deny(401, NO_TOKEN)
  end
  local client = clients.find(token)
  if client then
    return client
  end
  if settings.ALLOW_OWN_KEYS and looks_like_a_google_key(token) then
    return own_key(token)
  end
  return deny(401, UNKNOWN_TOKEN)
end


return auth
