-- schema_subset.lua: a JSON schema in the narrower language of Gemini's `parameters` and `responseSchema`, for models
-- and routes that do not take JSON schemas.
local subset = {}

local deepest = 32

-- Taken as they are, if they are of this type. Numbers that count may be long.
local plain = {
  title = "string", description = "string", pattern = "string", nullable = "boolean",
  minItems = "number", maxItems = "number", minLength = "number", maxLength = "number",
  minProperties = "number", maxProperties = "number", minimum = "number", maximum = "number",
}

local formats = {
  string = { enum = true, ["date-time"] = true },
  number = { float = true, double = true },
  integer = { int32 = true, int64 = true },
}

local translate


local function is_list(value)
  return type(value) == "table" and value[1] ~= nil
end


-- The schema that "#/$defs/NAME" or "#/definitions/NAME" stands for.
local function definition(walk, reference)
  local collection, name = reference:match("^#/([^/]+)/([^/]+)$")
  local definitions = collection and walk.root[collection]
  return type(definitions) == "table" and definitions[name] or nil
end


-- What a reference stands for, in its place; a cycle ends in an object that says what it is.
local function unfold(walk, object)
  local reference = object["$ref"]
  if type(reference) ~= "string" then
    return translate(walk, {})
  elseif walk.open[reference] then
    return { type = "object", description = "As " .. reference:match("[^/]*$") .. " above." }
  end
  walk.open[reference] = true
  local unfolded = translate(walk, definition(walk, reference) or {})
  walk.open[reference] = nil
  return unfolded
end


-- allOf: the members' keywords in one; properties and what is required add up.
local function merged(object)
  local whole = json.object {}
  local function add(member)
    for name, value in json.each(member) do
      if name == "properties" and type(value) == "table" then
        whole.properties = whole.properties or json.object {}
        for property, schema in json.each(value) do
          whole.properties[property] = schema
        end
      elseif name == "required" and type(value) == "table" then
        whole.required = whole.required or {}
        for _, property in ipairs(value) do
          whole.required[#whole.required + 1] = property
        end
      elseif name ~= "allOf" then
        whole[name] = value
      end
    end
  end
  add(object)
  for _, member in ipairs(object.allOf) do
    if type(member) == "table" then
      add(member)
    end
  end
  return whole
end


-- One type, or several as anyOf; null only says that the value may be missing.
local function read_type(walk, object, out)
  local kinds = is_list(object.type) and object.type or { object.type }
  local others = {}
  for _, kind in ipairs(kinds) do
    if kind == "null" then
      out.nullable = true
    elseif type(kind) == "string" then
      others[#others + 1] = kind:lower()
    end
  end
  if #others <= 1 then
    out.type = others[1]
    return
  end
  out.anyOf = {}
  for i, kind in ipairs(others) do
    local one = json.object {}
    for name, value in json.each(object) do
      one[name] = value
    end
    one.type, one.description, one.title = kind, nil, nil
    out.anyOf[i] = translate(walk, one)
  end
end


local function guessed_type(object, out)
  return object.properties and "object" or object.items and "array" or out.enum and "string" or nil
end


-- An enum is of texts; what is no text is written as one, but for numbers, which lose the enum.
local function read_enum(object, out)
  local given = object.const ~= nil and { object.const } or object.enum
  if not is_list(given) then
    return
  end
  local words = {}
  for _, value in ipairs(given) do
    if value == json.null then
      out.nullable = true
    elseif value ~= "" then
      words[#words + 1] = tostring(value)
    end
  end
  if #words > 0 and (out.type == nil or out.type == "string") then
    out.type, out.enum = "string", words
  end
end


local function read_bounds(object, out)
  local step = out.type == "integer" and 1 or 0
  if type(object.exclusiveMinimum) == "number" then
    out.minimum = object.exclusiveMinimum + step
  end
  if type(object.exclusiveMaximum) == "number" then
    out.maximum = object.exclusiveMaximum - step
  end
  local known = formats[out.type]
  out.format = known and known[object.format] and object.format or nil
end


local function read_properties(walk, object, out)
  if type(object.properties) ~= "table" or next(object.properties) == nil then
    return
  end
  out.properties, out.propertyOrdering = json.object {}, {}
  for name, value in json.each(object.properties) do
    out.properties[name] = translate(walk, value)
    out.propertyOrdering[#out.propertyOrdering + 1] = name
  end
  local required = {}
  for _, name in ipairs(is_list(object.required) and object.required or {}) do
    if out.properties[name] then
      required[#required + 1] = name
    end
  end
  out.required = #required > 0 and required or nil
end


local function read_alternatives(walk, object, out)
  local given = is_list(object.anyOf) and object.anyOf or is_list(object.oneOf) and object.oneOf
  if not given then
    return
  end
  out.anyOf = {}
  for _, one in ipairs(given) do
    if type(one) == "table" and one.type == "null" then
      out.nullable = true
    else
      out.anyOf[#out.anyOf + 1] = translate(walk, one)
    end
  end
  if #out.anyOf == 0 then
    out.anyOf = nil
  end
end


local function read_items(walk, object, out)
  if out.type ~= "array" then
    return
  end
  local items = is_list(object.items) and object.items[1] or object.items
  out.items = type(items) == "table" and translate(walk, items) or { type = "string" }
end


function translate(walk, object)
  if type(object) ~= "table" or walk.depth == deepest then
    return json.object {}
  end
  if object["$ref"] then
    return unfold(walk, object)
  end
  walk.depth = walk.depth + 1
  if is_list(object.allOf) then
    object = merged(object)
  end
  local out = {}
  for name, kind in pairs(plain) do
    if type(object[name]) == kind then
      out[name] = object[name]
    end
  end
  read_type(walk, object, out)
  if not out.anyOf then
    read_enum(object, out)
    out.type = out.type or guessed_type(object, out)
    read_bounds(object, out)
    read_alternatives(walk, object, out)
    read_properties(walk, object, out)
    read_items(walk, object, out)
  end
  walk.depth = walk.depth - 1
  return json.object(out)
end


-- Gemini's Schema for a JSON schema.
function subset.of(object)
  return translate({ root = object, open = {}, depth = 0 }, object)
end


-- The same for a function's parameters; nil for a function without any.
function subset.of_function(object)
  local parameters = subset.of(object)
  return parameters.properties and parameters or nil
end


return subset
