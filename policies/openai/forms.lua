-- forms.lua: the fields of a form, as if they were those of a JSON object, and its files.
local forms = {}

local check = require "openai.check"
local media = require "gemini.media"

local NO_FORM = "This endpoint takes a form (multipart/form-data): %s."

-- By the first bytes, for files that come with neither a type nor a name that tells.
local beginnings = {
  { "^\137PNG\r\n", "image/png" },
  { "^\255\216\255", "image/jpeg" },
  { "^RIFF....WEBP", "image/webp" },
  { "^RIFF....WAVE", "audio/wav" },
  { "^ID3", "audio/mp3" },
  { "^\255[\224-\255]", "audio/mp3" },
  { "^OggS", "audio/ogg" },
  { "^fLaC", "audio/flac" },
  { "^....ftypM4A", "audio/m4a" },
}


local function typed(value, kind)
  if kind == "number" then
    return tonumber(value) or value
  elseif kind == "boolean" and (value == "true" or value == "false") then
    return value == "true"
  end
  return value
end


-- Two tables by name: values, which are texts unless `kinds` says "number" or "boolean"; and lists of parts that are
-- files. "image[]" is "image". What is no form is refused, and a file that is empty.
function forms.read(request, kinds)
  local parts = request.form
  if not parts then
    error(deny(400, NO_FORM:format(request.form_problem or "the request has none"), { code = "invalid_form" }), 0)
  end
  local fields, files = {}, {}
  for _, part in ipairs(parts) do
    local name = part.name:gsub("%[%d*%]$", "")
    if part.filename then
      if bytes.length(part.value) == 0 then
        check.refuse(name, "the file is empty")
      end
      files[name] = files[name] or {}
      table.insert(files[name], part)
    else
      fields[name] = typed(part.value, kinds[name])
    end
  end
  return fields, files
end


-- The type of a file as Gemini calls it; nil where nothing tells.
function forms.media_type(part)
  local named = media.type_named(part.type)
  if named and named ~= "application/octet-stream" then
    return named
  end
  local by_name = media.type_of_file(part.filename)
  if by_name then
    return by_name
  end
  local beginning = bytes.sub(part.value, 1, 16)
  for _, row in ipairs(beginnings) do
    if beginning:find(row[1]) then
      return row[2]
    end
  end
end


-- The part of a question that a file becomes.
function forms.inline(part, kind)
  return { inlineData = { mimeType = kind, data = bytes.to_base64(part.value) } }
end


return forms
