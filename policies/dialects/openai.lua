-- openai.lua: what OpenAI's clients ask for, asked of Gemini. Each endpoint is a module of its own in openai/; here
-- questions and answers find their way to the right one.
local openai = {}

local check = require "openai.check"
local errors = require "openai.errors"
local images = require "openai.images"
local models = require "openai.models"
local transcriptions = require "openai.transcriptions"

-- Modules that may have model, request, response, event and error, by the endpoint that the client called.
local modules = {
  chat = require "openai.chat",
  completions = require "openai.completions",
  embeddings = require "openai.embeddings",
  images = images,
  image_edits = images,
  speech = require "openai.speech",
  transcriptions = transcriptions,
  translations = transcriptions,
  list_models = models,
  get_model = models,
  other = require "openai.unsupported",
}


-- Once the question is translated, request.endpoint is Google's: so the client's is kept.
local function module_of(request)
  local state = request.state
  if not state.openai then
    state.openai = { endpoint = request.endpoint }
  end
  return modules[state.openai.endpoint] or modules.other
end


local function model_in_body(request)
  local name = check.text(check.body(request), "model")
  if not name or bytes.length(name) == 0 then
    check.refuse("model", "the request names no model", "missing_required_parameter")
  end
  return bytes.text(name)
end


function openai.model(request)
  local module = module_of(request)
  return check.guarded(module.model or model_in_body, request)
end


-- What has no event answers in one piece, also where the body says "stream".
function openai.request(request)
  local module = module_of(request)
  local call = module.request(request)
  if call.path and not module.event then
    call.streaming = false
  end
  return call
end


-- What is no JSON object is no answer of Google's, and nothing may be read from it.
function openai.response(request, response)
  local body = response.body
  if type(body) ~= "table" or body[1] ~= nil then
    return deny(502, "Google's answer is no JSON object.", { code = "bad_answer" })
  end
  return module_of(request).response(request, response)
end


function openai.event(request, event)
  return module_of(request).event(request, event)
end


function openai.error(request, problem)
  local module = module_of(request)
  if module.error then
    return module.error(request, problem)
  elseif problem.in_stream then
    return errors.event(problem)
  end
  return errors.of_google(request, problem)
end


return openai
