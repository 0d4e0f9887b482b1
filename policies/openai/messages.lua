-- messages.lua: OpenAI's messages as Gemini's contents and system instruction.
local check = require "openai.check"
local conversation = require "gemini.conversation"
local markdown = require "openai.markdown"
local media = require "gemini.media"
local parts = require "openai.parts"
local signatures = require "gemini.signatures"
local values = require "gemini.values"

local messages = {}

-- Results of functions are read as JSON, the first of them first, as far as these go: a long conversation may hold
-- megabytes of them, and what was an object once shall stay one. Others are texts, whatever they hold.
local readable_result_bytes = 256 * 1024


-- Goes through the messages: request, talk = the conversation so far, names = of functions, system = texts; `message`
-- and `part` are the positions of what is being read.
local Reader = {}
Reader.__index = Reader


-- `field` within the message or the part of its content; nil for the whole of it.
function Reader:refuse(field, message, code)
  local place = ("messages[%d]"):format(self.message - 1)
  if self.part then
    place = place .. (".content[%d]"):format(self.part - 1)
  end
  check.refuse(field and place .. "." .. field or place, message, code)
end


function Reader:list(message, name)
  return check.list(message, name, ("messages[%d].%s"):format(self.message - 1, name)) or {}
end


local function read_system(reader, message)
  local text = parts.read_text(reader, message.content)
  if bytes.length(text) > 0 then
    reader.system[#reader.system + 1] = bytes.text(text)
  end
end


-- Who has a name speaks by it: Gemini knows no other place for it.
local function read_user(reader, message)
  local said = parts.read(reader, message.content)
  if #said == 0 then
    return reader.talk:user_says_nothing()
  end
  local name = values.text(message.name)
  if name and type(said[1].text) == "string" then
    said[1].text = name .. ": " .. said[1].text
  end
  for _, part in ipairs(said) do
    reader.talk:user(part)
  end
end


--
-- What the model said
--


-- The first signature in any of the places where clients bring it back.
local function signature_beside(object)
  if values.text(object.thought_signature) then
    return object.thought_signature
  end
  local extra = values.table(object.extra_content)
  return values.text(values.table(extra.google).thought_signature)
    or values.text(values.table(object.provider_specific_fields).thought_signature)
end


-- Gemini gets its pictures back as pictures; once, where they come in message.images as well.
local function say_image(reader, url)
  local image = not reader.has_images_apart and media.from_url(reader.request, url)
  if image then
    reader.talk:model_says(image)
  end
end


-- A text in which the model may have drawn. `signature` is one of the whole text.
local function say_text(reader, text, signature)
  local pieces = markdown.pieces(text)
  for _, piece in ipairs(pieces) do
    if piece.url then
      say_image(reader, piece.url)
    elseif type(piece.text) ~= "string" or piece.text:find("%S") then
      reader.talk:model_says { text = piece.text, thoughtSignature = #pieces == 1 and signature or nil }
    end
  end
end


local text_in = { text = "text", output_text = "text", refusal = "refusal" }


-- Of a list of parts those that were said: no thoughts of other makers' models.
local function say_content(reader, content, signature)
  if bytes.is_text(content) then
    return say_text(reader, content, signature)
  end
  for _, part in ipairs(values.table(content)) do
    local kind = values.table(part).type
    local text = text_in[kind] and part[text_in[kind]] or part
    if bytes.is_text(text) then
      say_text(reader, text)
    elseif kind == "image_url" then
      say_image(reader, values.table(part.image_url).url)
    end
  end
end


-- message.images, as answers bring them.
local function say_images(reader, images)
  for i, image in ipairs(images) do
    local part, why = media.from_url(reader.request, values.table(values.table(image).image_url).url)
    if not part then
      reader:refuse(("images[%d].image_url.url"):format(i - 1), why)
    end
    part.thoughtSignature = signature_beside(values.table(image))
    reader.talk:model_says(part)
  end
end


-- Arguments are JSON in a text. What is none says nothing; what is no object is an argument by itself.
local function arguments_of(given)
  if type(given) == "table" then
    return given
  end
  local arguments = type(given) == "string" and json.decode(given) or nil
  if type(arguments) == "table" and (arguments[1] == nil) then
    return json.object(next(arguments) and arguments or {})
  elseif values.given(arguments) ~= nil then
    return { arguments = given }
  end
  return json.object {}
end


local function say_call(reader, id, asked, signature, field)
  local name = values.text(asked.name)
  if not name then
    reader:refuse(field .. ".name", "a call needs the name of its function", "missing_required_parameter")
  end
  local arguments = asked.input ~= nil and { input = asked.input } or arguments_of(asked.arguments)
  reader.talk:model_calls(id, reader.names:safe(name), arguments, signature)
end


local function say_tool_call(reader, call, position, signature)
  local field = ("tool_calls[%d]"):format(position - 1)
  if type(call) ~= "table" then
    reader:refuse(field, "expected an object", "invalid_type")
  end
  local kind = type(call.custom) == "table" and "custom" or "function"
  local asked = values.table(call[kind])
  local id, hidden = signatures.split(values.text(call.id) or ("call_%d_%d"):format(reader.message, position))
  signature = signature_beside(call) or signature_beside(asked) or hidden or signature
    or signatures.recall(reader.request, id)
  say_call(reader, id, asked, signature, field .. "." .. kind)
end


local function read_assistant(reader, message)
  local images, calls = reader:list(message, "images"), reader:list(message, "tool_calls")
  local signature = signature_beside(message)
  reader.has_images_apart = #images > 0
  say_content(reader, message.content, #calls == 0 and signature or nil)
  if values.text(message.refusal) then
    reader.talk:model_says { text = message.refusal }
  end
  say_images(reader, images)
  for i, call in ipairs(calls) do
    say_tool_call(reader, call, i, i == 1 and signature or nil)
  end
  if type(message.function_call) == "table" then  -- As it was before there were tools.
    say_call(reader, "call_" .. reader.message, message.function_call, signature, "function_call")
  end
end


--
-- Results of functions
--


-- Gemini wants an object. What names a "$ref" or the like would mean something else to it than what it says.
local function response_of(reader, text)
  if type(text) == "string" and #text <= reader.readable_bytes and text:find("^%s*{")
    and not text:find('"$', 1, true) then
    reader.readable_bytes = reader.readable_bytes - #text
    local object = json.decode(text)
    if type(object) == "table" then
      return object
    end
  end
  return { result = text }
end


-- The result of a call that is not there is something that the user says.
local function add_result(reader, id, message)
  local text, others = parts.read_text(reader, message.content)
  if id and reader.talk:result(id, response_of(reader, text), others) then
    return
  end
  if bytes.length(text) > 0 then
    reader.talk:user { text = text }
  end
  for _, part in ipairs(others) do
    reader.talk:user(part)
  end
end


local function read_tool(reader, message)
  local id = values.text(message.tool_call_id)
  if not id then
    reader:refuse("tool_call_id", "a result needs the id of its call", "missing_required_parameter")
  end
  add_result(reader, (signatures.split(id)), message)
end


local function read_function(reader, message)
  local name = values.text(message.name)
  if not name then
    reader:refuse("name", "a result needs the name of its function", "missing_required_parameter")
  end
  add_result(reader, reader.talk:waiting_call_of(reader.names:safe(name)), message)
end


local by_role = {
  system = read_system, developer = read_system, user = read_user, assistant = read_assistant, model = read_assistant,
  tool = read_tool, ["function"] = read_function,
}


local function read_message(reader, message)
  if type(message) ~= "table" then
    reader:refuse(nil, "expected an object", "invalid_type")
  end
  local read = by_role[message.role]
  if not read then
    reader:refuse("role", "expected system, developer, user, assistant, tool or function")
  end
  read(reader, message)
end


-- Whether functions are called anywhere in them.
function messages.have_calls(body)
  for _, message in ipairs(values.table(body.messages)) do
    message = values.table(message)
    if type(message.tool_calls) == "table" or type(message.function_call) == "table" then
      return true
    end
  end
  return false
end


-- Fills in `call.contents` and `call.systemInstruction`. `names` are those of the functions.
function messages.translate(request, body, names, call)
  local list = check.list(body, "messages")
  if not list or #list == 0 then
    check.refuse("messages", "expected at least one message", list and "empty_array" or "missing_required_parameter")
  end
  local talk = conversation.new(request.upstream_model)
  local reader = setmetatable({
    request = request, talk = talk, names = names, system = {}, readable_bytes = readable_result_bytes,
  }, Reader)
  for i, message in ipairs(list) do
    reader.message = i
    read_message(reader, message)
  end
  local contents, system = talk:contents(), #reader.system > 0 and table.concat(reader.system, "\n\n") or nil
  if #contents == 0 then
    if not system then
      check.refuse("messages", "nothing is said in them", "empty_array")
    end
    contents, system = { { role = "user", parts = { { text = system } } } }, nil
  end
  call.contents = contents
  call.systemInstruction = system and { parts = { { text = system } } } or nil
end


return messages
