-- markdown.lua: pictures in the midst of a text, as "![image](data:image/png;base64,...)".
local markdown = {}

local longest_title = 200


-- Where the picture begins whose title ends at `at`; nil if none does.
local function beginning(text, from, at)
  local first = math.max(from, at - longest_title)
  local place = text:sub(first, at - 1):find("!%[[^%[%]]*$")
  return place and first + place - 1
end


-- A large text without a blank: it can be one picture, or none.
local function pieces_of_blob(text)
  local address = bytes.sub(text, 1, longest_title + 8):match("^!%[[^%[%]]*%]%(()data:")
  if address and bytes.sub(text, -1, -1) == ")" then
    return { { url = bytes.sub(text, address, -2) } }
  end
  return { { text = text } }
end


-- The text in pieces, in order: {text = ...} and {url = ...}.
function markdown.pieces(text)
  if type(text) ~= "string" then
    return pieces_of_blob(text)
  end
  local pieces, from, search = {}, 1, 1
  while true do
    local at = text:find("](data:", search, true)
    local first = at and beginning(text, from, at)
    local last = first and text:find(")", at, true)
    if not at then
      break
    elseif last then
      if first > from then
        pieces[#pieces + 1] = { text = text:sub(from, first - 1) }
      end
      pieces[#pieces + 1] = { url = bytes.sub(text, at + 2, last - 1) }
      from = last + 1
    end
    search = math.max(from, at + 1)
  end
  if from <= #text then
    pieces[#pieces + 1] = { text = from == 1 and text or text:sub(from) }
  end
  return pieces
end


-- The pieces of a text that shows the picture.
function markdown.image(kind, data)
  return { "![image](data:" .. kind .. ";base64,", data, ")" }
end


return markdown
