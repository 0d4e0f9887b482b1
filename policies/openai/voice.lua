-- voice.lua: Gemini's voices are 16-bit samples; a WAV file has a head before them.
local voice = {}


local function number_as(bytes_of_it, number)
  local letters = {}
  for i = 1, bytes_of_it do
    letters[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(letters)
end


local function size_of_base64(data)
  local padding = #bytes.sub(data, -2, -1):match("=*$")
  return math.floor(bytes.length(data) / 4) * 3 - padding
end


-- 54 bytes: with two bytes of nothing in it, so that its base64 ends where that of the samples begins.
local function head_of_wav(size, rate)
  return "RIFF" .. number_as(4, 46 + size) .. "WAVE"
    .. "JUNK" .. number_as(4, 2) .. "\0\0"
    .. "fmt " .. number_as(4, 16) .. number_as(2, 1) .. number_as(2, 1) .. number_as(4, rate) .. number_as(4, 2 * rate)
    .. number_as(2, 2) .. number_as(2, 16)
    .. "data" .. number_as(4, size)
end


-- Base64 of the sound, in pieces: `inline` is Gemini's inlineData, `format` "wav" or anything else for bare samples.
function voice.written(inline, format)
  local kind = tostring(inline.mimeType):lower()
  local are_samples = kind:find("l16", 1, true) or kind:find("pcm", 1, true)
  if format ~= "wav" or not are_samples then
    return { inline.data }
  end
  local rate = tonumber(kind:match("rate=(%d+)")) or 24000
  return { crypto.base64(head_of_wav(size_of_base64(inline.data), rate)), inline.data }
end


return voice
