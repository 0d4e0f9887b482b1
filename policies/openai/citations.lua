-- citations.lua: the sources that Gemini found on the web, as OpenAI's annotations. Gemini counts bytes within a part,
-- OpenAI characters of the whole text.
local values = require "gemini.values"

local citations = {}


local function characters(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end


-- The characters before this byte of the place, counted on from where it was counted last.
local function characters_before(place, byte)
  if place.counted_bytes == nil or byte < place.counted_bytes then
    place.counted_bytes, place.counted = 0, 0
  end
  place.counted = place.counted + characters(place.text:sub(place.counted_bytes + 1, byte))
  place.counted_bytes = byte
  return place.before + place.counted
end


-- Where the segment stands: a place and its bytes. Its own words count more than its numbers.
local function located(places, segment)
  local words = values.text(segment.text)
  local part = values.count(segment.partIndex)
  local from, to = values.count(segment.startIndex), values.count(segment.endIndex)
  local fallback
  for _, place in ipairs(places) do
    if place.part == nil or place.part == part then
      if not words or place.text:sub(from + 1, to) == words then
        return place, math.min(from, #place.text), math.min(to, #place.text)
      end
    end
    local at = words and not fallback and place.text:find(words, 1, true)
    fallback = at and { place, at - 1, at - 1 + #words } or fallback
  end
  if fallback then
    return unpack(fallback)
  end
end


local function source_of(chunk)
  chunk = values.table(chunk)
  for _, kind in ipairs { "web", "maps", "retrievedContext", "image" } do
    local source = values.table(chunk[kind])
    local address = values.text(source.uri) or values.text(source.sourceUri)
    if address then
      return { url = address, title = values.text(source.title) or address }
    end
  end
end


local function annotation(source, from, to)
  return {
    type = "url_citation",
    url_citation = { start_index = from, end_index = to, url = source.url, title = source.title },
  }
end


-- A source that supports nothing in particular stands at the end.
local function at_the_end(places, chunks)
  local last, list = places[#places], {}
  local length = last and last.before + characters(last.text) or 0
  for _, chunk in ipairs(chunks) do
    local source = source_of(chunk)
    list[#list + 1] = source and annotation(source, length, length)
  end
  return list
end


-- The annotations, or nil if there are none. `places` are the stretches of text in the content, in order: {part = of
-- the candidate or nil, text, before = characters of the content before it}.
function citations.of(grounding, places)
  local metadata = values.table(grounding)
  local chunks, supports = values.table(metadata.groundingChunks), values.table(metadata.groundingSupports)
  if #chunks == 0 then
    return nil
  end
  local list = {}
  for _, support in ipairs(supports) do
    support = values.table(support)
    local place, first, last = located(places, values.table(support.segment))
    if place then
      local from, to = characters_before(place, first), characters_before(place, last)
      for _, number in ipairs(values.table(support.groundingChunkIndices)) do
        local source = source_of(chunks[values.count(number) + 1])
        list[#list + 1] = source and annotation(source, from, to)
      end
    end
  end
  if #supports == 0 then
    list = at_the_end(places, chunks)
  end
  return #list > 0 and list or nil
end


citations.characters = characters


return citations
