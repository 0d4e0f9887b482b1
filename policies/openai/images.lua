-- images.lua: /v1/images/generations and /v1/images/edits, by a model of Gemini's that draws.
--
-- What Gemini lets nobody choose: a size becomes the nearest of its shapes and, where the model knows several, of its
-- sizes; the kind of file is the model's choice, most often JPEG, and the answer's output_format says which it is. What
-- would come out as something else is refused: masks, transparent backgrounds, WebP. Several pictures are asked for one
-- after the other; a stream carries each when it is done, and no partial ones.
require "default.models"  -- Its settings are read here.
local check = require "openai.check"
local family = require "gemini.family"
local features = require "features"
local forms = require "openai.forms"
local image_answer = require "openai.image_answer"
local values = require "gemini.values"

local images = {}

local most_images = 10
local most_files = 16
local kinds_of_fields = { n = "number", partial_images = "number", stream = "boolean" }

local shapes = {
  ["1:1"] = 1, ["2:3"] = 2 / 3, ["3:2"] = 3 / 2, ["3:4"] = 3 / 4, ["4:3"] = 4 / 3, ["4:5"] = 4 / 5, ["5:4"] = 5 / 4,
  ["9:16"] = 9 / 16, ["16:9"] = 16 / 9, ["21:9"] = 21 / 9,
}
local side_from_2k, side_from_4k = 1448, 2800  -- Of a square of as many pixels.

-- Whether these ask for more than the usual size.
local qualities = { auto = false, standard = false, low = false, medium = false, high = true, hd = true }

local NO_MASK = "Gemini knows no masks; say in the prompt which part of the picture shall change"
local NOT_TRANSPARENT = "Gemini draws no transparent backgrounds"
local NO_SUCH_FORMAT = "Gemini's pictures are PNG or JPEG, as the model likes"
local NO_SUCH_SIZE = 'expected "auto" or WIDTHxHEIGHT'


local function one_of(fields, name, allowed, message)
  local value = check.text(fields, name)
  if value ~= nil and not allowed[value] then
    check.refuse(name, message)
  end
  return value
end


local function nearest_shape(ratio)
  local nearest, distance
  for name, shape in pairs(shapes) do
    local away = math.abs(math.log(ratio / shape))
    if not distance or away < distance then
      nearest, distance = name, away
    end
  end
  return nearest
end


-- "1536x1024" as "3:2", and "2K" or "4K" if it is as large as that; nil for "auto".
local function read_size(fields)
  local size = check.text(fields, "size")
  if size == nil or size == "auto" then
    return nil
  end
  local width, height = tostring(size):match("^(%d+)[xX](%d+)$")
  width, height = tonumber(width), tonumber(height)
  if not width or width == 0 or height == 0 then
    check.refuse("size", NO_SUCH_SIZE)
  end
  local side = math.sqrt(width * height)
  return nearest_shape(width / height), side >= side_from_4k and "4K" or side >= side_from_2k and "2K" or nil
end


-- The others draw in one size alone, and refuse to be asked for it.
local function knows_sizes(model)
  return family.generation(model) >= 3 and not family.is_lite(model)
end


local function read_quality(fields)
  local quality = check.text(fields, "quality")
  if quality ~= nil and qualities[quality] == nil then
    check.refuse("quality", 'expected "auto", "low", "medium", "high", "standard" or "hd"')
  end
  return qualities[quality]
end


local function image_config(request, fields)
  local shape, size = read_size(fields)
  local is_fine = read_quality(fields)
  if not knows_sizes(request.upstream_model) then
    size = nil
  elseif is_fine and not size then
    size = "2K"
  end
  return (shape or size) and { aspectRatio = shape, imageSize = size } or nil
end


local function check_looks(fields)
  one_of(fields, "background", { auto = true, opaque = true }, NOT_TRANSPARENT)
  one_of(fields, "output_format", { png = true, jpeg = true }, NO_SUCH_FORMAT)
  check.integer(fields, "partial_images", 0, 3)
end


-- OpenAI's older models answer with addresses, the newer ones with the pictures themselves.
local function wants_addresses(request, fields)
  local format = one_of(fields, "response_format", { url = true, b64_json = true }, 'expected "url" or "b64_json"')
  return format == "url" or format == nil and request.model:find("^dall%-e") ~= nil
end


local function read_files(files)
  local parts = {}
  if files.mask then
    check.refuse("mask", NO_MASK)
  elseif not files.image or #files.image > most_files then
    check.refuse("image", "expected 1 to " .. most_files .. " pictures, as files of the form")
  end
  for index, file in ipairs(files.image) do
    local kind = forms.media_type(file)
    if not kind or kind:sub(1, 6) ~= "image/" then
      check.refuse("image", ("file %d is no picture, by its type or its name"):format(index))
    end
    parts[index] = forms.inline(file, kind)
  end
  return parts
end


local function is_edit(request)
  return request.state.openai.endpoint == "image_edits"
end


-- The fields of the question, and an edit's files.
local function read_fields(request)
  if is_edit(request) then
    return forms.read(request, kinds_of_fields)
  end
  return check.body(request)
end


local function read_prompt(fields)
  local prompt = check.text(fields, "prompt")
  if not prompt or bytes.length(prompt) == 0 then
    check.refuse("prompt", "the request has none", "missing_required_parameter")
  end
  return prompt
end


local function translate(request)
  local fields, files = read_fields(request)
  local parts = { { text = read_prompt(fields) } }
  for _, part in ipairs(files and read_files(files) or {}) do
    parts[#parts + 1] = part
  end
  check_looks(fields)
  local body = {
    contents = { { role = "user", parts = parts } },
    generationConfig = { responseModalities = { "TEXT", "IMAGE" }, imageConfig = image_config(request, fields) },
  }
  request.state.openai.job = image_answer.new {
    count = check.integer(fields, "n", 1, most_images) or 1,
    as_addresses = wants_addresses(request, fields),
    as_events = check.boolean(fields, "stream"),
    event = files and "image_edit.completed" or "image_generation.completed",
  }
  features.apply(request, body)
  return { path = family.path(request.upstream_model, "generateContent"), body = body }
end


local function read_model(request)
  local fields = read_fields(request)
  return values.text(check.text(fields, "model")) or settings.IMAGE_MODEL
end


function images.model(request)
  return check.guarded(read_model, request)
end


function images.request(request)
  return check.guarded(translate, request)
end


function images.response(request, response)
  return image_answer.of_response(request.state.openai.job, response.body)
end


function images.event(request, event)
  return image_answer.of_event(request.state.openai.job, event)
end


return images
