-- capabilities.lua: what a model cannot do. Other dialects ask for things that some models refuse: a translated request
-- does without them, as far as that is known beforehand; else Google says so, the request is put right and tried once
-- more, and the next one to that model begins without. What is asked for in Gemini's own dialect is never touched.
local family = require "gemini.family"
local subset = require "gemini.schema_subset"
local thinking = require "gemini.thinking"
local values = require "gemini.values"

local capabilities = {}

local remembered_s = 24 * 3600
local go_on = "Go on exactly where your last message ends."


--
-- Corrections: each takes (call, message, refused) and tells whether it has changed the call. `message` are Google's
-- words, in lower case, if it was sent and refused; `refused` is what was learned of the model.
--


local function without(...)
  local names = { ... }
  return function(call)
    local config, changed = values.table(call.generationConfig), false
    for _, name in ipairs(names) do
      if config[name] ~= nil then
        config[name], changed = nil, true
      end
    end
    return changed
  end
end


-- The system's words come before the user's first.
local function move_system_text(call)
  local system = call.systemInstruction
  if type(system) ~= "table" then
    return false
  end
  call.systemInstruction = nil
  local texts = {}
  for _, part in ipairs(values.table(system.parts)) do
    texts[#texts + 1] = values.text(part.text)
  end
  local first = call.contents[1]
  if #texts == 0 then
    return true
  elseif first.role == "model" then
    first = { role = "user", parts = {} }
    table.insert(call.contents, 1, first)
  end
  local said, text = first.parts[1], table.concat(texts, "\n\n")
  if said and type(said.text) == "string" then
    said.text = text .. "\n\n" .. said.text
  else
    table.insert(first.parts, 1, { text = text })
  end
  return true
end


local function has_functions(call)
  for _, tool in ipairs(values.table(call.tools)) do
    if type(tool) == "table" and tool.functionDeclarations then
      return true
    end
  end
  return false
end


-- Functions win over Gemini's own tools: the client counts on them.
local function leave_out_built_in_tools(call)
  local functions, changed = {}, false
  for _, tool in ipairs(values.table(call.tools)) do
    for name in pairs(tool) do
      changed = changed or name ~= "functionDeclarations"
    end
    functions[#functions + 1] = tool.functionDeclarations and { functionDeclarations = tool.functionDeclarations }
  end
  if not changed or #functions == 0 then
    return false
  end
  call.tools = functions
  return true
end


local function thinking_config(call)
  return values.table(values.table(call.generationConfig).thinkingConfig)
end


-- One step up from the level that is refused, now or as it was learned.
local function raise_level(call, message, refused)
  local config = thinking_config(call)
  local level = type(config.thinkingLevel) == "string" and config.thinkingLevel:lower() or nil
  local changed
  while level and (message and not changed or refused:find(";level=" .. level .. ";", 1, true)) do
    changed = changed or level
    level = thinking.level_after(level)
    config.thinkingLevel = level
  end
  return changed ~= nil, changed and "level=" .. changed
end


local function leave_out_level(call)
  local config = thinking_config(call)
  local changed = config.thinkingLevel ~= nil
  config.thinkingLevel = nil
  return changed
end


-- Into the range that Google names; where it names none, the model may think as it likes.
local function mend_budget(call, message)
  local config = thinking_config(call)
  local budget = tonumber(config.thinkingBudget)
  if not budget or not message then
    return false
  end
  local least, most = message:match("between (%d+) and (%d+)")
  config.thinkingBudget = least and math.max(tonumber(least), math.min(tonumber(most), budget)) or nil
  return true
end


local function end_with_user(call)
  local last = call.contents[#call.contents]
  if last.role ~= "model" then
    return false
  end
  call.contents[#call.contents + 1] = { role = "user", parts = { { text = go_on } } }
  return true
end


local function simplify_schemas(call)
  local config, changed = values.table(call.generationConfig), false
  if config.responseJsonSchema then
    config.responseSchema, config.responseJsonSchema, changed = subset.of(config.responseJsonSchema), nil, true
  end
  for _, tool in ipairs(values.table(call.tools)) do
    for _, declared in ipairs(values.table(tool.functionDeclarations)) do
      if declared.parametersJsonSchema then
        declared.parameters, declared.parametersJsonSchema = subset.of_function(declared.parametersJsonSchema), nil
        changed = true
      end
    end
  end
  return changed
end


--
-- What may be refused. `known` tells from the model's name, `says` are patterns for Google's words in lower case.
--


local function is_older_than_3(model)
  return family.generation(model) < 3
end


local function takes_no_system_text(model)
  return family.is_gemma(model) or family.speaks(model)
end


local function takes_no_last_word(model)
  return family.generation(model) >= (family.is_lite(model) and 3.5 or 3.6) and not family.is_gemma(model)
end


local leave_out_json = without("responseMimeType", "responseJsonSchema", "responseSchema")

local rows = {
  {
    name = "penalties", says = { "penalty is not enabled" },
    known = function(model) return family.generation(model) == 2.5 end,
    correct = without("presencePenalty", "frequencyPenalty"),
  },
  { name = "logprobs", says = { "logprobs is not enabled" }, correct = without("responseLogprobs", "logprobs") },
  {
    name = "candidates", says = { "multiple candidates is not enabled", "only one candidate can be" },
    correct = without("candidateCount"),
  },
  {
    name = "system", says = { "developer instruction is not enabled" }, known = takes_no_system_text,
    correct = move_system_text,
  },
  { name = "thinking", says = { "thinking is not enabled" }, correct = without("thinkingConfig") },
  { name = "level", says = { "thinking level %S+ is not supported" }, correct = raise_level },
  { name = "levels", says = { "thinking.?level is not supported" }, correct = leave_out_level },
  {
    name = "budget", says = { "budget .*is invalid", "budget is not supported" }, correct = mend_budget,
    is_of_one_call = true,
  },
  {
    name = "built-in tools", known = is_older_than_3,
    says = { "tool use with function calling is unsupported", "function calling cannot be combined" },
    correct = function(call) return has_functions(call) and leave_out_built_in_tools(call) end,
  },
  {
    name = "json with tools", known = is_older_than_3,
    says = { "with a response mime type: 'application/json' is unsupported" },
    correct = function(call) return call.tools ~= nil and leave_out_json(call) end,
  },
  { name = "json", says = { "json mode is not enabled" }, correct = leave_out_json },
  {
    name = "last word", says = { "requests ending with a model turn are not supported" }, known = takes_no_last_word,
    correct = end_with_user,
  },
  {
    name = "schemas", says = { 'unknown name "parameters_?jsonschema"', 'unknown name "_?response_?jsonschema"' },
    correct = simplify_schemas,
  },
}

-- Said of a setting, these words refuse it whatever its value.
local refuses = { "not supported", "unsupported", "not enabled", "deprecated", "cannot be set", "not allowed" }

for field, name in pairs { temperature = "temperature", topP = "top_?p", topK = "top_?k" } do
  local says = {}
  for i, words in ipairs(refuses) do
    says[i] = "%f[%w]" .. name .. "%f[%W].*" .. words
  end
  rows[#rows + 1] = { name = field, says = says, correct = without(field) }
end


--
-- Learning
--


local function name_of(model)
  return "refused by " .. model
end


-- Names, each between two semicolons: ";penalties;level;level=minimal;".
local function learn(model, ...)
  local refused = shared.get(name_of(model)) or ";"
  for _, name in ipairs { ... } do
    if not refused:find(";" .. name .. ";", 1, true) then
      refused = refused .. name .. ";"
    end
  end
  shared.set(name_of(model), refused, remembered_s)
end


local function is_said(row, message)
  for _, words in ipairs(row.says) do
    if message:find(words) then
      return true
    end
  end
  return false
end


-- Google's words refuse something that the call can do without: puts it right, and tells whether it did. Each once.
function capabilities.repair(request, message)
  local state = request.state.capabilities
  local call = state and request.body
  if type(call) ~= "table" or type(call.contents) ~= "table" then
    return false
  end
  message = message:lower()
  local refused = shared.get(name_of(request.upstream_model)) or ";"
  for _, row in ipairs(rows) do
    if not state[row.name] and is_said(row, message) then
      state[row.name] = true
      local changed, detail = row.correct(call, message, refused)
      if changed then
        if not row.is_of_one_call then
          learn(request.upstream_model, row.name, detail)
        end
        return true
      end
    end
  end
  return false
end


-- Before a translated call is sent: leaves out what the model is known to refuse, and lets failover.lua do so later.
function capabilities.adapt(request, call)
  local model = request.upstream_model
  request.state.capabilities = request.state.capabilities or {}
  local refused = shared.get(name_of(model))
  for _, row in ipairs(rows) do
    if row.known and row.known(model) or refused and refused:find(";" .. row.name .. ";", 1, true) then
      row.correct(call, nil, refused or ";")
    end
  end
end


return capabilities
