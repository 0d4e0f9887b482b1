-- models.lua: which model does Google get? The one that was asked for, by its plain name. Another maker's name stands
-- for one of Google's, and endings, as in "gemini-3.8-flash-search", ask for more than the model alone.
local catalogue = require "catalogue"
local features = require "features"

local models = {}

local of_alias = "^([^=%s]+)=([^=%s]*[^=%s/])$"

models.settings = {
  { name = "MODEL_ALIASES", type = "list", default = {}, pattern = of_alias, form = "name=model",
    about = "Names that stand for models, each as name=model; a * in a name stands for any characters." },
  { name = "LIST_DERIVED_MODELS", type = "boolean", default = false,
    about = "Whether lists of models for OpenAI clients show these names and derived ones, too." },
  { name = "FAKE_STREAM", type = "boolean", default = false,
    about = "Whether every stream is made of an answer that came in one piece, kept alive meanwhile." },
  { name = "IMAGE_MODEL", type = "string", default = "gemini-3.1-flash-image",
    about = "The model for pictures, where the request names another maker's or none." },
  { name = "SPEECH_MODEL", type = "string", default = "gemini-3.1-flash-tts-preview",
    about = "The model for speaking, where the request names another maker's or none." },
  { name = "TRANSCRIPTION_MODEL", type = "string", default = "gemini-3.5-flash-lite",
    about = "The model for writing down speech, where the request names another maker's or none." },
}

-- What a name stands for: a model, which may have endings, or the setting that names one. A * stands for any
-- characters; an exact name comes before patterns, those of MODEL_ALIASES before these, and the one with the most
-- letters first. To change a row, write a models.lua of your own:
--
--     local models = require "default.models"
--     models.aliases["claude-opus-*"] = "gemini-3.1-pro-preview"
--     return models
models.aliases = {
  ["gpt-*"] = "gemini-3.8-flash",
  ["gpt-*-mini*"] = "gemini-3.5-flash-lite",
  ["gpt-*-nano*"] = "gemini-3.5-flash-lite",
  ["gpt-*-search-api*"] = "gemini-3.8-flash-search",
  ["gpt-*-search-preview*"] = "gemini-3.8-flash-search",
  ["chatgpt-*"] = "gemini-3.8-flash",
  ["codex-*"] = "gemini-3.8-flash",
  ["o1*"] = "gemini-3.8-flash",
  ["o3*"] = "gemini-3.8-flash",
  ["o4*"] = "gemini-3.8-flash",
  ["claude-*"] = "gemini-3.8-flash",
  ["claude-*haiku*"] = "gemini-3.5-flash-lite",
  ["text-embedding-*"] = "gemini-embedding-001",
  ["dall-e-*"] = { setting = "IMAGE_MODEL" },
  ["gpt-image-*"] = { setting = "IMAGE_MODEL" },
  ["chatgpt-image-*"] = { setting = "IMAGE_MODEL" },
  ["tts-1*"] = { setting = "SPEECH_MODEL" },
  ["gpt-*-tts*"] = { setting = "SPEECH_MODEL" },
  ["gpt-*-mini-tts*"] = { setting = "SPEECH_MODEL" },
  ["whisper-*"] = { setting = "TRANSCRIPTION_MODEL" },
  ["gpt-*-transcribe*"] = { setting = "TRANSCRIPTION_MODEL" },
}

-- What an ending, which begins with a -, asks for in request.features; any number of them, in any order.
models.endings = {
  ["-search"] = "search",
  ["-image"] = "image",
  ["-non-thinking"] = "no_thinking",
  ["-fake-stream"] = "fake_stream",
}

-- Models whose own names end so, for as long as Google's list is not known.
models.real = {
  ["gemini-2.5-flash-image"] = true,
  ["gemini-3-pro-image"] = true,
  ["gemini-3.1-flash-image"] = true,
  ["gemini-3.1-flash-lite-image"] = true,
}

