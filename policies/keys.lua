-- keys.lua: which key pays? The one that a conversation is with, while it can pay: Google's caches are its project's,
-- so what was said before costs less. Else the one with the fewest requests under way; equals take turns, so all keys
-- get the same share of what comes one by one. A retry takes another key: the pool hands out tried ones last.
local keys = {}

keys.settings = {
  { name = "KEEP_CONVERSATIONS", type = "boolean", default = true,
    about = "Whether a conversation that goes on stays with its key while that can pay." },
}

local longest_id = 100
local TOO_LARGE = "This request alone has more tokens than the Gemini keys here may take in a minute. A shorter one "
  .. "will pass; so would this one with a key of a higher tier."


-- A client's tool may say which conversation this is; else the core knows it by its first messages.
local function conversation_of(request)
  local id = request.headers["x-conversation-id"] or request.headers["x-session-id"]
  if not id or id == "" or #id > longest_id then
    return request.conversation
  end
  return (request.client and request.client.id or "") .. " " .. id
end


-- A request that failover.lua has found too large for a key goes to one of these tiers, or not at all.
local function of_tiers(tiers, pool)
  local size = 0
  for _, tier in ipairs(tiers) do
    local tagged = pool:tagged(tier)
    local key = tagged:least_busy()
    if key then
      return key
    end
    size = size + tagged:count()
  end
  return size == 0 and deny(413, TOO_LARGE) or nil
end


function keys.select(request, pool)
  if request.state.too_large_below then
    return of_tiers(request.state.too_large_below, pool)
  end
  request.conversation = settings.KEEP_CONVERSATIONS and conversation_of(request) or nil
  return pool:kept_for(request.conversation) or pool:least_busy()
end


return keys
