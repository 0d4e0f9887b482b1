-- chat_request.lua: a chat completion's request as a call of Gemini's. What the client does not say, is not said.
local capabilities = require "gemini.capabilities"
local check = require "openai.check"
local extras = require "openai.extras"
local family = require "gemini.family"
local features = require "features"
local messages = require "openai.messages"
local schema = require "gemini.schema"
local thinking = require "gemini.thinking"
local tools = require "openai.tools"
local values = require "gemini.values"
local voices = require "openai.voices"

local chat_request = {}

local most_stops = 5
local most_answers = 128
local largest_int32 = 2 ^ 31 - 1
local no_limit = 2 ^ 53
local largest_int64 = 2 ^ 63  -- Rounded, as numbers are here.

-- OpenAI's name, Gemini's, and between what bounds it is kept.
local numbers = {
  { "temperature", "temperature", 0, 2 },
  { "top_p", "topP" },
}

local penalties = { presence_penalty = "presencePenalty", frequency_penalty = "frequencyPenalty" }


-- No penalty is a penalty of 0. Many clients say so, and most models know none at all.
local function read_numbers(body, config)
  for _, row in ipairs(numbers) do
    local number = body[row[1]] ~= nil and check.number(body, row[1])
    if number then
      config[row[2]] = row[3] and math.max(row[3], math.min(row[4], number)) or number
    end
  end
  for name, penalty in pairs(penalties) do
    local number = body[name] ~= nil and check.number(body, name)
    config[penalty] = number and number ~= 0 and number or nil
  end
end


local function read_limits(body, config)
  local most = check.integer(body, "max_completion_tokens", 1, no_limit)
    or check.integer(body, "max_tokens", 1, no_limit)
  config.maxOutputTokens = most and math.min(most, largest_int32)
  local seed = check.integer(body, "seed", -largest_int64, largest_int64)
  if seed then
    config.seed = math.abs(seed) <= largest_int32 and seed or seed % (largest_int32 + 1)
  end
end


