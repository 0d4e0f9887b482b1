-- transcriptions.lua: /v1/audio/transcriptions and /v1/audio/translations. Gemini hears the recording and is told to
-- write down, or to translate, what is said. When each word is said it cannot tell for certain, so what has times in it
-- (subtitles, verbose JSON) is refused.
require "default.models"  -- Its settings are read here.
local check = require "openai.check"
local family = require "gemini.family"
local features = require "features"
local forms = require "openai.forms"
local outcome = require "gemini.outcome"
local values = require "gemini.values"

local transcriptions = {}

local kinds_of_fields = { temperature = "number", stream = "boolean" }

-- How the recording is introduced, by endpoint.
local tasks = {
  transcriptions = "Write down word for word what is said in this recording. Answer with that text alone.",
  translations = "Translate what is said in this recording into English. Answer with the translation alone.",
}
local LANGUAGE = "The language that is spoken: %s."
local CONTEXT = "For the spelling of names and terms, this came before it or tells of it:\n%s"

local NO_TIMES = 'Gemini cannot tell for certain when each word is said: ask for "json" or "text"'
local NOTHING = "Gemini wrote nothing down: %s"

-- Names of types of recordings that Gemini knows by another: what browsers and OpenAI's clients send.
local other_types = {
  ["video/webm"] = "audio/webm", ["audio/mp4"] = "audio/m4a", ["audio/mpga"] = "audio/mp3", ["video/ogg"] = "audio/ogg",
  ["application/ogg"] = "audio/ogg", ["audio/x-mp3"] = "audio/mp3", ["audio/x-wav"] = "audio/wav",
}


local function read_format(fields)
  local format = check.text(fields, "response_format") or "json"
  if format ~= "json" and format ~= "text" then
    check.refuse("response_format", NO_TIMES)
  end
  return format
end


local function read_file(files)
  local file = values.table(files.file)[1]
  if not file then
    check.refuse("file", "the form holds no recording of this name", "missing_required_parameter")
  end
  local kind = forms.media_type(file)
  kind = other_types[kind] or kind
  if not kind or not (kind:find("^audio/") or kind:find("^video/")) then
    check.refuse("file", "it is no recording, by its type or its name")
  end
  return forms.inline(file, kind)
end


local function read_task(request, fields)
  local words = { tasks[request.state.openai.endpoint] }
  local language, context = check.text(fields, "language"), check.text(fields, "prompt")
  if language and language ~= "" then
    words[#words + 1] = LANGUAGE:format(bytes.text(language))
  end
  if context and context ~= "" then
    words[#words + 1] = CONTEXT:format(bytes.text(context))
  end
  return table.concat(words, "\n")
end


local function translate(request)
  local fields, files = forms.read(request, kinds_of_fields)
  local temperature = check.number(fields, "temperature")
  if fields.timestamp_granularities then
    check.refuse("timestamp_granularities", NO_TIMES)
  end
  request.state.openai.job = { format = read_format(fields), in_events = check.boolean(fields, "stream") }
  local body = {
    contents = { { role = "user", parts = { { text = read_task(request, fields) }, read_file(files) } } },
    generationConfig = temperature and { temperature = math.max(0, math.min(2, temperature)) } or nil,
  }
  features.apply(request, body)
  return { path = family.path(request.upstream_model, "generateContent"), body = body }
end


local function usage_of(answer)
  local usage = outcome.usage(answer)
  return {
    type = "tokens", input_tokens = usage.input, output_tokens = usage.output, total_tokens = usage.total,
    input_token_details = { text_tokens = usage.by_modality.TEXT or 0, audio_tokens = usage.by_modality.AUDIO or 0 },
  }
end


local function as_events(text, usage)
  local function event(of)
    return "data: " .. json.encode(of) .. "\n\n"
  end
  return {
    text = event { type = "transcript.text.delta", delta = text }
      .. event { type = "transcript.text.done", text = text, usage = usage },
    headers = { ["content-type"] = "text/event-stream" },
  }
end


local function read_model(request)
  local fields = forms.read(request, kinds_of_fields)
  return values.text(check.text(fields, "model")) or settings.TRANSCRIPTION_MODEL
end


function transcriptions.model(request)
  return check.guarded(read_model, request)
end


function transcriptions.request(request)
  return check.guarded(translate, request)
end


function transcriptions.response(request, response)
  local job, answer = request.state.openai.job, response.body
  local text = outcome.text(answer):match("^%s*(.-)%s*$")
  local reason, is_blocked = outcome.reason(answer)
  if text == "" and is_blocked then
    return deny(400, NOTHING:format(reason), { code = "content_filter" })
  elseif job.in_events then
    return as_events(text, usage_of(answer))
  elseif job.format == "text" then
    return { text = text .. "\n", headers = { ["content-type"] = "text/plain; charset=utf-8" } }
  end
  return { body = { text = text, usage = usage_of(answer) } }
end


return transcriptions
