-- usage.lua: Gemini's count of tokens in OpenAI's words. Here thoughts are part of what was completed, and the results
-- of Gemini's own tools part of the prompt; the sums agree.
local values = require "gemini.values"

local usage = {}

local form = '{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
  .. '"prompt_tokens_details":{"cached_tokens":%d,"audio_tokens":%d},'
  .. '"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":%d,"accepted_prediction_tokens":0,'
  .. '"rejected_prediction_tokens":0}}'


local function of_sound(details)
  for _, detail in ipairs(values.table(details)) do
    if values.table(detail).modality == "AUDIO" then
      return values.count(detail.tokenCount)
    end
  end
  return 0
end


-- Adds what Gemini counted for one answer to `sum`, that of the answers before it; nil if there were none.
function usage.add(sum, metadata)
  local counted = values.table(metadata)
  local thoughts = values.count(counted.thoughtsTokenCount)
  sum = sum or { prompt = 0, completion = 0, cached = 0, heard = 0, thoughts = 0, spoken = 0 }
  sum.prompt = sum.prompt + values.count(counted.promptTokenCount) + values.count(counted.toolUsePromptTokenCount)
  sum.completion = sum.completion + values.count(counted.candidatesTokenCount) + thoughts
  sum.thoughts = sum.thoughts + thoughts
  sum.cached = sum.cached + values.count(counted.cachedContentTokenCount)
  sum.heard = sum.heard + of_sound(counted.promptTokensDetails)
  sum.spoken = sum.spoken + of_sound(counted.candidatesTokensDetails)
  return sum
end


-- OpenAI's usage as JSON.
function usage.encode(sum)
  return form:format(sum.prompt, sum.completion, sum.prompt + sum.completion, sum.cached, sum.heard, sum.thoughts,
    sum.spoken)
end


return usage
