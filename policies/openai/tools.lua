-- tools.lua: OpenAI's tools and tool_choice in Gemini's words, and the names of functions, which Gemini wants plainer.
local check = require "openai.check"
local family = require "gemini.family"
local schema = require "gemini.schema"
local values = require "gemini.values"

local tools = {}

local longest_name = 64

-- Gemini's own tools, by the names that clients use for them.
local built_in = {
  googleSearch = "googleSearch", google_search = "googleSearch",
  web_search = "googleSearch", web_search_preview = "googleSearch",
  codeExecution = "codeExecution", code_execution = "codeExecution", code_interpreter = "codeExecution",
  urlContext = "urlContext", url_context = "urlContext",
  googleMaps = "googleMaps", google_maps = "googleMaps",
}

local search_functions = { googleSearch = true, google_search = true }  -- What others than OpenAI call that tool.
local free_text = json.object { type = "object", properties = { input = { type = "string" } }, required = { "input" } }


--
-- Names
--


local Names = {}
Names.__index = Names


local function new_names()
  return setmetatable({ safe_of = {}, original_of = {} }, Names)
end


-- The name as Gemini takes it: the same, if it can.
function Names:safe(name)
  local safe = self.safe_of[name]
  if safe then
    return safe
  end
  safe = name:gsub("[^%w_%.:%-]", "_"):gsub("^[^%a_]", "_%0")
  if #safe > longest_name or self.original_of[safe] then
    safe = safe:sub(1, longest_name - 9) .. "_" .. crypto.sha256(name):sub(1, 8)
  end
  self.safe_of[name], self.original_of[safe] = safe, name
  return safe
end


-- The name as the client knows it.
function Names:original(safe)
  return self.original_of[safe] or safe
end


--
-- Declarations
--


local function name_of(tool, param)
  local name = check.text(tool, "name", param .. ".name")
  if not name or name == "" then
    check.refuse(param .. ".name", "a function needs a name", "missing_required_parameter")
  end
  return name
end


local function declaration(offered, description, parameters, name)
  return {
    name = offered.names:safe(name),
    description = values.text(description),
    parametersJsonSchema = schema.for_function(parameters),
  }
end


