-- models.lua: /v1/models, from the list that Google gave last. Where there is none yet, this request fetches it.
local catalogue = require "catalogue"
local names = require "default.models"  -- An owner's file need not have its tables.
local policy = require "models"
local values = require "gemini.values"

local models = {}

local created = 1735689600  -- Google tells no dates; clients want one.

local NO_LIST = "Google gave no list of its models."
local NO_SUCH_MODEL = 'The model "%s" does not exist. GET /v1/models lists those that do.'


local function model_object(id)
  return { id = id, object = "model", created = created, owned_by = "google" }
end


local function is_visible(request, entry)
  return not policy.visible or policy.visible(request, entry)
end


local function generates(entry)
  for _, method in ipairs(values.table(entry.supportedGenerationMethods)) do
    if method == "generateContent" then
      return true
    end
  end
  return false
end


-- Whether a name with an ending that asks for this is worth showing. Models that draw are listed by themselves.
local function is_of_use(feature, entry)
  if feature == "no_thinking" then
    return entry.thinking == true
  end
  return feature ~= "image"
end


local function add_derived(data, id, entry)
  for ending, feature in pairs(names.endings) do
    if generates(entry) and is_of_use(feature, entry) then
      data[#data + 1] = model_object(id .. ending)
    end
  end
end


local function add_other_names(request, data)
  for _, name in ipairs(names.other_names()) do
    local entry = catalogue.find((names.read(name)))
    if entry and is_visible(request, entry) then
      data[#data + 1] = model_object(name)
    end
  end
end


local function list(request, entries, ids)
  local data = {}
  for index, entry in ipairs(entries) do
    if is_visible(request, entry) then
      data[#data + 1] = model_object(ids[index])
      if settings.LIST_DERIVED_MODELS then
        add_derived(data, ids[index], entry)
      end
    end
  end
  if settings.LIST_DERIVED_MODELS then
    add_other_names(request, data)
    table.sort(data, function(one, other) return one.id < other.id end)
  end
  return { object = "list", data = json.array(data) }
end


-- By the name that was asked for, which may be derived or stand for another.
local function one(request)
  local entry = catalogue.find(request.upstream_model)
  if entry and is_visible(request, entry) then
    return model_object((request.model:gsub("^models/", "")))
  end
end


local function answer(request)
  local entries, ids = catalogue.models(), catalogue.names()
  if not entries then
    return deny(502, NO_LIST)
  elseif request.state.openai.endpoint == "list_models" then
    return { body = list(request, entries, ids) }
  end
  local body = one(request)
  if body then
    return { body = body }
  end
  return deny(404, NO_SUCH_MODEL:format(request.model), { code = "model_not_found", param = "model" })
end


function models.model()
  return nil
end


function models.request(request)
  if not catalogue.models() then
    return { path = "/v1beta/models", query = { pageSize = "1000" }, method = "GET" }
  end
  local own = answer(request)
  return own.body and reply(own) or own
end


function models.response(request, response)
  if type(response.body) == "table" then
    catalogue.take(response.body)
  end
  return answer(request)
end


return models
