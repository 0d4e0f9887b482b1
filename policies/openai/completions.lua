-- completions.lua: POST /v1/completions, where a text is to be continued. Each prompt is a question of its own.
local answer_parts = require "openai.answer_parts"
local chat_answer = require "openai.chat_answer"
local chat_request = require "openai.chat_request"
local check = require "openai.check"
local errors = require "openai.errors"
local stream = require "openai.stream"
local tools = require "openai.tools"
local values = require "gemini.values"

local completions = {}

local most_answers = 128


local function wishes_of(request)
  return request.state.openai.completions
end


-- The prompts as a list of texts. Tokens are another model's: Gemini cannot read them.
local function prompts_of(body)
  local given = values.given(body.prompt)
  local list = type(given) == "table" and given or { given }
  for i, prompt in ipairs(list) do
    local param = type(given) == "table" and ("prompt[%d]"):format(i - 1) or "prompt"
    if type(prompt) == "number" or type(prompt) == "table" then
      check.refuse(param, "Gemini cannot read tokens, expected a text", "invalid_type")
    elseif type(prompt) ~= "string" or prompt == "" then
      check.refuse(param, "expected a text that is not empty", "invalid_type")
    end
  end
  if #list == 0 then
    check.refuse("prompt", "expected a text", "missing_required_parameter")
  end
  return list
end


local function contents_of(prompt)
  return { { role = "user", parts = { { text = prompt } } } }
end


-- A number here; chats have a boolean and top_logprobs.
local function read_logprobs(body, config)
  local logprobs = check.integer(body, "logprobs", 0, 5)
  if logprobs then
    config.responseLogprobs, config.logprobs = true, logprobs
  end
end


local function translate(request, body)
  if values.text(body.suffix) then
    check.refuse("suffix", "Gemini continues texts, it does not fill gaps in them", "unsupported_parameter")
  end
  local prompts = prompts_of(body)
  local config = chat_request.config_of(request, body, read_logprobs)
  local wishes = chat_request.wishes(request, body, config)
  wishes.prompts, wishes.each = prompts, wishes.count
  wishes.count = #prompts * wishes.each
  if wishes.count > most_answers then
    check.refuse("prompt", "prompts and n together ask for more than " .. most_answers .. " answers")
  end
  wishes.tools = tools.none()
  wishes.echo = check.boolean(body, "echo")
  request.state.openai = request.state.openai or {}
  request.state.openai.completions = wishes
  return chat_request.send(request, body, { contents = contents_of(prompts[1]) }, config)
end


function completions.request(request)
  return check.guarded(function()
    return translate(request, check.body(request))
  end)
end


-- Another answer to the prompt whose turn it is.
local function ask_on(request, wishes, answered)
  local prompt = wishes.prompts[math.floor(answered / wishes.each) + 1]
  local body = request.body
  if body.contents[1].parts[1].text == prompt then
    return again()
  end
  body.contents = contents_of(prompt)
  return again(body)
end


local function prompt_of(wishes, index)
  return wishes.echo and wishes.prompts[math.floor(index / wishes.each) + 1] or ""
end


local function logprobs_of(logprobs)
  if type(logprobs) ~= "table" then
    return json.null
  end
  local out = { tokens = {}, token_logprobs = {}, top_logprobs = {}, text_offset = {} }
  local offset = 0
  for i, token in ipairs(logprobs.content) do
    local top = json.object {}
    for _, other in ipairs(token.top_logprobs) do
      top[other.token] = other.logprob
    end
    out.tokens[i], out.token_logprobs[i], out.top_logprobs[i] = token.token, token.logprob, top
    out.text_offset[i] = offset
    offset = offset + #token.token
  end
  return out
end


local function choice_of(wishes, choice)
  local text = choice.message.content
  return {
    index = choice.index, finish_reason = choice.finish_reason, logprobs = logprobs_of(choice.logprobs),
    text = prompt_of(wishes, choice.index) .. (type(text) == "string" and text or ""),
  }
end


function completions.response(request, response)
  local wishes, answer = wishes_of(request), values.table(response.body)
  if chat_answer.wants_more(request, wishes, answer) then
    return ask_on(request, wishes, #(wishes.choices or {}))
  end
  local choices = {}
  for i, choice in ipairs(wishes.choices) do
    choices[i] = choice_of(wishes, choice)
  end
  return chat_answer.written(wishes, answer, "text_completion", "cmpl-", choices)
end


local function read(self, _, part)
  local said = answer_parts.read(self.request, self.wishes, part)
  if said and said.content and type(said.content[1]) == "string" and said.content[1] ~= "" then
    return { '"text":' .. json.encode(table.concat(said.content)) }
  end
  return {}
end


local shape = {
  object = "text_completion", id = "cmpl-", text = { '"text":', "" }, ends = '"text":""',
  begins = function(self, choice)
    local prompt = prompt_of(self.wishes, choice.index)
    return prompt ~= "" and '"text":' .. json.encode(prompt) or nil
  end,
  read = read, closes = function() return {} end,
}


function completions.event(request, event)
  local wishes = wishes_of(request)
  local text, wants_more = stream.event(request, wishes, shape, event)
  return wants_more and ask_on(request, wishes, stream.answered(wishes)) or text
end


function completions.error(request, problem)
  if problem.in_stream then
    return stream.left(wishes_of(request)) .. errors.event(problem)
  end
  return errors.of_google(request, problem)
end


return completions
