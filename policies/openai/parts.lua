-- parts.lua: the parts of an OpenAI message's content, as Gemini's parts.
--
-- A reader is whoever reads the messages: it has the request, sets `part` aside as the position of what is being read,
-- and its refuse(field, message, code) names the field within the message.
local family = require "gemini.family"
local media = require "gemini.media"
local values = require "gemini.values"

local parts = {}


local function part_of_text(reader, part)
  if not bytes.is_text(part.text) then
    reader:refuse("text", "expected a text", "invalid_type")
  end
  return { text = part.text }
end


-- {"image_url":{"url":...}}; some clients write {"image_url":"..."}.
local function part_of_url(reader, part, name)
  local given = part[name]
  local url, field = given, name
  if type(given) == "table" then
    url, field = given.url, name .. ".url"
  end
  local read, why = media.from_url(reader.request, url)
  return read or reader:refuse(field, why, name == "image_url" and "invalid_image_url" or nil)
end


local resolutions = { low = "MEDIA_RESOLUTION_LOW", high = "MEDIA_RESOLUTION_HIGH" }


local function part_of_image(reader, part)
  local read = part_of_url(reader, part, "image_url")
  local level = resolutions[values.table(part.image_url).detail or part.detail]
  if level and family.generation(reader.request.upstream_model) >= 3 then
    read.mediaResolution = { level = level }
  end
  return read
end


local function part_of_audio(reader, part)
  local audio = values.table(part.input_audio)
  local kind = "audio/" .. (values.text(audio.format) or "wav"):lower()
  local read, why = media.from_base64(audio.data, media.type_named(kind) or kind)
  return read or reader:refuse("input_audio.data", why)
end


-- By its id at Google, by its address, or its bytes: a data URL, or bare base64 with the name telling the type.
local function part_of_file(reader, part)
  local file = type(part.file) == "table" and part.file or part
  local kind = media.type_of_file(file.filename)
  local field, read, why = "file.file_data", nil, "expected file_data or a file_id"
  if values.text(file.file_id) then
    field, why = "file.file_id", "expected files/ID, as Google calls the files that were uploaded to it"
    read = media.uploaded(file.file_id, kind)
  elseif values.text(file.file_url) then
    field = "file.file_url"
    read, why = media.from_url(reader.request, file.file_url, kind, true)
  elseif values.given(file.file_data) then
    read, why = media.from_base64(file.file_data, kind or "application/pdf")
  end
  return read or reader:refuse(field, why)
end


local by_type = {
  text = part_of_text, input_text = part_of_text,
  image_url = part_of_image, input_image = part_of_image,
  video_url = function(reader, part) return part_of_url(reader, part, "video_url") end,
  audio_url = function(reader, part) return part_of_url(reader, part, "audio_url") end,
  input_audio = part_of_audio,
  file = part_of_file, input_file = part_of_file,
}


local function read_part(reader, part)
  if type(part) == "string" then
    return { text = part }
  elseif type(part) ~= "table" then
    reader:refuse(nil, "expected an object", "invalid_type")
  end
  local read = by_type[part.type]
  return read and read(reader, part)
    or reader:refuse("type", "there is no content part of the type " .. tostring(part.type))
end


-- A content's parts, without empty texts.
function parts.read(reader, content)
  if bytes.is_text(content) then
    return bytes.length(content) > 0 and { { text = content } } or {}
  elseif type(content) ~= "table" then
    reader:refuse("content", "expected a text or a list of parts", "invalid_type")
  end
  local list = {}
  for i, given in ipairs(content) do
    reader.part = i
    local part = read_part(reader, given)
    if part.text ~= "" then
      list[#list + 1] = part
    end
  end
  reader.part = nil
  return list
end


-- All texts of a content in one, and a list of its other parts.
function parts.read_text(reader, content)
  if bytes.is_text(content) then
    return content, {}
  end
  local texts, others = {}, {}
  for _, part in ipairs(values.given(content) == nil and {} or parts.read(reader, content)) do
    if part.text then
      texts[#texts + 1] = bytes.text(part.text)
    else
      others[#others + 1] = part
    end
  end
  return table.concat(texts, "\n"), others
end


return parts
