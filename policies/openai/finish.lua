-- finish.lua: why Gemini's answer ended, in OpenAI's words.
local values = require "gemini.values"

local finish = {}

local reasons = {
  STOP = "stop", MAX_TOKENS = "length", CONTINUATION = "length",
  SAFETY = "content_filter", RECITATION = "content_filter", LANGUAGE = "content_filter", BLOCKLIST = "content_filter",
  PROHIBITED_CONTENT = "content_filter", SPII = "content_filter", ESCALATION = "content_filter",
  IMAGE_SAFETY = "content_filter", IMAGE_PROHIBITED_CONTENT = "content_filter",
  IMAGE_RECITATION = "content_filter", IMAGE_OTHER = "content_filter",
}


-- "STOP" of a candidate; nil where it has not ended.
function finish.reason(candidate)
  return values.text(candidate.finishReason)
end


-- Whether the answer went wrong in a way that another try may cure, such as MALFORMED_FUNCTION_CALL; of reasons that
-- nobody here knows this is assumed.
function finish.is_failure(reason)
  return reasons[reason] == nil
end


-- `calls` is what it is called if functions are called: "tool_calls"; nil if none is.
function finish.named(reason, calls)
  local name = reasons[reason] or "stop"
  return name == "stop" and calls or name
end


-- The reason for which the prompt was blocked, or nil.
function finish.of_prompt(answer)
  local feedback = values.table(answer.promptFeedback)
  return values.text(feedback.blockReason)
end


-- In words, for an answer of which nothing is left.
function finish.refusal(reason, message)
  return "Gemini gives no answer: " .. reason .. (values.text(message) and " (" .. message .. ")" or "") .. "."
end


function finish.refusal_of_prompt(reason)
  return "Gemini does not answer this prompt: " .. reason .. "."
end


return finish