-- What tools write before a model's name.
local prefixes = { models = true, google = true, gemini = true, openai = true, anthropic = true }

local longest_name = 256

local NO_NAME = 'The request names no model: "%s".'
local CANNOT_BE_DONE = 'The model "%s" asks for more than the model alone, which Pollux writes into the JSON body: '
  .. "it needs one that can be read, of at most RETRY_BODY_BYTES."


-- "models/x", and the "models/models/x" and "google/x" that some tools send, are "x".
function models.plain(name)
  local slash = name:find("/", 1, true)
  while slash and prefixes[name:sub(1, slash - 1)] do
    name = name:sub(slash + 1)
    slash = name:find("/", 1, true)
  end
  return name
end


--
-- Aliases, sorted for looking up: by name, and those with a * by the word that they begin with, since most names begin
-- with none of these.
--

local sorted  -- { listed = the setting that went into it, exact = {...}, patterns = { word = { {...}, ... } } }


local function new_pattern(name, target, rank)
  local pattern, stars = name:gsub("%p", "%%%0"):gsub("%%%*", ".*")
  return { name = name, pattern = "^" .. pattern .. "$", letters = #name - stars, target = target, rank = rank }
end


local function comes_before(one, other)
  if one.rank ~= other.rank then
    return one.rank < other.rank
  end
  if one.letters ~= other.letters then
    return one.letters > other.letters
  end
  return one.name < other.name
end


-- Patterns that begin with no whole word go to all.
local function by_first_word(patterns)
  local words = { [""] = {} }
  for _, pattern in ipairs(patterns) do
    words[pattern.name:match("^%a+%f[^%a*]") or ""] = {}
  end
  for word, list in pairs(words) do
    for _, pattern in ipairs(patterns) do
      local own = pattern.name:match("^%a+%f[^%a*]")
      if not own or own == word then
        list[#list + 1] = pattern
      end
    end
    table.sort(list, comes_before)
  end
  return words
end


local function sort_aliases(listed)
  local exact, patterns = {}, {}
  local function put(name, target, rank)
    if name:find("*", 1, true) then
      patterns[#patterns + 1] = new_pattern(name, target, rank)
    else
      exact[name] = target
    end
  end
  for name, target in pairs(models.aliases) do
    put(name, target, 2)
  end
  for _, row in ipairs(listed) do
    local name, target = row:match(of_alias)
    put(name, models.plain(target), 1)
  end
  return { listed = listed, exact = exact, patterns = by_first_word(patterns) }
end


-- Anew where the setting has changed: it is another table then.
local function aliases()
  local listed = settings.MODEL_ALIASES
  if not sorted or sorted.listed ~= listed then
    sorted = sort_aliases(listed)
  end
  return sorted
end


local function match_of(patterns, name)
  for _, alias in ipairs(patterns) do
    if name:find(alias.pattern) then
      return alias.target
    end
  end
end


-- What another name stands for, or nil.
local function target_of(name)
  local known = aliases()
  local target = known.exact[name] or match_of(known.patterns[name:match("^%a*")] or known.patterns[""], name)
  if type(target) == "table" then
    return settings[target.setting]
  end
  return target
end


--
-- Endings, found by their last words: "stream" of "-fake-stream".
--

local endings_by_word


local function sort_endings()
  local words = {}
  for ending in pairs(models.endings) do
    local word = ending:match("^.*%-(.*)$")
    words[word] = words[word] or {}
    table.insert(words[word], ending)
    table.sort(words[word], function(one, other) return #one > #other end)
  end
  return words
end


-- The ending of a name that is longer than it, or nil.
local function ending_of(name)
  endings_by_word = endings_by_word or sort_endings()
  local candidates = endings_by_word[name:match("^.*%-(.*)$")]
  for _, ending in ipairs(candidates or {}) do
    if #name > #ending and name:sub(-#ending) == ending then
      return ending
    end
  end
end


-- Whether a name with such an ending is a name by itself. Of another maker's models Google's list knows nothing.
local function is_whole(name)
  if models.real[name] or aliases().exact[name] then
    return true
  end
  return not target_of(name) and catalogue.has(name)
end


-- The name without endings; what they ask for goes into `wanted`.
local function without_endings(name, wanted)
  local ending = ending_of(name)
  while ending and not is_whole(name) do
    wanted[models.endings[ending]] = true
    name = name:sub(1, -#ending - 1)
    ending = ending_of(name)
  end
  return name
end


-- The model that a name means, and a table of what is wanted of it besides.
function models.read(name)
  local wanted = {}
  if name:find("/", 1, true) then
    return name, wanted  -- "tunedModels/x"
  end
  local model = without_endings(name, wanted)
  local target = target_of(model)
  return target and without_endings(target, wanted) or model, wanted
end


-- The names that stand for others and are no patterns, sorted.
function models.other_names()
  local names = {}
  for name in pairs(aliases().exact) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end


--
-- Native requests meet no dialect, so what the name asks for is written into their body here.
--

local function is_anything_wanted(wanted)
  return wanted.search or wanted.image or wanted.no_thinking
end


-- countTokens has it a level deeper, or counts contents alone.
local function generating_part(request, body)
  if request.endpoint == "count_tokens" then
    return body.generateContentRequest or body.generate_content_request
  end
  return (request.endpoint == "generate" or request.endpoint == "stream") and body or nil
end


-- Bodies may name the model, too, and Google wants it to be that of the path.
local function rename(object, model)
  if type(object) == "table" and type(object.model) == "string" then
    object.model = "models/" .. model
  end
end


local function write_into_native(request, model)
  local body = request.body
  if type(body) ~= "table" then
    return is_anything_wanted(request.features) and deny(400, CANNOT_BE_DONE:format(request.model)) or nil
  end
  local part = generating_part(request, body)
  rename(body, model)
  rename(part, model)
  for _, one in ipairs(type(body.requests) == "table" and body.requests or {}) do
    rename(one, model)
  end
  if type(part) == "table" then
    features.apply(request, part, model)
  end
end


function models.resolve(request, name)
  local plain = models.plain(name)
  if plain == "" or #plain > longest_name then
    return deny(400, NO_NAME:format(name:sub(1, longest_name)), { param = "model" })
  end
  local model, wanted = models.read(plain)
  for feature in pairs(wanted) do
    request.features[feature] = true
  end
  if settings.FAKE_STREAM then
    request.features.fake_stream = true
  end
  if model ~= plain and request.dialect == "gemini" then
    return write_into_native(request, model) or model
  end
  return model
end


-- A list shows a client what it may use, and the owner everything. One that hides nothing passes as Google wrote it.
function models.visible(request, model)
  local client = request.client
  return not client or type(model.name) ~= "string" or client:may_use(models.plain(model.name))
end


--
-- What the owner is shown of all this.
--

local function aliases_by_name()
  local from_setting, rows = {}, {}
  local function put(name, model, source)
    rows[#rows + 1] = { name = name, model = model, source = source }
  end
  for _, row in ipairs(settings.MODEL_ALIASES) do
    local name, target = row:match(of_alias)
    from_setting[name] = models.plain(target)
  end
  for name, target in pairs(from_setting) do
    put(name, target, "MODEL_ALIASES")
  end
  for name, target in pairs(models.aliases) do
    if not from_setting[name] then
      put(name, type(target) == "table" and settings[target.setting] or target, "shipped")
    end
  end
  table.sort(rows, function(one, other) return one.name < other.name end)
  return rows
end


-- Google's models as it lists them, other names, endings; `error` where there is no list, or no new one.
function models.overview()
  local entries, trouble = catalogue.overview()
  local endings = {}
  for ending in pairs(models.endings) do
    endings[#endings + 1] = ending
  end
  table.sort(endings)
  return {
    models = json.array(entries),
    aliases = json.array(aliases_by_name()),
    endings = json.array(endings),
    error = trouble or json.null,
  }
end


return models
