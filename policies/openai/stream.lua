-- stream.lua: Gemini's streams as OpenAI's chunks. What differs between chats and completions is a *shape*:
--   object, id       the chunk's kind, and the beginning of its id
--   text             what stands in a choice before and after the JSON of a text
--   begins(stream, choice)       what stands in a choice's first chunk; nil: there is none
--   begun(inner)     the same within a further chunk, which then is the first; nil: it cannot stand there
--   read(stream, choice, part)   what stands in further chunks for a part: a list of JSON texts
--   closes(stream, choice)       the same for what is known at the end of a choice
--   ends             what stands in its last chunk
local answer_parts = require "openai.answer_parts"
local finish = require "openai.finish"
local pieces = require "openai.pieces"
local usage = require "openai.usage"
local values = require "gemini.values"

local stream = {}

local encode = json.encode


-- A stream begins with its first event, which knows its name.
local function begin(request, wishes, shape, event)
  local id = shape.id .. (values.text(event.responseId) or crypto.uuid())
  return {
    request = request, wishes = wishes, shape = shape,
    head = ('data: {"id":%s,"object":"%s","created":%d,"model":%s,"choices":['):format(
      encode(id), shape.object, wishes.created, encode(wishes.model)),
    tail = wishes.include_usage and '],"usage":null}\n\n' or "]}\n\n",
    base = 0,      -- The index of this round's first choice.
    round = {},    -- Its choices, by position.
    pending = "",  -- What the round before has left to say.
    pieces = pieces.new(),
  }
end


local function chunk(self, choice, inner, logprobs, reason)
  return self.head .. '{"index":' .. choice.index .. "," .. inner .. ',"logprobs":' .. (logprobs or "null")
    .. ',"finish_reason":' .. (reason and '"' .. reason .. '"' or "null") .. "}" .. self.tail
end


-- The text of an event that holds nothing but a text of the one choice, as nearly all do; nil for the others.
local function plain_text(event)
  local candidates = event.candidates
  local candidate = type(candidates) == "table" and candidates[2] == nil and candidates[1]
  if type(candidate) ~= "table" or candidate.finishReason or candidate.groundingMetadata or candidate.logprobsResult
    or candidate.index and candidate.index ~= 0 then
    return nil
  end
  local content = candidate.content
  local parts = type(content) == "table" and content.parts
  local part = type(parts) == "table" and parts[2] == nil and parts[1]
  if type(part) ~= "table" or part.thought then
    return nil
  end
  local text = part.text
  return type(text) == "string" and text ~= "" and text or nil
end


local function choice_at(self, position)
  local choice = self.round[position]
  if not choice then
    choice = { index = self.base + position, calls = 0, texts = self.wishes.cites and {} or nil }
    self.round[position] = choice
  end
  return choice
end


