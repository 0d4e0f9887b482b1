-- signatures.lua: Gemini signs its thoughts, and wants the signatures back with the function calls that came of them.
-- Other dialects have no place for them that all clients know of: what a client loses, Pollux remembers for a while.
local family = require "gemini.family"

local signatures = {}

-- Google's own word for "do not check this one".
signatures.sentinel = "skip_thought_signature_validator"

local remembered_s = 12 * 3600
local mark_in_ids = "__thought__"
local longest_id = 256


local function name_of(request, call_id)
  return "signature " .. request.client.id .. " " .. call_id
end


-- `call_id` as the client was given it.
function signatures.remember(request, call_id, signature)
  if type(signature) == "string" and #call_id <= longest_id then
    cache.set(name_of(request, call_id), signature, remembered_s)
  end
end


function signatures.recall(request, call_id)
  return #call_id <= longest_id and cache.get(name_of(request, call_id)) or nil
end


-- Some tools hide the signature in the call's id: "call_1__thought__EqUC". Gives the bare id, and the signature if any.
function signatures.split(call_id)
  local at, last = call_id:find(mark_in_ids, 1, true)
  if not at or at == 1 then
    return call_id
  end
  return call_id:sub(1, at - 1), last < #call_id and call_id:sub(last + 1) or nil
end


-- Whether it is more than results of functions: with such a content the current turn begins.
local function is_said(content)
  if content.role == "model" then
    return false
  end
  for _, part in ipairs(content.parts) do
    if not part.functionResponse then
      return true
    end
  end
  return false
end


local function sign_first_call(content)
  for _, part in ipairs(content.parts) do
    if part.functionCall then
      part.thoughtSignature = part.thoughtSignature or signatures.sentinel
      return
    end
  end
end


local function sign_pictures(content)
  for i, part in ipairs(content.parts) do
    if i == 1 or part.inlineData then
      part.thoughtSignature = part.thoughtSignature or signatures.sentinel
    end
  end
end


-- Puts the sentinel where a signature is demanded and none was found: on the first call of each step of the current
-- turn; in conversations with a model that draws, on every picture of its own.
function signatures.complete(contents, model)
  if family.generation(model) < 3 or family.is_gemma(model) then
    return
  end
  for at = #contents, 1, -1 do
    if is_said(contents[at]) then
      break
    end
    sign_first_call(contents[at])
  end
  if family.draws(model) then
    for _, content in ipairs(contents) do
      if content.role == "model" then
        sign_pictures(content)
      end
    end
  end
end


return signatures
