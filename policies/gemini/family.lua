-- family.lua: what the name of a model tells. Names are open: one that nobody here has heard of is like the newest.
local family = {}

local newest = math.huge
local most_remembered = 256

local remembered, count = {}, 0


local function read(model)
  return {
    generation = tonumber(model:match("^gemini%-(%d+%.?%d*)")) or newest,
    is_gemma = model:sub(1, 5) == "gemma",
    is_lite = model:find("-lite", 1, true) ~= nil,
    speaks = model:find("-tts", 1, true) ~= nil,
    draws = model:find("-image", 1, true) ~= nil or model:find("nano-banana", 1, true) ~= nil,
  }
end


local function facts_of(model)
  local facts = remembered[model]
  if not facts then
    if count == most_remembered then  -- Clients may name what they like.
      remembered, count = {}, 0
    end
    facts = read(model)
    remembered[model], count = facts, count + 1
  end
  return facts
end


-- 2.5 for "gemini-2.5-flash"; a name without a number ("gemini-flash-latest") is that of the newest.
function family.generation(model)
  return facts_of(model).generation
end


function family.is_gemma(model)
  return facts_of(model).is_gemma
end


function family.is_lite(model)
  return facts_of(model).is_lite
end


-- Whether it answers in speech.
function family.speaks(model)
  return facts_of(model).speaks
end


-- Whether it answers in pictures.
function family.draws(model)
  return facts_of(model).draws
end


local function escaped(letter)
  return ("%%%02X"):format(letter:byte())
end


-- The path of a call: "/v1beta/models/gemini-3.8-flash:generateContent".
function family.path(model, method)
  local folder = "models/"
  if model:sub(1, 12) == "tunedModels/" then
    folder, model = "tunedModels/", model:sub(13)
  end
  return "/v1beta/" .. folder .. model:gsub("[^%w%-%._]", escaped) .. ":" .. method
end


return family
