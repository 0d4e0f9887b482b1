-- embeddings.lua: /v1/embeddings. Google takes at most 100 texts a call, and a hook has 100 ms to read what comes: more
-- texts are asked for in rounds.
local check = require "openai.check"
local family = require "gemini.family"
local values = require "gemini.values"

local embeddings = {}

local most_texts = 2048    -- As OpenAI has it.
local most_in_a_round = 100
local most_numbers_in_a_round = 100000
local most_bytes_of_answer = 16 * 1024 * 1024  -- Half of what policies have for all requests at once.
local full_dimensions = 3072
local bytes_per_token = 4  -- As in plain English, where Google does not count.

-- Whoever names one of these has made room for vectors of its size.
local usual_dimensions = { ["text-embedding-3-small"] = 1536, ["text-embedding-ada-002"] = 1536 }

local TOO_MANY = "The vectors of these %d texts are more than Pollux puts together for one answer. Ask for fewer texts "
  .. "at once, or for fewer dimensions%s."
local OR_BASE64 = ', or for encoding_format "base64"'
local NO_TOKENS = "these are token numbers of another maker's tokenizer, which Gemini cannot read; send the texts "
  .. "themselves (LangChain: check_embedding_ctx_length=False)"


local function read_text(value, param)
  if type(value) == "number" or type(value) == "table" then
    check.refuse(param, NO_TOKENS)
  elseif not bytes.is_text(value) then
    check.refuse(param, "expected a text", "invalid_type")
  elseif bytes.length(value) == 0 then
    check.refuse(param, "the text is empty")
  end
  return value
end


local function read_texts(input)
  if type(input) ~= "table" then
    return { read_text(input, "input") }
  elseif #input == 0 or #input > most_texts then
    check.refuse("input", "expected 1 to " .. most_texts .. " texts, these are " .. #input)
  end
  local texts = {}
  for index, value in ipairs(input) do
    texts[index] = read_text(value, ("input[%d]"):format(index - 1))
  end
  return texts
end


local function read_encoding(body)
  local encoding = check.text(body, "encoding_format")
  if encoding ~= nil and encoding ~= "float" and encoding ~= "base64" then
    check.refuse("encoding_format", 'expected "float" or "base64"')
  end
  return encoding
end


local function read(request)
  local body = check.body(request)
  return {
    texts = read_texts(values.given(body.input)),
    in_base64 = read_encoding(body) == "base64",
    dimensions = check.integer(body, "dimensions", 1, 65536) or usual_dimensions[request.model],
    asked = 0, pieces = {}, bytes = 0, tokens = 0,
  }
end


-- Of the texts that were not yet asked for.
local function next_round(request, job)
  local model, requests = "models/" .. request.upstream_model, {}
  local size = math.ceil(most_numbers_in_a_round / (job.dimensions or full_dimensions))
  job.first, job.asked = job.asked + 1, math.min(job.asked + math.min(size, most_in_a_round), #job.texts)
  for index = job.first, job.asked do
    requests[#requests + 1] = {
      model = model,
      content = { parts = { { text = job.texts[index] } } },
      outputDimensionality = job.dimensions,
    }
  end
  return { requests = requests }
end


-- Gemini's shorter vectors are not all of length 1, as OpenAI's are.
local function normalize(vector)
  local sum = 0
  for index = 1, #vector do
    sum = sum + vector[index] * vector[index]
  end
  local length = math.sqrt(sum)
  for index = 1, length > 0 and #vector or 0 do
    vector[index] = vector[index] / length
  end
end


-- In pieces of JSON, which are never put together here.
local function add_vector(job, index, vector)
  if job.dimensions then
    normalize(vector)
  end
  local written = job.in_base64 and bytes.to_base64(bytes.float32(vector)) or json.encode(json.array(vector))
  local quote, comma = job.in_base64 and '"' or "", index < #job.texts and "," or ""
  local pieces = job.pieces
  pieces[#pieces + 1] = ('{"object":"embedding","index":%d,"embedding":%s'):format(index - 1, quote)
  pieces[#pieces + 1] = written
  pieces[#pieces + 1] = quote .. "}" .. comma
  job.bytes = job.bytes + bytes.length(written)
end


local function is_vector(value)
  if type(value) ~= "table" or #value == 0 then
    return false
  end
  for index = 1, #value do
    if type(value[index]) ~= "number" then
      return false
    end
  end
  return true
end


-- False, if it is not one vector for each text.
local function add_vectors(job, answer)
  local vectors = values.table(answer.embeddings)
  for index = job.first, job.asked do
    local vector = values.table(vectors[index - job.first + 1]).values
    if not is_vector(vector) then
      return false
    end
    add_vector(job, index, vector)
  end
  return true
end


local function tokens_of(job, answer)
  local counted = values.count(values.table(answer.usageMetadata).promptTokenCount)
  if counted > 0 then
    return counted
  end
  local sum = 0
  for index = job.first, job.asked do
    sum = sum + math.ceil(bytes.length(job.texts[index]) / bytes_per_token)
  end
  return sum
end


local function whole_answer(request, job)
  local pieces, model = job.pieces, json.encode(request.model)
  local usage = json.encode { prompt_tokens = job.tokens, total_tokens = job.tokens }
  pieces[1] = '{"object":"list","data":[' .. pieces[1]
  pieces[#pieces] = pieces[#pieces] .. ('],"model":%s,"usage":%s}'):format(model, usage)
  return { text = pieces }
end


local function translate(request)
  local job = read(request)
  request.state.openai.job = job
  return { path = family.path(request.upstream_model, "batchEmbedContents"), body = next_round(request, job) }
end


function embeddings.request(request)
  return check.guarded(translate, request)
end


function embeddings.response(request, response)
  local job, answer = request.state.openai.job, values.table(response.body)
  if not add_vectors(job, answer) then
    return deny(502, "Gemini did not give a vector for each of the texts.", { code = "bad_answer" })
  end
  if job.bytes / job.asked * #job.texts > most_bytes_of_answer then
    local words = TOO_MANY:format(#job.texts, job.in_base64 and "" or OR_BASE64)
    return deny(400, words, { code = "invalid_value", param = "input" })
  end
  job.tokens = job.tokens + tokens_of(job, answer)
  if job.asked < #job.texts then
    return again(next_round(request, job))
  end
  return whole_answer(request, job)
end


return embeddings
