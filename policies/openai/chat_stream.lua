-- chat_stream.lua: what stands in the chunks of a chat completion's stream.
local answer_parts = require "openai.answer_parts"
local citations = require "openai.citations"
local stream = require "openai.stream"

local chat_stream = {}


local function delta(self, fields)
  local encoded = self.pieces:encode(fields)
  if type(encoded) == "string" then
    return '"delta":' .. encoded
  end
  table.insert(encoded, 1, '"delta":')
  return encoded
end


local function note_text(choice, content)
  if choice.texts then
    for _, piece in ipairs(content) do
      choice.texts[#choice.texts + 1] = type(piece) == "string" and piece or (" "):rep(bytes.length(piece))
    end
  end
end


local function delta_of_call(self, choice, call)
  if self.wishes.tools.is_legacy then
    choice.called = "function_call"
    return choice.calls == 0 and delta(self, { function_call = call }) or nil
  elseif self.wishes.one_call and choice.calls > 0 then
    return nil
  end
  choice.called = "tool_calls"
  call.index = choice.calls
  return delta(self, { tool_calls = { call } })
end


-- The deltas of a part, in the order in which a client should see them.
local function read(self, choice, part)
  local said, out = answer_parts.read(self.request, self.wishes, part), {}
  if not said then
    return out
  end
  if said.reasoning and said.reasoning ~= "" then
    out[#out + 1] = delta(self, { reasoning_content = said.reasoning })
  end
  if said.content and said.content[1] ~= "" then
    note_text(choice, said.content)
    out[#out + 1] = delta(self, { content = self.pieces:join(said.content) })
  end
  if said.image then
    out[#out + 1] = delta(self, { images = { answer_parts.image_entry(said.image, self.pieces) } })
  end
  if said.audio then
    choice.sound_id = choice.sound_id or "audio_" .. crypto.uuid()
    out[#out + 1] = delta(self, { audio = { id = choice.sound_id, data = self.pieces:join(said.audio) } })
  end
  if said.call then
    out[#out + 1] = delta_of_call(self, choice, said.call)
    choice.calls = choice.calls + 1
  end
  return out
end


local function closes(self, choice)
  local out = {}
  if choice.refusal then
    out[1] = delta(self, { refusal = choice.refusal })
  end
  local places = { { text = table.concat(choice.texts or {}), before = 0 } }
  local annotations = choice.grounding and citations.of(choice.grounding, places)
  if annotations then
    out[#out + 1] = delta(self, { annotations = annotations })
  end
  return out
end


-- The role stands beside the first words. What has none at all keeps an empty text.
local function begun(inner)
  local fields = inner:match('^"delta":{(.+)$')
  return fields and fields ~= "}" and '"delta":{"role":"assistant",' .. fields or nil
end


local shape = {
  object = "chat.completion.chunk",
  id = "chatcmpl-",
  text = { '"delta":{"content":', "}" },
  begins = function() return '"delta":{"role":"assistant","content":""}' end,
  begun = begun,
  ends = '"delta":{}',
  read = read,
  closes = closes,
}


function chat_stream.event(request, wishes, event)
  local text, wants_more = stream.event(request, wishes, shape, event)
  return wants_more and again() or text
end


return chat_stream