local function add_function(offered, tool, param)
  local name = name_of(tool, param)
  if search_functions[name] then
    offered.built_in.googleSearch = json.object {}
    return
  end
  check.table(tool, "parameters", param .. ".parameters")
  offered.is_strict = offered.is_strict or tool.strict == true
  offered.functions[#offered.functions + 1] = declaration(offered, tool.description, tool.parameters, name)
end


local function add_custom(offered, tool, param)
  local name = name_of(tool, param)
  offered.custom[name] = true
  offered.functions[#offered.functions + 1] = declaration(offered, tool.description, free_text, name)
end


-- {"type":"google_search"} or {"googleSearch":{...}}, as some clients write it. Unknown tools are left out.
local function add_built_in(offered, tool)
  if built_in[tool.type] then
    offered.built_in[built_in[tool.type]] = json.object {}
  end
  for name, value in pairs(tool) do
    if built_in[name] and type(value) == "table" then
      offered.built_in[built_in[name]] = value
    end
  end
end


local function add_tool(offered, tool, param)
  if type(tool) ~= "table" then
    check.refuse(param, "expected an object", "invalid_type")
  elseif tool.type == "custom" then
    add_custom(offered, check.table(tool, "custom", param .. ".custom") or tool, param .. ".custom")
  elseif tool.type == "function" or type(tool["function"]) == "table" then
    add_function(offered, check.table(tool, "function", param .. ".function") or tool, param .. ".function")
  else
    add_built_in(offered, tool)
  end
end


-- Nothing is offered.
function tools.none()
  return { names = new_names(), functions = {}, built_in = {}, custom = {} }
end


-- What the request offers: functions in Gemini's words, built-in tools, and which names are of what kind.
local function offered_by(body)
  local offered = tools.none()
  for i, tool in ipairs(check.list(body, "tools") or {}) do
    add_tool(offered, tool, ("tools[%d]"):format(i - 1))
  end
  for i, tool in ipairs(check.list(body, "functions") or {}) do  -- As it was before there were tools.
    offered.is_legacy = true
    if type(tool) ~= "table" then
      check.refuse(("functions[%d]"):format(i - 1), "expected an object", "invalid_type")
    end
    add_function(offered, tool, ("functions[%d]"):format(i - 1))
  end
  if type(body.web_search_options) == "table" then
    offered.built_in.googleSearch = json.object {}
  end
  return offered
end


--
-- The choice
--


local function is_declared(offered, name)
  for _, known in ipairs(offered.functions) do
    if known.name == offered.names.safe_of[name] then
      return true
    end
  end
  return false
end


local function allow(offered, mode, names, param)
  local allowed = {}
  for i, name in ipairs(names) do
    if type(name) ~= "string" or not is_declared(offered, name) then
      check.refuse(param, "there is no tool " .. tostring(name))
    end
    allowed[i] = offered.names:safe(name)
  end
  if #allowed == 0 then
    check.refuse(param, "it names no function", "missing_required_parameter")
  end
  return { mode = mode, allowedFunctionNames = allowed }
end


-- The name in {"function":{"name":...}}, {"custom":{"name":...}} or {"name":...}.
local function named(tool)
  tool = values.table(tool)
  local inner = type(tool["function"]) == "table" and tool["function"]
    or type(tool.custom) == "table" and tool.custom or tool
  return inner.name
end


local function allowed_tools(offered, choice, param)
  local given = type(choice.allowed_tools) == "table" and choice.allowed_tools or choice
  local names = {}
  for _, tool in ipairs(values.table(given.tools)) do
    if type(tool) ~= "table" or not built_in[tool.type] then
      names[#names + 1] = named(tool) or json.null
    end
  end
  return allow(offered, given.mode == "required" and "ANY" or "VALIDATED", names, param .. ".allowed_tools.tools")
end


local chosen = {
  auto = function(offered)
    return offered.is_strict and { mode = "VALIDATED" } or nil
  end,
  none = function() return { mode = "NONE" } end,
  required = function() return { mode = "ANY" } end,
}
chosen.any = chosen.required


-- Gemini's functionCallingConfig, or nil for its default.
local function config_of_choice(offered, body)
  local param = values.given(body.tool_choice) ~= nil and "tool_choice" or "function_call"
  local choice = values.given(body[param])
  if choice == nil then
    choice = "auto"
  end
  if chosen[choice] then
    return chosen[choice](offered)
  elseif type(choice) ~= "table" then
    check.refuse(param, "expected none, auto, required, or an object that names a function")
  elseif choice.type == "allowed_tools" then
    return allowed_tools(offered, choice, param)
  elseif built_in[choice.type] then
    return nil
  end
  return allow(offered, "ANY", { named(choice) or json.null }, param)
end


local function list_of(offered)
  local list = {}
  if #offered.functions > 0 then
    list[1] = { functionDeclarations = offered.functions }
  end
  if next(offered.built_in) then
    list[#list + 1] = offered.built_in
  end
  return #list > 0 and list or nil
end


-- Whether the call names tools of Gemini's own, which bring citations.
function tools.are_built_in(call)
  for _, tool in ipairs(values.table(call.tools)) do
    for name in pairs(values.table(tool)) do
      if name ~= "functionDeclarations" then
        return true
      end
    end
  end
  return false
end


local function config_of(offered, choice, model)
  local has_functions, config = #offered.functions > 0, {}
  config.functionCallingConfig = has_functions and choice or nil
  if has_functions and next(offered.built_in) and family.generation(model) >= 3 then
    config.includeServerSideToolInvocations = true  -- Or functions and tools of Gemini's own exclude each other.
  end
  return next(config) and config or nil
end


-- Fills in `call.tools` and `call.toolConfig`. `has_calls` tells whether functions were called in the conversation,
-- which then must stay declared. Returns what the answer needs: names, custom, is_legacy.
function tools.translate(model, body, call, has_calls)
  local offered = offered_by(body)
  if #offered.functions == 0 and next(offered.built_in) == nil then
    return offered
  end
  local choice = config_of_choice(offered, body)
  if choice and choice.mode == "NONE" then
    offered.built_in = {}
    if not has_calls then
      offered.functions = {}
    end
  end
  call.tools = list_of(offered)
  call.toolConfig = config_of(offered, choice, model)
  return offered
end


return tools
