-- chat_answer.lua: Gemini's answers in one piece as a chat completion.
local answer_parts = require "openai.answer_parts"
local citations = require "openai.citations"
local finish = require "openai.finish"
local pieces = require "openai.pieces"
local usage = require "openai.usage"
local values = require "gemini.values"

local chat_answer = {}


-- The stretches of text in a content that is put together of `pieces`, for citations. `parts` are the positions of the
-- parts that they come from.
local function places_of(pieces_said, parts)
  local places, length = {}, 0
  for i, piece in ipairs(pieces_said) do
    if type(piece) == "string" then
      places[#places + 1] = { part = parts[i], text = piece, before = length }
      length = length + citations.characters(piece)
    else
      length = length + bytes.length(piece)
    end
  end
  return places
end


-- What a candidate says, in the order of its parts: content, reasoning and audio as lists of pieces, calls, images; and
-- the sources of it.
local function collect(request, wishes, candidate)
  local said, parts = { content = {}, reasoning = {}, calls = {}, images = {} }, {}
  for i, part in ipairs(values.table(values.table(candidate.content).parts)) do
    local read = type(part) == "table" and answer_parts.read(request, wishes, part) or {}
    said.reasoning[#said.reasoning + 1] = read.reasoning
    said.calls[#said.calls + 1] = read.call
    said.images[#said.images + 1] = read.image
    said.audio = said.audio or read.audio
    for _, piece in ipairs(read.content or {}) do
      said.content[#said.content + 1] = piece
      parts[#said.content] = i - 1
    end
  end
  if type(candidate.groundingMetadata) == "table" then
    said.annotations = citations.of(candidate.groundingMetadata, places_of(said.content, parts))
  end
  return said
end


-- The signature of a text that is all that was said: only then the client can bring it back with just that text.
local function signature_of_text(candidate, said)
  local found
  if #said.content == 1 and #said.calls == 0 and #said.images == 0 then
    for _, part in ipairs(candidate.content.parts) do
      if type(part) == "table" and part.text == said.content[1] and part.thought ~= true then
        found = values.text(part.thoughtSignature)
      end
    end
  end
  return found and { google = { thought_signature = found } } or nil
end


local function add_calls(wishes, message, calls)
  if #calls == 0 then
    return nil
  elseif wishes.tools.is_legacy then
    message.function_call = calls[1]
    return "function_call"
  end
  message.tool_calls = wishes.one_call and { calls[1] } or calls
  return "tool_calls"
end


local function sound_of(wishes, audio)
  return {
    id = "audio_" .. crypto.uuid(), data = wishes.pieces:join(audio), transcript = "",
    expires_at = wishes.created + 3600,
  }
end


local function is_anything_said(said)
  return #said.content + #said.calls + #said.images > 0 or said.audio ~= nil
end


-- The choice without its index; and whether it is worth another try.
local function choice_of(request, wishes, candidate)
  local said, reason = collect(request, wishes, candidate), finish.reason(candidate)
  local message = { role = "assistant", refusal = json.null, annotations = said.annotations or json.array {} }
  local calls = add_calls(wishes, message, said.calls)
  local has_text, named = #said.content > 0, finish.named(reason, calls)
  message.content = (has_text or not (calls or said.audio)) and wishes.pieces:join(said.content) or json.null
  message.reasoning_content = #said.reasoning > 0 and wishes.pieces:join(said.reasoning) or nil
  message.audio = said.audio and sound_of(wishes, said.audio)
  for i, image in ipairs(said.images) do
    said.images[i] = answer_parts.image_entry(image, wishes.pieces)
  end
  message.images = #said.images > 0 and said.images or nil
  message.extra_content = signature_of_text(candidate, said)
  if named == "content_filter" and not is_anything_said(said) then
    message.refusal = finish.refusal(reason, candidate.finishMessage)
  end
  local choice = {
    message = message, finish_reason = named, logprobs = answer_parts.logprobs(candidate) or json.null,
  }
  return choice, not is_anything_said(said) and finish.is_failure(reason)
end


local function blocked_choice(reason)
  return {
    finish_reason = "content_filter", logprobs = json.null,
    message = {
      role = "assistant", content = "", refusal = finish.refusal_of_prompt(reason), annotations = json.array {},
    },
  }
end


-- The choices of one answer of Gemini's; and whether all of it is worth another try.
function chat_answer.choices(request, wishes, answer)
  wishes.pieces = wishes.pieces or pieces.new()
  local list, is_failure = {}, true
  for _, candidate in ipairs(values.table(answer.candidates)) do
    if type(candidate) == "table" then
      local choice, failed = choice_of(request, wishes, candidate)
      list[#list + 1], is_failure = choice, is_failure and failed
    end
  end
  if #list == 0 then
    local reason = finish.of_prompt(answer)
    list[1], is_failure = reason and blocked_choice(reason) or choice_of(request, wishes, {}), reason == nil
  end
  return list, is_failure
end


-- Adds Gemini's answer to those that there are; true, if one more is wanted.
function chat_answer.wants_more(request, wishes, answer)
  local choices, is_failure = chat_answer.choices(request, wishes, answer)
  if is_failure and not wishes.has_tried_again then
    wishes.has_tried_again = true
    return true
  end
  wishes.usage = usage.add(wishes.usage, answer.usageMetadata)
  wishes.choices = wishes.choices or {}
  for _, choice in ipairs(choices) do
    if #wishes.choices < wishes.count then
      choice.index = #wishes.choices
      wishes.choices[#wishes.choices + 1] = choice
    end
  end
  return #wishes.choices < wishes.count
end


-- "default" and the like, where the client has asked for a tier.
local function tier_of(wishes, metadata)
  local tier = wishes.tier and values.text(values.table(metadata).serviceTier)
  return tier and (tier:lower() == "standard" and "default" or tier:lower()) or nil
end


-- The response with these choices, of the kind that `object` is.
function chat_answer.written(wishes, answer, object, id, choices)
  local tier = tier_of(wishes, answer.usageMetadata)
  local head = ('{"id":%s,"object":"%s","created":%d,"model":%s,"system_fingerprint":%s,%s"choices":'):format(
    json.encode(id .. (values.text(answer.responseId) or crypto.uuid())), object, wishes.created,
    json.encode(wishes.model), json.encode(values.text(answer.modelVersion)),
    tier and '"service_tier":' .. json.encode(tier) .. "," or "")
  local tail = ',"usage":' .. usage.encode(wishes.usage) .. "}"
  local text = wishes.pieces:encode(choices)
  if type(text) == "string" then
    return { text = head .. text .. tail }
  end
  text[1], text[#text] = head .. text[1], text[#text] .. tail
  return { text = text }
end


function chat_answer.response(request, wishes, answer)
  if chat_answer.wants_more(request, wishes, answer) then
    return again()
  end
  return chat_answer.written(wishes, answer, "chat.completion", "chatcmpl-", wishes.choices)
end


return chat_answer
