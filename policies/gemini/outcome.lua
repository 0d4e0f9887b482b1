-- outcome.lua: what an answer of Gemini's in one piece holds, whatever is missing of it.
local outcome = {}

local values = require "gemini.values"

-- Why there is nothing to show, where what was asked for or what came of it may not be shown.
local blocked = {
  SAFETY = true, PROHIBITED_CONTENT = true, BLOCKLIST = true, SPII = true, RECITATION = true, IMAGE_SAFETY = true,
  IMAGE_PROHIBITED_CONTENT = true, IMAGE_RECITATION = true,
}
local most_words = 300


local function first_candidate(answer)
  return values.table(values.table(values.table(answer).candidates)[1])
end


-- The parts, without thoughts and the drafts of thoughts.
function outcome.parts(answer)
  local parts = {}
  for _, part in ipairs(values.table(values.table(first_candidate(answer).content).parts)) do
    if type(part) == "table" and part.thought ~= true then
      parts[#parts + 1] = part
    end
  end
  return parts
end


-- { type = , data = } of every part that is a file of this kind ("image/"); the data is base64.
function outcome.files(answer, kind)
  local files = {}
  for _, part in ipairs(outcome.parts(answer)) do
    local inline = values.table(part.inlineData)
    local name = values.text(inline.mimeType)
    if name and name:sub(1, #kind) == kind and bytes.is_text(inline.data) and bytes.from_base64(inline.data) then
      files[#files + 1] = { type = name, data = inline.data }
    end
  end
  return files
end


function outcome.text(answer)
  local texts = {}
  for _, part in ipairs(outcome.parts(answer)) do
    if bytes.is_text(part.text) then
      texts[#texts + 1] = bytes.text(part.text)
    end
  end
  return table.concat(texts)
end


-- Why there is not what was asked for: words for people, and whether that was blocked.
function outcome.reason(answer)
  local candidate, feedback = first_candidate(answer), values.table(values.table(answer).promptFeedback)
  local name = values.text(feedback.blockReason) or values.text(candidate.finishReason) or "no reason given"
  local said = values.text(candidate.finishMessage) or values.text(feedback.blockReasonMessage)
    or values.text(outcome.text(answer):sub(1, most_words))
  local is_blocked = values.text(feedback.blockReason) ~= nil or blocked[name] == true
  return said and name .. ": " .. said or name, is_blocked
end


local function by_modality(details)
  local counts = {}
  for _, detail in ipairs(values.table(details)) do
    local modality = values.text(values.table(detail).modality)
    if modality then
      counts[modality] = (counts[modality] or 0) + values.count(detail.tokenCount)
    end
  end
  return counts
end


-- Tokens: input, output (thoughts included), total, and of the input by modality ("TEXT", "IMAGE", "AUDIO").
function outcome.usage(answer)
  local usage = values.table(values.table(answer).usageMetadata)
  local input = values.count(usage.promptTokenCount) + values.count(usage.toolUsePromptTokenCount)
  local output = values.count(usage.candidatesTokenCount) + values.count(usage.thoughtsTokenCount)
  return {
    input = input, output = output, total = input + output, by_modality = by_modality(usage.promptTokensDetails),
  }
end


return outcome
