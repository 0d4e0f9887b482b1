-- usage.lua: Gemini's count of tokens in OpenAI's words. Here thoughts are part of what was completed, and the results
-- of Gemini's own tools part of the prompt; the sums agree.
local values = require "gemini.values"

local usage = {}


local function of_sound(details)
  for _, detail in ipairs(values.table(details)) do
    if values.table(detail).modality == "AUDIO" then
      return values.count(detail.tokenCount)
    end
  end
  return 0
end


-- OpenAI's usage of one answer; of several, with what `before` it was.
function usage.add(before, metadata)
  local counted = values.table(metadata)
  local prompt = values.count(counted.promptTokenCount) + values.count(counted.toolUsePromptTokenCount)
  local thoughts = values.count(counted.thoughtsTokenCount)
  local completion = values.count(counted.candidatesTokenCount) + thoughts
  local past = before or { prompt_tokens = 0, completion_tokens = 0, prompt_tokens_details = {
    cached_tokens = 0, audio_tokens = 0 }, completion_tokens_details = { reasoning_tokens = 0, audio_tokens = 0 } }
  local of_prompt, of_completion = past.prompt_tokens_details, past.completion_tokens_details
  prompt, completion = past.prompt_tokens + prompt, past.completion_tokens + completion
  return {
    prompt_tokens = prompt,
    completion_tokens = completion,
    total_tokens = prompt + completion,
    prompt_tokens_details = {
      cached_tokens = of_prompt.cached_tokens + values.count(counted.cachedContentTokenCount),
      audio_tokens = of_prompt.audio_tokens + of_sound(counted.promptTokensDetails),
    },
    completion_tokens_details = {
      reasoning_tokens = of_completion.reasoning_tokens + thoughts,
      audio_tokens = of_completion.audio_tokens + of_sound(counted.candidatesTokensDetails),
      accepted_prediction_tokens = 0,
      rejected_prediction_tokens = 0,
    },
  }
end


return usage