-- A text or a list of them. Gemini takes five, none of them empty.
local function read_stops(body, config)
  local given = values.given(body.stop)
  if given == nil then
    return
  elseif type(given) == "string" then
    given = { given }
  elseif type(given) ~= "table" then
    check.refuse("stop", "expected a text or a list of texts", "invalid_type")
  end
  local stops = {}
  for i, stop in ipairs(given) do
    if type(stop) ~= "string" then
      check.refuse(("stop[%d]"):format(i - 1), "expected a text", "invalid_type")
    elseif stop ~= "" and #stops < most_stops then
      stops[#stops + 1] = stop
    end
  end
  config.stopSequences = #stops > 0 and stops or nil
end


local function read_logprobs_of_chat(body, config)
  if check.boolean(body, "logprobs") then
    config.responseLogprobs = true
    config.logprobs = check.integer(body, "top_logprobs", 0, 20)
  end
end


local function read_json_schema(format, config)
  local param = "response_format.json_schema"
  local given = check.table(format, "json_schema", param)
  if not given then
    check.refuse(param, "expected an object with the schema", "missing_required_parameter")
  end
  config.responseMimeType = "application/json"
  config.responseJsonSchema = schema.for_answer(check.table(given, "schema", param .. ".schema"))
end


local formats = {
  text = function() end,
  json_object = function(_, config) config.responseMimeType = "application/json" end,
  json_schema = read_json_schema,
}


local function read_format(body, config)
  local format = check.table(body, "response_format")
  if not format then
    return
  elseif not formats[format.type] then
    check.refuse("response_format.type", "expected text, json_object or json_schema")
  end
  formats[format.type](format, config)
end


-- `thinking` as some clients know it from elsewhere: {type, budget_tokens}.
local function config_of_thinking(model, given)
  if given.type == "disabled" then
    return thinking.of_effort(model, "none")
  end
  local budget = tonumber(given.budget_tokens or given.thinking_budget or given.thinkingBudget)
  local config = budget and thinking.of_budget(model, budget)
  if type(given.include_thoughts) == "boolean" then
    config = config or {}
    config.includeThoughts = given.include_thoughts
  elseif config and budget > 0 then
    config.includeThoughts = true
  end
  return config
end


local function read_effort(model, body, config)
  local effort = values.given(body.reasoning_effort) or values.given(values.table(body.reasoning).effort)
  if effort ~= nil then
    if not thinking.is_effort(effort) then
      check.refuse("reasoning_effort", "expected none, minimal, low, medium, high, xhigh or max")
    end
    config.thinkingConfig = thinking.of_effort(model, effort)
  elseif type(body.thinking) == "table" then
    config.thinkingConfig = config_of_thinking(model, body.thinking)
  end
end


-- A model that draws or speaks gives nothing unless it is asked for that very kind of answer.
local function read_modalities(model, body, config)
  local wanted = {}
  for _, modality in ipairs(check.list(body, "modalities") or {}) do
    wanted[tostring(modality):lower()] = true
  end
  if wanted.audio or family.speaks(model) then
    config.responseModalities = { "AUDIO" }
  elseif wanted.image or family.draws(model) then
    config.responseModalities = { "TEXT", "IMAGE" }
  end
end


local sound_formats = { wav = true, pcm16 = true, pcm = true }


-- The voice, and how the sound is to be written: Gemini gives 16-bit samples, and Pollux cannot compress them.
local function read_audio(body, config)
  local audio = check.table(body, "audio")
  if not audio then
    return nil
  end
  local asked = values.text(audio.voice)
  local voice = asked and voices.named(asked)
  if voice then
    config.speechConfig = { voiceConfig = { prebuiltVoiceConfig = { voiceName = voice } } }
  elseif asked then
    check.refuse("audio.voice", "expected one of " .. voices.list())
  end
  local format = values.text(audio.format) or "wav"
  if not sound_formats[format] then
    check.refuse("audio.format", "Gemini's voices can be had as wav and pcm16")
  end
  return format
end


local tiers = { flex = true, priority = true }


-- The generationConfig. Logprobs are asked for in more than one way.
function chat_request.config_of(request, body, read_logprobs)
  local model, config = request.upstream_model, {}
  read_numbers(body, config)
  read_limits(body, config)
  read_stops(body, config)
  read_logprobs(body, config)
  read_format(body, config)
  read_effort(model, body, config)
  read_modalities(model, body, config)
  return config
end


-- How many answers are wanted. Older models give several at once, the others are asked again.
local function read_count(model, body, config)
  local count = check.integer(body, "n", 1, most_answers) or 1
  if count > 1 and family.generation(model) <= 2 then
    config.candidateCount = count
  end
  return count
end


-- Completes a call of `contents` and generationConfig, and says where to send it.
function chat_request.send(request, body, call, config)
  extras.apply(body, call, config)
  call.serviceTier = call.serviceTier or tiers[body.service_tier] and body.service_tier or nil
  call.generationConfig = next(config) and config or nil
  features.apply(request, call)
  capabilities.adapt(request, call)
  local streams = body.stream == true and not request.features.fake_stream
  return {
    path = family.path(request.upstream_model, streams and "streamGenerateContent" or "generateContent"),
    query = streams and { alt = "sse" } or nil,
    body = call,
  }
end


-- What every kind of answer needs to know of its question.
function chat_request.wishes(request, body, config)
  local options = check.table(body, "stream_options")
  return {
    model = request.model or request.upstream_model,
    count = read_count(request.upstream_model, body, config),
    include_usage = options and options.include_usage == true,
    created = math.floor(time.now()),
    tier = values.text(body.service_tier),
    ids = {},  -- Of the calls that the answer brings.
  }
end


-- The call, and `wishes`: what the answer needs to know of the question.
function chat_request.translate(request, body)
  local config, call = chat_request.config_of(request, body, read_logprobs_of_chat), {}
  local wishes = chat_request.wishes(request, body, config)
  wishes.audio_format = read_audio(body, config)
  wishes.one_call = body.parallel_tool_calls == false
  wishes.tools = tools.translate(request.upstream_model, body, call, messages.have_calls(body))
  messages.translate(request, body, wishes.tools.names, call)
  local sent = chat_request.send(request, body, call, config)
  wishes.cites = tools.are_built_in(call)
  return sent, wishes
end


return chat_request
