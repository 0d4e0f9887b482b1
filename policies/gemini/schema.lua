-- schema.lua: JSON schemas as Gemini takes them for parametersJsonSchema and responseJsonSchema. They are changed in
-- place, so that properties keep their order: Gemini answers in it.
local schema = {}

local mended


local function mended_map(map)
  if type(map) ~= "table" then
    return nil
  end
  for name, value in pairs(map) do
    map[name] = mended(value)
  end
  return map
end


local function mended_list(list)
  if type(list) ~= "table" then
    return nil
  end
  for i, value in ipairs(list) do
    list[i] = mended(value)
  end
  return list
end


local function mended_or_boolean(value)
  if type(value) == "boolean" then
    return value
  end
  return mended(value)
end


local function mended_items(value)
  return type(value) == "table" and value[1] ~= nil and mended_list(value) or mended(value)
end


local function left_out()
  return nil
end


local function same_place(reference)
  return type(reference) == "string" and (reference:gsub("^#/definitions/", "#/$defs/")) or nil
end


-- What becomes of a keyword's value; of the others, nothing.
local keywords = {
  properties = mended_map, patternProperties = mended_map, dependentSchemas = mended_map,
  ["$defs"] = mended_map, definitions = mended_map,
  anyOf = mended_list, oneOf = mended_list, allOf = mended_list, prefixItems = mended_list,
  items = mended_items, additionalProperties = mended_or_boolean,
  ["not"] = mended_or_boolean, contains = mended_or_boolean, propertyNames = mended_or_boolean,
  ["if"] = mended_or_boolean, ["then"] = mended_or_boolean, ["else"] = mended_or_boolean,
  ["$ref"] = same_place,
  strict = left_out, cache_control = left_out, eager_input_streaming = left_out,
}


-- Gemini knows an enum of one in the place of a const, but only of texts and numbers.
local function replace_const(object)
  local value = object.const
  object.const = nil
  if type(value) == "string" or type(value) == "number" then
    object.enum = json.array { value }
  elseif object.type == nil then
    object.type = type(value) == "boolean" and "boolean" or value == json.null and "null" or nil
  end
end


-- Beside a $ref only names with a $ may stand.
local function leave_reference_alone(object)
  for name in pairs(object) do
    if type(name) == "string" and name:sub(1, 1) ~= "$" then
      object[name] = nil
    end
  end
end


local function rename_definitions(object)
  local definitions = object["$defs"] or json.object {}
  for name, value in json.each(object.definitions) do
    definitions[name] = value
  end
  object.definitions = nil
  object["$defs"] = definitions
end


-- A list of schemas for the items of a list has a keyword of its own by now.
local function rename_items(object)
  object.prefixItems = object.prefixItems or object.items
  object.items = nil
end


function mended(object)
  if type(object) ~= "table" then
    return json.object {}  -- A schema may be true: anything. Gemini knows none that is false.
  end
  for name, value in pairs(object) do
    local mend = keywords[name]
    if mend then
      object[name] = mend(value)
    end
  end
  if object.const ~= nil then
    replace_const(object)
  end
  if type(object.definitions) == "table" then
    rename_definitions(object)
  end
  if type(object.items) == "table" and object.items[1] ~= nil then
    rename_items(object)
  end
  if object["$ref"] then
    leave_reference_alone(object)
  end
  return object
end


-- The schema that stands at "#/$defs/NAME" takes the root's place: beside a $ref there is no room for a type.
local function unfold_root(root)
  local name = root["$ref"]:match("^#/%$defs/([^/]+)$")
  local definitions = root["$defs"]
  local target = name and type(definitions) == "table" and definitions[name]
  if type(target) ~= "table" or target["$ref"] then
    return root
  end
  local unfolded = json.object {}
  for keyword, value in json.each(target) do
    unfolded[keyword] = value
  end
  unfolded["$defs"] = definitions
  return unfolded
end


-- A function's parameters, or nil where none are given. At the root there is always an object.
function schema.for_function(parameters)
  if type(parameters) ~= "table" then
    return nil
  end
  local root = mended(parameters)
  if root["$ref"] then
    root = unfold_root(root)
  end
  if root.type ~= "object" and not root["$ref"] then
    root.type = "object"
  end
  return root
end


-- The form of an answer, or nil where none is given.
function schema.for_answer(form)
  return type(form) == "table" and mended(form) or nil
end


return schema
