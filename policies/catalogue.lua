-- catalogue.lua: the models that Google lists, for all workers. A list that is no longer fresh serves on while Google
-- is asked for a new one, and the last good list is kept while it gives none.
local catalogue = {}

catalogue.settings = {
  { name = "MODEL_LIST_MINUTES", type = "number", default = 10, min = 1,
    about = "How long Google's list of models counts as fresh, in minutes." },
}

local list_of_models = "/v1beta/models?pageSize=1000"
local most_pages = 20
local patience_s = 10      -- With one page.
local kept_s = 7 * 86400
local between_tries_s = 60
local look_again_s = 0.05  -- While Google is asked.

-- In the cache: the list as JSON, and its stamp, which is all that most calls read: when it came, and a name.
local LIST, STAMP = "catalogue: list", "catalogue: stamp"
-- Shared: that Google was asked within between_tries_s, that it is being asked now, and why it gave no list last.
local TRIED, ASKING, TROUBLE = "catalogue: tried", "catalogue: asking", "catalogue: trouble"

local decoded = {}  -- { stamp, came_at, models, names, by_name } of the list that this state read last.


local function id_of(entry)
  local name = type(entry) == "table" and entry.name
  return type(name) == "string" and name:match("^models/(.+)$") or nil
end


local function decode(text, stamp)
  local list = { stamp = stamp, came_at = tonumber(stamp:match("^%S+")), models = {}, names = {}, by_name = {} }
  for _, entry in ipairs(json.decode(text)) do
    local id = id_of(entry)
    if id and not list.by_name[id] then
      list.models[#list.models + 1] = entry
      list.names[#list.names + 1] = id
      list.by_name[id] = entry
    end
  end
  return list
end


local function known()
  local stamp = cache.get(STAMP)
  if stamp and stamp ~= decoded.stamp then
    local text = cache.get(LIST)
    decoded = text and decode(text, stamp) or {}
  end
  return stamp and decoded.stamp and decoded
end


local function keep(entries)
  if #entries > 0 then
    cache.set(LIST, json.encode(json.array(entries)), kept_s)
    cache.set(STAMP, time.now() .. " " .. crypto.uuid(), kept_s)
    shared.set(TROUBLE, nil)
  end
end


-- Nil and why, or the page.
local function page_after(token)
  local path = list_of_models .. (token and "&pageToken=" .. token or "")
  local answered, why = google.fetch { path = path, timeout = patience_s }
  if not answered then
    return nil, why
  end
  local page = json.decode(answered.body)
  if answered.status ~= 200 or type(page) ~= "table" then
    return nil, "Google answered " .. answered.status
  end
  return page
end


-- All entries of a list that begins with this page; nil and why, if the rest of it cannot be had.
local function entries_from(page)
  local entries = {}
  for _ = 1, most_pages do
    for _, entry in ipairs(type(page.models) == "table" and page.models or {}) do
      entries[#entries + 1] = entry
    end
    local token = page.nextPageToken
    if type(token) ~= "string" or token == "" then
      break
    end
    local why
    page, why = page_after(token)
    if not page then
      return nil, why
    end
  end
  return entries
end


local function ask()
  local entries
  local page, why = page_after(nil)
  if page then
    entries, why = entries_from(page)
  end
  if entries then
    keep(entries)
  else
    log.warn("no list of models: " .. why)
    shared.set(TROUBLE, why)
  end
  shared.set(ASKING, nil)
end


-- Google is asked on its own, whoever waits for that or leaves; not if it was a moment ago.
local function have_it_asked()
  if shared.incr(TRIED, 1, between_tries_s) == 1 then
    shared.set(ASKING, true, patience_s)
    if not background(ask) then
      shared.set(ASKING, nil)
    end
  end
end


-- The list that is there; nil where there is none. Waits for nothing.
local function current()
  local list = known()
  if list and time.now() - list.came_at >= settings.MODEL_LIST_MINUTES * 60 then
    have_it_asked()
  end
  return list
end


-- The list; where there is none, what Google is found to give. Nil if it gave none a moment ago.
local function awaited()
  local list = current()
  if list then
    return list
  end
  have_it_asked()
  while shared.get(ASKING) do
    sleep(look_again_s)
  end
  return known()
end


-- The entries as Google wrote them, or nil where there is no list yet.
function catalogue.models()
  local list = current()
  return list and list.models
end


-- Their names, without "models/"; or nil likewise.
function catalogue.names()
  local list = current()
  return list and list.names
end


function catalogue.find(name)
  local list = current()
  return list and list.by_name[name]
end


-- Whether Google has a model of this name: asks for the list, and waits for it, if there is none.
function catalogue.has(name)
  local list = awaited()
  return list ~= nil and list.by_name[name] ~= nil
end


-- For people: what is known, having waited for a first list; and why there is none, or no newer one.
function catalogue.overview()
  local list = awaited()
  return list and list.models or {}, shared.get(TROUBLE)
end


-- The first page of a list that came by another way, such as an exchange of its own: completed, and kept.
function catalogue.take(page)
  local entries, why = entries_from(page)
  if entries then
    keep(entries)
  else
    log.warn("no whole list of models: " .. why)
  end
end


return catalogue
