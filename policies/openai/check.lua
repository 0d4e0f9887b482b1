-- check.lua: reading the fields of a client's request, and refusing by name what cannot be meant. A null counts as
-- nothing. A refusal is thrown; check.guarded catches it.
local values = require "gemini.values"

local check = {}


-- `param` is the field as OpenAI writes it: "messages[2].content[0].image_url.url".
function check.refuse(param, message, code)
  local text = ("Invalid '%s': %s."):format(param, message)
  error(deny(400, text, { code = code or "invalid_value", param = param }), 0)
end


-- What the function returns, or the refusal that it has thrown.
function check.guarded(translate, ...)
  local good, result = pcall(translate, ...)
  if not good and getmetatable(result) ~= "denial" then
    error(result, 0)
  end
  return result
end


local function of_type(wanted, named)
  return function(object, name, param)
    local value = values.given(object[name])
    if value ~= nil and type(value) ~= wanted then
      check.refuse(param or name, "expected " .. named, "invalid_type")
    end
    return value
  end
end


-- Each takes the object, the field's name and, where it lies deeper, its full name: the value, or nil.
check.boolean = of_type("boolean", "true or false")
check.table = of_type("table", "an object")


function check.text(object, name, param)
  local value = values.given(object[name])
  if value ~= nil and not bytes.is_text(value) then
    check.refuse(param or name, "expected a text", "invalid_type")
  end
  return value
end


function check.list(object, name, param)
  local value = values.given(object[name])
  if value ~= nil and (type(value) ~= "table" or (value[1] == nil and next(value) ~= nil)) then
    check.refuse(param or name, "expected a list", "invalid_type")
  end
  return value
end


function check.number(object, name, param)
  local value = values.given(object[name])
  local number = type(value) ~= "string" and tonumber(value) or nil
  if value ~= nil and not number then
    check.refuse(param or name, "expected a number", "invalid_type")
  end
  return number
end


-- A whole number from `least` to `most`.
function check.integer(object, name, least, most)
  local number = check.number(object, name)
  if number and (number % 1 ~= 0 or number < least or number > most) then
    check.refuse(name, ("expected a whole number from %.0f to %.0f"):format(least, most))
  end
  return number
end


-- The request's JSON, or a refusal that says what is wrong with it.
function check.body(request)
  local body = request.body
  if type(body) == "table" and (body[1] == nil or next(body) == nil) then
    return body
  end
  if body ~= nil then
    error(deny(400, "The request's body is no JSON object.", { code = "invalid_json" }), 0)
  end
  local _, why = json.decode(request.text or "")
  error(deny(400, "The request's body is no JSON: " .. (why or "it is empty") .. ".", { code = "invalid_json" }), 0)
end


return check
