-- wav.lua: Gemini speaks in bare samples of 16 bits, one channel; a WAV file has a head before them.
local wav = {}

local usual_rate = 24000


local function little_endian(number, size)
  local letters = {}
  for place = 1, size do
    letters[place] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(letters)
end


-- Samples a second, of a type such as "audio/L16;codec=pcm;rate=24000"; nil for what is no bare samples.
function wav.rate_of(kind)
  kind = kind:lower()
  if kind:find("l16", 1, true) or kind:find("pcm", 1, true) then
    return tonumber(kind:match("rate=(%d+)")) or usual_rate
  end
end


local function head(size, rate, filler)
  return "RIFF" .. little_endian(36 + #filler + size, 4) .. "WAVE" .. filler
    .. "fmt " .. little_endian(16, 4) .. little_endian(1, 2) .. little_endian(1, 2)
    .. little_endian(rate, 4) .. little_endian(2 * rate, 4) .. little_endian(2, 2) .. little_endian(16, 2)
    .. "data" .. little_endian(size, 4)
end


-- 44 bytes, for `size` bytes of samples.
function wav.head(size, rate)
  return head(size, rate, "")
end


-- 54 bytes: with two bytes of nothing in it, so that its base64 ends where that of the samples begins.
function wav.head_before_base64(size, rate)
  return head(size, rate, "JUNK" .. little_endian(2, 4) .. "\0\0")
end


return wav
