-- voice.lua: sound in the answers of chats.
local wav = require "openai.wav"

local voice = {}


local function size_of_base64(data)
  local padding = #bytes.sub(data, -2, -1):match("=*$")
  return math.floor(bytes.length(data) / 4) * 3 - padding
end


-- Base64 of the sound, in pieces: `inline` is Gemini's inlineData, `format` "wav" or anything else for bare samples.
function voice.written(inline, format)
  local rate = format == "wav" and wav.rate_of(tostring(inline.mimeType))
  if not rate then
    return { inline.data }
  end
  return { crypto.base64(wav.head_before_base64(size_of_base64(inline.data), rate)), inline.data }
end


return voice
