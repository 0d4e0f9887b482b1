-- image_answer.lua: Gemini's pictures as OpenAI's, collected over as many answers as it takes. Pictures are megabytes
-- and never copied here: what is sent is a list of texts, with the pictures between.
local errors = require "openai.errors"
local outcome = require "gemini.outcome"

local image_answer = {}

local no_tokens = { input = 0, output = 0, text = 0, image = 0 }

local NO_PICTURE = "Gemini drew no picture: %s"


-- `wishes` has count, as_addresses, as_events (in an answer of one piece) and event (the name of a picture's event).
function image_answer.new(wishes)
  wishes.pictures = {}
  wishes.created = math.floor(time.now())
  wishes.usage = { input = 0, output = 0, text = 0, image = 0 }
  return wishes
end


local function tokens_of(answer)
  local counted = outcome.usage(answer)
  return {
    input = counted.input, output = counted.output,
    text = counted.by_modality.TEXT or 0, image = counted.by_modality.IMAGE or 0,
  }
end


-- The pictures that an answer adds. Its tokens are those of the first: the sum is right.
local function collect(job, answer)
  local added, tokens = {}, tokens_of(answer)
  for name, count in pairs(tokens) do
    job.usage[name] = job.usage[name] + count
  end
  for _, picture in ipairs(outcome.files(answer, "image/")) do
    if #job.pictures < job.count then
      picture.usage, tokens = tokens, no_tokens
      job.pictures[#job.pictures + 1] = picture
      added[#added + 1] = picture
    end
  end
  return added
end


local function usage_of(tokens)
  return {
    input_tokens = tokens.input, output_tokens = tokens.output, total_tokens = tokens.input + tokens.output,
    input_tokens_details = { text_tokens = tokens.text, image_tokens = tokens.image },
  }
end


-- "png" of "image/png; x=y".
local function format_of(picture)
  return picture.type:match("^image/([%w%.%+%-]+)") or "png"
end


local function add(pieces, ...)
  for _, piece in ipairs { ... } do
    pieces[#pieces + 1] = piece
  end
end


local function add_event(pieces, job, picture)
  local facts = json.encode {
    type = job.event, created_at = job.created, output_format = format_of(picture), background = "opaque",
    quality = "auto", size = "auto", usage = usage_of(picture.usage),
  }
  add(pieces, "event: " .. job.event .. "\ndata: " .. facts:sub(1, -2) .. ',"b64_json":"', picture.data, '"}\n\n')
end


local function as_events(job)
  local pieces = {}
  for _, picture in ipairs(job.pictures) do
    add_event(pieces, job, picture)
  end
  return { text = pieces, headers = { ["content-type"] = "text/event-stream" } }
end


local function as_json(job)
  local facts = json.encode {
    created = job.created, output_format = format_of(job.pictures[1]), background = "opaque",
    usage = usage_of(job.usage),
  }
  local pieces = { facts:sub(1, -2) .. ',"data":[' }
  for index, picture in ipairs(job.pictures) do
    local comma = index > 1 and "," or ""
    if job.as_addresses then
      add(pieces, comma .. '{"url":"data:image/' .. format_of(picture) .. ";base64,", picture.data, '"}')
    else
      add(pieces, comma .. '{"b64_json":"', picture.data, '"}')
    end
  end
  add(pieces, "]}")
  return { text = pieces }
end


-- Why there is no picture, and the code for it.
local function reason_of(answer)
  local reason, is_blocked = outcome.reason(answer)
  return NO_PICTURE:format(reason), is_blocked and "moderation_blocked" or "no_image"
end


-- A round that adds none ends it: what there is already has been paid for, and is answered.
local function is_complete(job, added)
  return #added == 0 or #job.pictures == job.count
end


function image_answer.of_response(job, answer)
  local added = collect(job, answer)
  if #job.pictures == 0 then
    local message, code = reason_of(answer)
    return deny(400, message, { code = code })
  elseif not is_complete(job, added) then
    return again()
  end
  return job.as_events and as_events(job) or as_json(job)
end


-- In a stream each answer comes as one event, and a nil after it.
function image_answer.of_event(job, answer)
  if not answer then
    return not job.is_over and again() or nil
  end
  local added, pieces = collect(job, answer), {}
  job.is_over = is_complete(job, added)
  if #job.pictures == 0 then
    local message = reason_of(answer)
    return errors.event { status = 400, message = message, in_stream = true }
  end
  for _, picture in ipairs(added) do
    add_event(pieces, job, picture)
  end
  return #pieces > 0 and pieces or nil
end


return image_answer
