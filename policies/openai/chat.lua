-- chat.lua: POST /v1/chat/completions.
local chat_answer = require "openai.chat_answer"
local chat_request = require "openai.chat_request"
local chat_stream = require "openai.chat_stream"
local check = require "openai.check"
local errors = require "openai.errors"
local stream = require "openai.stream"
local values = require "gemini.values"

local chat = {}


local function wishes_of(request)
  return request.state.openai.chat
end


function chat.request(request)
  return check.guarded(function()
    local sent, wishes = chat_request.translate(request, check.body(request))
    request.state.openai = request.state.openai or {}
    request.state.openai.chat = wishes
    return sent
  end)
end


function chat.response(request, response)
  return chat_answer.response(request, wishes_of(request), values.table(response.body))
end


function chat.event(request, event)
  return chat_stream.event(request, wishes_of(request), event)
end


function chat.error(request, problem)
  if problem.in_stream then
    return stream.left(wishes_of(request)) .. errors.event(problem)
  end
  return errors.of_google(request, problem)
end


return chat
