-- pieces.lua: JSON that holds what is too large to be copied, such as pictures. Where one text is put together of
-- several and one of those is a blob, a stand-in takes its place; writing the JSON fills it.
local pieces = {}

local Pieces = {}
Pieces.__index = Pieces


function pieces.new()
  return setmetatable({ held = {} }, Pieces)
end


local function are_plain(list)
  for _, piece in ipairs(list) do
    if type(piece) ~= "string" then
      return false
    end
  end
  return true
end


-- One text of several, or its stand-in.
function Pieces:join(list)
  if are_plain(list) then
    return table.concat(list)
  end
  self.mark = self.mark or crypto.uuid():gsub("%-", "")
  self.held[#self.held + 1] = list
  return self.mark .. #self.held .. "."
end


local function write(out, list)
  for _, piece in ipairs(list) do
    out[#out + 1] = type(piece) == "string" and json.encode(piece):sub(2, -2) or piece
  end
end


-- The value's JSON: a text, or a list of texts and blobs that make one.
function Pieces:encode(value)
  local text = json.encode(value)
  if not self.mark then
    return text
  end
  local out, from = {}, 1
  for number, after in text:gmatch(self.mark .. "(%d+)%.()") do
    out[#out + 1] = text:sub(from, after - #self.mark - #number - 2)
    write(out, self.held[tonumber(number)])
    from = after
  end
  out[#out + 1] = text:sub(from)
  return out
end


return pieces
