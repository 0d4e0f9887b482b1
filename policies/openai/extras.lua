-- extras.lua: what clients say to Gemini in its own words within an OpenAI request: in `google`, in `extra_body` and
-- its `google`, or beside OpenAI's own fields.
local values = require "gemini.values"

local extras = {}

local function names(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

-- What stands in the request itself, and what in its generationConfig.
local of_request = names { "safetySettings", "cachedContent", "serviceTier", "store", "labels" }
local of_config = names {
  "thinkingConfig", "topK", "responseModalities", "responseMimeType", "responseSchema", "responseJsonSchema",
  "speechConfig", "imageConfig", "mediaResolution", "enableEnhancedCivicAnswers",
}
-- Beside OpenAI's own fields these alone are Gemini's beyond doubt.
local flattened = {
  "safety_settings", "safetySettings", "cached_content", "cachedContent", "thinking_config", "thinkingConfig",
  "top_k", "topK", "image_config", "imageConfig", "speech_config", "speechConfig", "media_resolution",
  "response_modalities", "responseModalities",
}


local function camel_case(name)
  return (name:gsub("_(%l)", string.upper))
end


-- Lists of tools are joined, objects merged, everything else replaced.
local merged = {
  generationConfig = function(_, config, value)
    for name, field in pairs(value) do
      config[camel_case(name)] = values.given(field)
    end
  end,
  tools = function(call, _, value)
    call.tools = call.tools or {}
    for _, tool in ipairs(value) do
      call.tools[#call.tools + 1] = tool
    end
  end,
  toolConfig = function(call, _, value)
    call.toolConfig = call.toolConfig or {}
    for name, field in pairs(value) do
      call.toolConfig[camel_case(name)] = values.given(field)
    end
  end,
}


local function merge(call, config, name, value)
  name = camel_case(name)
  if values.given(value) == nil then
    return
  elseif of_request[name] then
    call[name] = value
  elseif of_config[name] then
    config[name] = value
  elseif merged[name] and type(value) == "table" then
    merged[name](call, config, value)
  end
end


local function merge_all(call, config, object)
  for name, value in pairs(values.table(object)) do
    if type(name) == "string" then
      merge(call, config, name, value)
    end
  end
end


-- Adds to the call and its generationConfig what the client's body says in Gemini's words.
function extras.apply(body, call, config)
  for _, name in ipairs(flattened) do
    if body[name] ~= nil then
      merge(call, config, name, body[name])
    end
  end
  local extra = values.table(body.extra_body)
  if next(extra) then
    merge_all(call, config, extra)
    merge_all(call, config, extra.google)
    merge_all(call, config, values.table(extra.extra_body).google)
  end
  merge_all(call, config, body.google)
end


return extras
