-- values.lua: reading JSON that may be of any shape. A null is userdata in Lua, and true in conditions.
local values = {}

local nothing = {}


-- The table, to be read; an empty one in the place of anything else.
function values.table(value)
  return type(value) == "table" and value or nothing
end


function values.object(value)
  return type(value) == "table" and value[1] == nil and value or nil
end


-- A text that is not empty, or nil.
function values.text(value)
  return type(value) == "string" and value ~= "" and value or nil
end


-- The number, or 0.
function values.count(value)
  return type(value) == "number" and value or tonumber(value) or 0
end


-- What is there: a null is not.
function values.given(value)
  if value == json.null then
    return nil
  end
  return value
end


return values
