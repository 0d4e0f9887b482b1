-- answer_parts.lua: the parts of Gemini's answers, in OpenAI's words.
require "default.media"  -- Its settings are read here.
local markdown = require "openai.markdown"
local signatures = require "gemini.signatures"
local values = require "gemini.values"
local voice = require "openai.voice"

local answer_parts = {}


local function new_id(wishes)
  local id = "call_" .. crypto.uuid():gsub("%-", ""):sub(1, 24)
  return wishes.ids[id] and new_id(wishes) or id
end


-- Google's id of the call, if it has one that no other call of the answer has.
local function id_of(wishes, call)
  local id = values.text(call.id)
  if not id or wishes.ids[id] then
    id = new_id(wishes)
  end
  wishes.ids[id] = true
  return id
end


local function signed(object, signature)
  if bytes.is_text(signature) then
    object.extra_content = { google = { thought_signature = bytes.text(signature) } }
  end
  return object
end


local function text_of_arguments(arguments)
  return type(arguments) == "table" and json.encode(arguments) or "{}"
end


-- A call of a function: for tool_calls, or as it was before there were tools.
local function call_of(request, wishes, part)
  local call = values.table(part.functionCall)
  local name = wishes.tools.names:original(values.text(call.name) or "")
  if wishes.tools.is_legacy then
    return { name = name, arguments = text_of_arguments(call.args) }
  end
  local id = id_of(wishes, call)
  if part.thoughtSignature then
    signatures.remember(request, id, part.thoughtSignature)
  end
  if wishes.tools.custom[name] then
    local input = values.table(call.args).input
    return signed({
      id = id, type = "custom", custom = { name = name, input = values.text(input) or text_of_arguments(call.args) },
    }, part.thoughtSignature)
  end
  return signed({
    id = id, type = "function", ["function"] = { name = name, arguments = text_of_arguments(call.args) },
  }, part.thoughtSignature)
end


local function fenced(language, text)
  return { "\n```" .. language .. "\n", text, text:sub(-1) == "\n" and "```\n" or "\n```\n" }
end


local function code_of(part)
  local code = values.table(part.executableCode)
  local language = values.text(code.language) or ""
  return values.text(code.code) and fenced(language == "LANGUAGE_UNSPECIFIED" and "" or language:lower(), code.code)
end


local function output_of(part)
  local output = values.text(values.table(part.codeExecutionResult).output)
  return output and fenced("", output)
end


-- A picture as an entry of message.images, and its pieces in the text: either where it is wanted.
local function image_of(part)
  local kind, data = values.text(part.inlineData.mimeType) or "image/png", part.inlineData.data
  local where = settings.IMAGES_IN_ANSWERS
  return {
    image = where ~= "markdown" and signed({ kind = kind, data = data }, part.thoughtSignature) or nil,
    content = where ~= "parts" and markdown.image(kind, data) or nil,
  }
end


local function data_of(request, wishes, part)
  local inline = values.table(part.inlineData)
  if not bytes.is_text(inline.data) then
    return nil
  elseif tostring(inline.mimeType):find("^audio/") then
    return { audio = voice.written(inline, not request.streaming and wishes.audio_format) }
  end
  return image_of(part)
end


-- What a part says: a table with any of `content` (a list of pieces), `reasoning` (a text), `call`, `image` ({kind,
-- data, extra_content}), `audio` (a list of pieces). Nil for what OpenAI has no words for.
function answer_parts.read(request, wishes, part)
  if bytes.is_text(part.text) then
    return part.thought == true and { reasoning = part.text } or { content = { part.text } }
  elseif part.thought == true then
    return nil  -- Drafts of pictures.
  elseif type(part.functionCall) == "table" then
    return { call = call_of(request, wishes, part) }
  elseif type(part.inlineData) == "table" then
    return data_of(request, wishes, part)
  end
  local text = code_of(part) or output_of(part)
  return text and { content = text } or nil
end


-- The entry of message.images, with the address joined by `pieces`.
function answer_parts.image_entry(image, pieces)
  return {
    type = "image_url", extra_content = image.extra_content,
    image_url = { url = pieces:join { "data:" .. image.kind .. ";base64,", image.data } },
  }
end


local function logprob_of(candidate)
  local token = type(candidate.token) == "string" and candidate.token or ""
  return { token = token, logprob = values.count(candidate.logProbability), bytes = json.array { token:byte(1, -1) } }
end


-- OpenAI's logprobs of a candidate, or nil.
function answer_parts.logprobs(candidate)
  local result = values.table(candidate.logprobsResult)
  local chosen = values.table(result.chosenCandidates)
  if #chosen == 0 then
    return nil
  end
  local content = {}
  for i, token in ipairs(chosen) do
    local entry = logprob_of(values.table(token))
    entry.top_logprobs = json.array {}
    local top = values.table(values.table(values.table(result.topCandidates)[i]).candidates)
    for k, other in ipairs(top) do
      entry.top_logprobs[k] = logprob_of(values.table(other))
    end
    content[i] = entry
  end
  return { content = content, refusal = json.null }
end


return answer_parts
