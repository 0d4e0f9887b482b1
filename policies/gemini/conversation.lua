-- conversation.lua: puts Gemini's contents together and keeps their rules: one content for each change of speaker; all
-- results of one model turn in the very next content, as many as there were calls, in their order.
local family = require "gemini.family"
local signatures = require "gemini.signatures"

local conversation = {}

local Conversation = {}
Conversation.__index = Conversation

local no_result = "(no result)"


function conversation.new(model)
  return setmetatable({
    model = model,
    written = {},     -- The contents.
    unanswered = {},  -- Results to come for the calls of the last content.
    open = {},        -- By the call's id: its result to come, {response, parts = of the content where it stands}.
    asked = {},       -- All of those, in order.
  }, Conversation)
end


local function parts_of(self, role)
  local last = self.written[#self.written]
  if not last or last.role ~= role then
    last = { role = role, parts = {} }
    self.written[#self.written + 1] = last
  end
  return last.parts
end


local function add(parts, part)
  parts[#parts + 1] = part
end


-- The content with the results follows the calls at once; what has no result yet says so until it comes.
local function answer_calls(self)
  if #self.unanswered == 0 then
    return
  end
  local parts = parts_of(self, "user")
  for _, result in ipairs(self.unanswered) do
    result.parts = parts
    add(parts, { functionResponse = result.response })
  end
  self.unanswered = {}
end


function Conversation:user(part)
  answer_calls(self)
  add(parts_of(self, "user"), part)
end


-- Gemini takes no content without parts: a turn in which nothing is said is a blank.
function Conversation:user_says_nothing()
  self:user { text = " " }
end


function Conversation:model_says(part)
  answer_calls(self)
  add(parts_of(self, "model"), part)
end


function Conversation:model_calls(id, name, arguments, signature)
  if #self.written == 0 then
    self:user_says_nothing()  -- A call must not come first.
  end
  add(parts_of(self, "model"), {
    functionCall = { id = id, name = name, args = arguments }, thoughtSignature = signature,
  })
  local result = { response = { id = id, name = name, response = { result = no_result } } }
  add(self.unanswered, result)
  add(self.asked, result)
  self.open[id] = result
end


-- The id of the oldest call of this function that waits for its result, or nil.
function Conversation:waiting_call_of(name)
  for _, result in ipairs(self.asked) do
    local id = result.response.id
    if result.response.name == name and self.open[id] == result then
      return id
    end
  end
end


-- False, if no call with this id waits for a result. `response` is an object; `media` are parts that belong to it,
-- which older models want beside the results.
function Conversation:result(id, response, media)
  local result = self.open[id]
  if not result then
    return false
  end
  self.open[id] = nil
  answer_calls(self)
  result.response.response = response
  if family.generation(self.model) >= 3 then
    result.response.parts = media[1] and media or nil
  else
    for _, part in ipairs(media) do
      add(result.parts, part)
    end
  end
  return true
end


-- The contents, complete: nothing can be added any more.
function Conversation:contents()
  answer_calls(self)
  signatures.complete(self.written, self.model)
  return self.written
end


return conversation
