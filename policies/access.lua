-- access.lua: what may a client with limits ask for? Models that its owner has allowed, by whatever way they are asked;
-- and nothing that would go past a limit unseen. Whoever has no limits is not asked about.
local models = require "default.models"  -- An owner's file need not have its functions.

local access = {}

local NOT_ALLOWED = 'This client may not use the model "%s", only: %s.'
local NOT_NAMED = "This client may use some models only (%s), and Pollux cannot see which one is asked for: %s."
local NOT_COUNTED = "This client has a limit of tokens a day, and Pollux cannot count those of %s."
local GOES_PAST = "This client has limits, and a short-lived token of Google's would go past them."

local reading = { GET = true, HEAD = true, DELETE = true }

-- Beyond this, in bytes, a body is not looked at where the path names the model: Google goes by the path.
local longest_look = 256 * 1024


local function not_allowed(client, name)
  return deny(403, NOT_ALLOWED:format(name:sub(1, 100), table.concat(client.models, ", ")),
    { reason = "model_not_allowed", param = "model" })
end


local function not_named(client, why)
  return deny(403, NOT_NAMED:format(table.concat(client.models, ", "), why),
    { reason = "model_not_allowed", param = "model" })
end


local function may_use(client, name)
  return client:may_use(models.plain(name))
end


--
-- Requests whose path, or dialect, has told the model. Bodies may name it once more, and then alike.
--

local function add_model(names, object)
  if type(object) == "table" and type(object.model) == "string" then
    names[#names + 1] = object.model
  end
end


local function list_at(object, ...)
  for _, name in ipairs { ... } do
    object = type(object) == "table" and object[name] or nil
  end
  return type(object) == "table" and object or {}
end


local function models_named(body)
  local names = {}
  add_model(names, body)
  add_model(names, body.generateContentRequest)
  add_model(names, body.generate_content_request)
  for _, one in ipairs(list_at(body, "requests")) do
    add_model(names, one)
  end
  return names
end


local function same_model(request, name)
  local plain = models.plain(name)
  return plain == models.plain(request.model) or plain == request.upstream_model
end


local function check_named_again(request, client)
  if not request.size or request.size > longest_look then
    return
  end
  local body = json.decode(request.text)
  for _, name in ipairs(type(body) == "table" and models_named(body) or {}) do
    if not same_model(request, name) and not may_use(client, name) then
      return not_allowed(client, name)
    end
  end
end


-- A job of its own holds whole requests, here or in a file that was uploaded before.
local function check_batch(request, client)
  local body = request.body
  local batch = type(body) == "table" and body.batch or nil
  if type(batch) ~= "table" then
    return not_named(client, "a batch whose JSON it can read is needed")
  end
  local input = batch.inputConfig or batch.input_config
  if type(input) ~= "table" or input.fileName or input.file_name then
    return not_named(client, "what a file asks for, it does not see; send the batch's requests within the body")
  end
  local names = {}
  add_model(names, batch)
  for _, one in ipairs(list_at(input, "requests", "requests")) do
    add_model(names, type(one) == "table" and one.request)
  end
  for _, name in ipairs(names) do
    if not same_model(request, name) and not may_use(client, name) then
      return not_allowed(client, name)
    end
  end
  request.body = body  -- Written anew: what was read is what is sent.
end


local function check_model(request, client)
  if not may_use(client, request.model) and not client:may_use(request.upstream_model or request.model) then
    return not_allowed(client, request.model)
  end
  if request.endpoint == "batch" then
    return check_batch(request, client)
  elseif request.dialect == "gemini" then
    return check_named_again(request, client)
  end
end


--
-- Requests whose path names none.
--

-- Where a body that is sent there names the model: functions of it that give a list of names.
local function one_model(body)
  return { body.model }
end


local function model_or_agent(body)
  local names = { body.model }
  names[#names + 1] = body.agent
  return names
end


local names_in = { openai = one_model, interactions = model_or_agent, caches = one_model }


-- Goes on with what is there already, or has to do with no model.
local function needs_no_model(request)
  local endpoint, path = request.endpoint, request.path
  if reading[request.method] then
    return endpoint ~= "live"
  elseif endpoint == "upload" then
    return path:find("^/upload/[^/]+/files$") ~= nil or path:find("^/upload/[^/]+/fileSearchStores/") ~= nil
  elseif endpoint == "openai" then
    return path:find("/openai/files$") ~= nil
  elseif endpoint == "interactions" then
    return path:find("/cancel$") ~= nil
  elseif endpoint == "batches" then
    return path:find(":cancel$") ~= nil
  end
  return endpoint == "files" or endpoint == "stores" or endpoint == "operations"
    or endpoint == "caches" and request.method == "PATCH"
end


local function check_body(request, client)
  local names = names_in[request.endpoint]
  if not names then
    return not_named(client, request.endpoint == "live" and "a session names it by itself" or "nothing here names one")
  end
  local body = request.body
  if type(body) ~= "table" or body[1] ~= nil then
    return not_named(client, "a JSON object that names it is needed, of at most RETRY_BODY_BYTES")
  end
  local found = names(body)
  if #found == 0 then
    return not_named(client, "its body names none")
  end
  for _, name in ipairs(found) do
    if type(name) ~= "string" then
      return not_named(client, "its name is no text")
    elseif not may_use(client, name) then
      return not_allowed(client, name)
    end
  end
  request.body = body  -- Written anew: what was read is what is sent.
end


-- A dialect's request without a model gets an answer of the dialect's own.
local function is_translated(request)
  return request.dialect ~= "gemini" and request.endpoint ~= "openai"
end


--
-- Tokens that nobody would count.
--

local function is_on(value)
  return value and value ~= json.null
end


local function uncounted_by_body(request)
  local body = request.body
  if type(body) ~= "table" then
    return nil  -- Google answers none of these without a JSON body.
  elseif request.endpoint == "interactions" and is_on(body.background) then
    return 'interactions with "background": true'
  elseif is_on(body.stream) and request.endpoint == "openai"
    and list_at(body, "stream_options").include_usage ~= true then
    return 'such a stream unless it asks for them: "stream_options": {"include_usage": true}'
  end
  request.body = body  -- Written anew: what was read is what is sent.
end


local function uncounted(request)
  local endpoint = request.endpoint
  if endpoint == "live" then
    return "sessions of the Live API"
  elseif reading[request.method] then
    return nil
  elseif endpoint == "batch" or endpoint == "openai" and request.path:find("/openai/batches", 1, true) then
    return "batches"
  elseif endpoint == "openai" or endpoint == "interactions" then
    return uncounted_by_body(request)
  end
end


function access.permit(request)
  local client = request.client
  if request.endpoint == "auth_tokens" and not reading[request.method] then
    return deny(403, GOES_PAST, { reason = "model_not_allowed" })
  end
  local what = client.daily_tokens and uncounted(request)
  if what then
    return deny(403, NOT_COUNTED:format(what), { reason = "client_limit", client = client })
  elseif #client.models == 0 then
    return nil
  elseif request.model then
    return check_model(request, client)
  elseif not is_translated(request) and not needs_no_model(request) then
    return check_body(request, client)
  end
end


return access
