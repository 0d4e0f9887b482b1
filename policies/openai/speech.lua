-- speech.lua: /v1/audio/speech, by a model of Gemini's that speaks.
--
-- Gemini gives bare samples, so "wav" and "pcm" are what can be had; who names no format gets WAV, as the content type
-- says, where OpenAI would send MP3. Other formats want an encoder and are refused. Instructions come before the text,
-- and so does a speed, for which Gemini knows no number.
require "default.models"  -- Its settings are read here.
local check = require "openai.check"
local family = require "gemini.family"
local outcome = require "gemini.outcome"
local values = require "gemini.values"
local voices = require "openai.voices"
local wav = require "openai.wav"

local speech = {}

local content_types = { wav = "audio/wav", pcm = "audio/pcm" }
local slowest, fastest = 0.25, 4

local NO_ENCODER = 'Gemini\'s voices come as bare samples: ask for "wav" or "pcm"'
local NO_SOUND = "Gemini said nothing: %s"


local function read_voice(body)
  local asked = values.given(body.voice)
  if asked == nil then
    return voices.usual
  end
  local voice = type(asked) == "string" and voices.named(asked)
  if not voice then
    check.refuse("voice", "expected one of " .. voices.list())
  end
  return voice
end


local function read_format(body)
  local format = check.text(body, "response_format") or "wav"
  if not content_types[format] then
    check.refuse("response_format", NO_ENCODER)
  end
  return format
end


local function read_stream_format(body)
  local format = check.text(body, "stream_format") or "audio"
  if format ~= "audio" and format ~= "sse" then
    check.refuse("stream_format", 'expected "audio" or "sse"')
  end
  return format
end


local function pace_of(body)
  local speed = check.number(body, "speed") or 1
  if not (speed >= slowest and speed <= fastest) then
    check.refuse("speed", ("expected a number from %g to %g"):format(slowest, fastest))
  end
  return speed ~= 1 and ("Speak at %g times the usual pace"):format(speed) or nil
end


-- How it is to be said, what is to be said: "Say cheerfully:\nGood morning!"
local function read_text(body)
  local text = check.text(body, "input")
  if not text or bytes.length(text) == 0 then
    check.refuse("input", "there is nothing to say", "missing_required_parameter")
  end
  local instructions = bytes.text(check.text(body, "instructions") or "")
  local manner = { values.text(instructions:match("^%s*(.-)[%s%.:]*$")) }
  manner[#manner + 1] = pace_of(body)
  return #manner > 0 and table.concat(manner, ". ") .. ":\n" .. bytes.text(text) or text
end


local function translate(request)
  local body = check.body(request)
  request.state.openai.job = { format = read_format(body), in_events = read_stream_format(body) == "sse" }
  return {
    path = family.path(request.upstream_model, "generateContent"),
    body = {
      contents = { { role = "user", parts = { { text = read_text(body) } } } },
      generationConfig = {
        responseModalities = { "AUDIO" },
        speechConfig = { voiceConfig = { prebuiltVoiceConfig = { voiceName = read_voice(body) } } },
      },
    },
  }
end


-- The pieces of the file.
local function read_sounds(sounds, format)
  local pieces, size = {}, 0
  for _, sound in ipairs(sounds) do
    local samples = bytes.from_base64(sound.data)
    pieces[#pieces + 1] = samples
    size = size + bytes.length(samples)
  end
  local rate = format == "wav" and wav.rate_of(sounds[1].type)
  if rate then
    table.insert(pieces, 1, wav.head(size, rate))
  end
  return pieces
end


local function as_events(pieces, usage)
  local events = {}
  for _, piece in ipairs(pieces) do
    events[#events + 1] = 'data: {"type":"speech.audio.delta","audio":"'
    events[#events + 1] = bytes.to_base64(piece)
    events[#events + 1] = '"}\n\n'
  end
  events[#events + 1] = "data: " .. json.encode {
    type = "speech.audio.done",
    usage = { input_tokens = usage.input, output_tokens = usage.output, total_tokens = usage.total },
  } .. "\n\n"
  return { text = events, headers = { ["content-type"] = "text/event-stream" } }
end


local function read_model(request)
  return values.text(check.text(check.body(request), "model")) or settings.SPEECH_MODEL
end


function speech.model(request)
  return check.guarded(read_model, request)
end


function speech.request(request)
  return check.guarded(translate, request)
end


function speech.response(request, response)
  local job = request.state.openai.job
  local sounds = outcome.files(response.body, "audio/")
  if #sounds == 0 then
    local reason, is_blocked = outcome.reason(response.body)
    return deny(400, NO_SOUND:format(reason), { code = is_blocked and "moderation_blocked" or "no_audio" })
  end
  local pieces = read_sounds(sounds, job.format)
  if job.in_events then
    return as_events(pieces, outcome.usage(response.body))
  end
  return { text = pieces, headers = { ["content-type"] = content_types[job.format] } }
end


return speech