-- What the choice says, with what it begins with if this is the first.
local function opened(self, choice, inner, out)
  if choice.is_open then
    return inner
  end
  choice.is_open = true
  if choice.index == self.base then
    local before, after = self.shape.text[1], self.shape.text[2]
    self.plain_head = self.head .. '{"index":' .. choice.index .. "," .. before
    self.plain_tail = after .. ',"logprobs":null,"finish_reason":null}' .. self.tail
  end
  local begun = type(inner) == "string" and self.shape.begun and self.shape.begun(inner)
  if begun then
    return begun
  end
  local first = self.shape.begins(self, choice)
  out[#out + 1] = first and chunk(self, choice, first)
  return inner
end


-- A chunk around what is a text, or a list of texts and blobs.
local function add_chunk(self, choice, inner, out, logprobs, reason)
  inner = opened(self, choice, inner, out)
  choice.has_said = true
  if type(inner) == "string" then
    out[#out + 1] = chunk(self, choice, inner, logprobs, reason)
    return
  end
  local mark = "\1"
  local before, after = chunk(self, choice, mark, logprobs):match("^(.-)" .. mark .. "(.*)$")
  out[#out + 1] = before
  for _, piece in ipairs(inner) do
    out[#out + 1] = piece
  end
  out[#out + 1] = after
end


-- What was kept of the choice's last words, which the reason for its end may join.
local function say_last(self, choice, out, reason)
  local last = choice.last
  if last then
    choice.last = nil
    add_chunk(self, choice, last.inner, out, last.logprobs, reason)
  end
  return last ~= nil
end


local function read_candidate(self, candidate, out)
  local position = values.count(candidate.index)
  local choice = choice_at(self, position)
  local logprobs = answer_parts.logprobs(candidate)
  logprobs = logprobs and encode(logprobs)
  for _, part in ipairs(values.table(values.table(candidate.content).parts)) do
    for _, inner in ipairs(type(part) == "table" and self.shape.read(self, choice, part) or {}) do
      say_last(self, choice, out)
      choice.has_said = true
      choice.last = { inner = inner, logprobs = logprobs }
      logprobs = nil
    end
  end
  choice.reason = finish.reason(candidate) or choice.reason
  if not choice.reason or choice.last and type(choice.last.inner) ~= "string" then
    say_last(self, choice, out)
  elseif choice.last then
    self.plain_head = nil  -- What may still come comes after it.
  end
  choice.finish_message = candidate.finishMessage or choice.finish_message
  if values.table(values.table(candidate.groundingMetadata).groundingChunks)[1] then
    choice.grounding = candidate.groundingMetadata
  end
end


local function read_event(self, event)
  local out = { self.pending ~= "" and self.pending or nil }
  self.pending = ""
  for _, candidate in ipairs(values.table(event.candidates)) do
    if type(candidate) == "table" then
      read_candidate(self, candidate, out)
    end
  end
  self.usage = event.usageMetadata or self.usage
  self.blocked = finish.of_prompt(event) or self.blocked
  return #out > 0 and out or nil
end


-- The last chunks of a choice.
local function close(self, choice, out)
  local filtered = finish.named(choice.reason, nil) == "content_filter" or self.blocked
  if filtered and not choice.has_said then
    choice.refusal = self.blocked and finish.refusal_of_prompt(self.blocked)
      or finish.refusal(choice.reason, choice.finish_message)
  end
  local reason = self.blocked and not choice.has_said and "content_filter" or finish.named(choice.reason, choice.called)
  local more = self.shape.closes(self, choice)
  if say_last(self, choice, out, #more == 0 and reason or nil) and #more == 0 then
    return
  end
  for _, inner in ipairs(more) do
    add_chunk(self, choice, inner, out)
  end
  add_chunk(self, choice, self.shape.ends, out, nil, reason)
end


local function is_worth_another_try(self)
  if self.wishes.has_tried_again or self.blocked then
    return false
  end
  for _, choice in pairs(self.round) do
    if choice.has_said or not finish.is_failure(choice.reason) then
      return false
    end
  end
  return true
end


-- The round is over: true, if another one begins. Its last chunks are in `pending`.
local function end_round(self)
  if is_worth_another_try(self) then
    self.wishes.has_tried_again, self.round = true, {}
    return true
  end
  local out = { self.pending }
  choice_at(self, 0)
  local count = 0
  while self.round[count] do
    close(self, self.round[count], out)
    count = count + 1
  end
  self.wishes.usage = usage.add(self.wishes.usage, self.usage)
  self.pending = table.concat(out)
  self.base, self.round, self.usage, self.blocked, self.plain_head = self.base + count, {}, nil, nil, nil
  return self.base < self.wishes.count
end


local function closing(self)
  local out = { self.pending }
  if self.wishes.include_usage then
    out[#out + 1] = self.head .. '],"usage":' .. usage.encode(self.wishes.usage) .. "}\n\n"
  end
  out[#out + 1] = "data: [DONE]\n\n"
  return table.concat(out)
end


-- The bytes for an event; for nil, which ends a stream, the closing ones, or nil and true: another round is wanted.
function stream.event(request, wishes, shape, event)
  local self = wishes.stream
  if event == nil then
    self = self or begin(request, wishes, shape, {})
    wishes.stream = self
    if end_round(self) then
      return nil, true
    end
    return closing(self)
  end
  event = values.table(event)
  if self and self.plain_head then
    local text = plain_text(event)
    if text then
      self.usage = event.usageMetadata or self.usage
      local texts = self.round[0].texts
      if texts then
        texts[#texts + 1] = text
      end
      return self.plain_head .. encode(text) .. self.plain_tail
    end
  end
  if not self then
    self = begin(request, wishes, shape, event)
    wishes.stream = self
  end
  return read_event(self, event)
end


-- How many choices are complete.
function stream.answered(wishes)
  return wishes.stream.base
end


-- What was still to be said when a stream broke.
function stream.left(wishes)
  local self = wishes.stream
  if not self then
    return ""
  end
  local out = { self.pending }
  for _, choice in pairs(self.round) do
    say_last(self, choice, out)
  end
  return table.concat(out)
end


return stream
