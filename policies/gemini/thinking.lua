-- thinking.lua: how much a model is to think, in the words of its family: a budget of tokens, or a level.
local thinking = {}

local ranks = { minimal = 1, low = 2, medium = 3, high = 4, xhigh = 5 }

local function levels(...)
  return { levels = { ... } }
end

local budget_of_pro = { least = 128, most = 32768 }
local from_minimal = levels("minimal", "low", "medium", "high")

-- By patterns for the model's name; the first that matches counts.
local families = {
  { "^gemma", {} },
  { "%-tts", {} },
  { "embedding", {} },
  { "^gemini%-[01]%.", {} },
  { "^gemini%-2%.0", {} },
  { "^gemini%-2%.5%-flash%-image", {} },
  { "^gemini%-2%.5%-pro", budget_of_pro },
  { "^gemini%-2%.5%-flash%-lite", { least = 512, most = 24576, off = 0 } },
  { "^gemini%-2%.5", { least = 1, most = 24576, off = 0 } },
  { "^gemini%-3.*%-pro%-image", budget_of_pro },
  { "^gemini%-3.*%-image", levels("minimal", "high") },
  { "flash%-lite", from_minimal },
  { "^gemini%-3%-flash", from_minimal },
  { "^gemini%-3%.[0-6]%-flash", from_minimal },
  { "^gemini%-4%-hydrogen", levels("low", "medium", "high", "xhigh") },
  { "", levels("low", "medium", "high") },
}

-- What an effort is, as a budget and as a level.
local efforts = {
  none = { 0, "minimal" },
  minimal = { 512, "minimal" },
  low = { 1024, "low" },
  medium = { 8192, "medium" },
  high = { 24576, "high" },
  xhigh = { 32768, "xhigh" },
  max = { 32768, "xhigh" },
}


local function family_of(model)
  for _, row in ipairs(families) do
    if model:find(row[1]) then
      return row[2]
    end
  end
end


-- The lowest level that the family has from the wanted one on; where there is none, its highest.
local function nearest_level(family, level)
  for _, known in ipairs(family.levels) do
    if ranks[known] >= ranks[level] then
      return known
    end
  end
  return family.levels[#family.levels]
end


local function nearest_budget(family, budget)
  if budget == 0 and family.off then
    return 0
  end
  return math.max(family.least, math.min(family.most, budget))
end


local function config_of(model, budget, level)
  local family = family_of(model)
  if family.levels then
    return { thinkingLevel = nearest_level(family, level) }
  end
  return family.least and { thinkingBudget = nearest_budget(family, budget) } or nil
end


function thinking.is_effort(effort)
  return efforts[effort] ~= nil
end


-- Gemini's thinkingConfig for an effort; nil for models that do not think. Who asks for an effort can show thoughts.
function thinking.of_effort(model, effort)
  local config = config_of(model, unpack(efforts[effort]))
  if config then
    config.includeThoughts = effort ~= "none"
  end
  return config
end


local function level_of_budget(budget)
  return budget <= 512 and "minimal" or budget <= 1024 and "low" or budget <= 8192 and "medium" or "high"
end


-- The same for a budget; nil where the model may think as it likes.
function thinking.of_budget(model, budget)
  if budget < 0 then
    return nil
  end
  return config_of(model, budget, level_of_budget(budget))
end


-- The level to try after one that the model refuses: the next above; nil if there is none.
function thinking.level_after(level)
  local next_levels = { minimal = "low", low = "medium", medium = "high", xhigh = "high" }
  return next_levels[level]
end


return thinking
