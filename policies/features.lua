-- features.lua: what the endings of a model's name ask for ("-search", "-image", "-non-thinking"), written into a body
-- of Gemini's.
local features = {}

local family = require "gemini.family"
local thinking = require "gemini.thinking"

local is_search = { "googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval" }
local are_functions = { "functionDeclarations", "function_declarations" }


-- Names come in two spellings, of which one body has one: the table under either, made if there is none.
local function member(object, name, other_name)
  local existing = object[name]
  if type(existing) ~= "table" then
    existing = object[other_name]
  end
  if type(existing) ~= "table" then
    existing = {}
    object[name], object[other_name] = existing, nil
  end
  return existing
end


local function put(object, name, other_name, value)
  object[name], object[other_name] = value, nil
end


local function has_tool(body, names)
  for _, tool in ipairs(type(body.tools) == "table" and body.tools or {}) do
    for _, name in ipairs(names) do
      if type(tool) == "table" and type(tool[name]) == "table" then
        return true
      end
    end
  end
  return false
end


local function answers_in_json(body)
  local config = body.generationConfig or body.generation_config
  local kind = type(config) == "table" and (config.responseMimeType or config.response_mime_type)
  return kind == "application/json"
end


-- Before Gemini 3 a search goes together with neither functions nor JSON. These were asked for by name: they win.
local function add_search(body, model)
  local with_functions = has_tool(body, are_functions)
  local excluded = family.generation(model) < 3 and (with_functions or answers_in_json(body))
  if excluded or has_tool(body, is_search) then
    return
  end
  local tools = type(body.tools) == "table" and body.tools or {}
  tools[#tools + 1] = { googleSearch = json.object {} }
  body.tools = tools
  if with_functions then
    local config = member(body, "toolConfig", "tool_config")
    put(config, "includeServerSideToolInvocations", "include_server_side_tool_invocations", true)
  end
end


local function add_image(body)
  local config = member(body, "generationConfig", "generation_config")
  put(config, "responseModalities", "response_modalities", { "TEXT", "IMAGE" })
end


-- Where a model cannot but think, as little as it can.
local function stop_thinking(body, model)
  local config = thinking.of_effort(model, "none")
  if config then
    put(member(body, "generationConfig", "generation_config"), "thinkingConfig", "thinking_config", config)
  end
end


-- Of `model`, by default the one that Google gets, into `body`, which is Gemini's.
function features.apply(request, body, model)
  local wanted = request.features
  model = model or request.upstream_model
  if wanted.search then
    add_search(body, model)
  end
  if wanted.image then
    add_image(body)
  end
  if wanted.no_thinking then
    stop_thinking(body, model)
  end
end


return features
