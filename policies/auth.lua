-- auth.lua: who is asking? Whoever brings a client token that Pollux knows; nobody else comes in.
local auth = {}

local NO_TOKEN = "No client token came with this request. Put your Pollux token where your tool asks for an API key: "
  .. 'as "Authorization: Bearer TOKEN", "x-goog-api-key: TOKEN", "x-api-key: TOKEN" or "?key=TOKEN" in the address.'
local UNKNOWN_TOKEN = "This token is unknown here, has expired or was revoked. Pollux takes its own client tokens, "
  .. "not Google's API keys; whoever runs it can make you one."


function auth.identify(request)
  local token = request.token
  if not token or token == "" then
    return deny(401, NO_TOKEN)
  end
  return clients.find(token) or deny(401, UNKNOWN_TOKEN)
end


return auth
