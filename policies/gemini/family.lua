-- family.lua: what the name of a model tells. Names are open: one that nobody here has heard of behaves like the newest.
local family = {}

local newest = math.huge


-- 2.5 for "gemini-2.5-flash"; a name without a number ("gemini-flash-latest") is that of the newest.
function family.generation(model)
  return tonumber(model:match("^gemini%-(%d+%.?%d*)")) or newest
end


function family.is_gemma(model)
  return model:sub(1, 5) == "gemma"
end


function family.speaks(model)
  return model:find("-tts", 1, true) ~= nil
end


function family.draws(model)
  return model:find("-image", 1, true) ~= nil or model:find("nano-banana", 1, true) ~= nil
end


function family.is_lite(model)
  return model:find("-lite", 1, true) ~= nil
end


local function escaped(letter)
  return ("%%%02X"):format(letter:byte())
end


-- The path of a call: "/v1beta/models/gemini-3.8-flash:generateContent".
function family.path(model, method)
  local collection, name = model:match("^(tunedModels)/(.+)$")
  name = (name or model):gsub("[^%w%-%._]", escaped)
  return "/v1beta/" .. (collection or "models") .. "/" .. name .. ":" .. method
end


return family
