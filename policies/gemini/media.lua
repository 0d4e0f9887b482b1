-- media.lua: pictures, sounds, films and files, as parts of Gemini's. What stands in the request is passed on as it is;
-- what an address stands for is fetched, but for what Google fetches itself.
require "default.media"  -- Its settings are read here.

local media = {}

local most_files = 16
local most_redirects = 3
local longest_address = 8192
local patience_s = 20       -- With one file ...
local patience_of_all_s = 60  -- ... and with all of a request.

local files_at_google = "https://generativelanguage.googleapis.com/v1beta/"

-- Usual names of types that Gemini knows by another.
local other_names = {
  ["image/jpg"] = "image/jpeg", ["image/pjpeg"] = "image/jpeg", ["image/x-png"] = "image/png",
  ["audio/x-wav"] = "audio/wav", ["audio/wave"] = "audio/wav", ["audio/vnd.wave"] = "audio/wav",
  ["audio/x-flac"] = "audio/flac", ["audio/x-aiff"] = "audio/aiff", ["audio/x-m4a"] = "audio/m4a",
  ["video/quicktime"] = "video/mov", ["video/x-msvideo"] = "video/avi", ["application/x-pdf"] = "application/pdf",
  ["application/json"] = "text/plain", ["application/ld+json"] = "text/plain", ["application/xml"] = "text/xml",
  ["application/yaml"] = "text/plain", ["application/x-yaml"] = "text/plain", ["application/x-sh"] = "text/plain",
  ["application/javascript"] = "text/javascript", ["application/x-javascript"] = "text/javascript",
  ["application/typescript"] = "text/plain", ["application/toml"] = "text/plain", ["application/sql"] = "text/plain",
}

local by_ending = {
  png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", webp = "image/webp", heic = "image/heic",
  heif = "image/heif",
  wav = "audio/wav", mp3 = "audio/mp3", aiff = "audio/aiff", aif = "audio/aiff", aac = "audio/aac", ogg = "audio/ogg",
  flac = "audio/flac", m4a = "audio/m4a", opus = "audio/opus",
  mp4 = "video/mp4", mpeg = "video/mpeg", mpg = "video/mpg", mov = "video/mov", avi = "video/avi",
  flv = "video/x-flv", webm = "video/webm", wmv = "video/wmv", ["3gp"] = "video/3gpp",
  pdf = "application/pdf", html = "text/html", htm = "text/html", css = "text/css", csv = "text/csv",
  md = "text/markdown", xml = "text/xml", rtf = "text/rtf", js = "text/javascript",
  txt = "text/plain", json = "text/plain", yaml = "text/plain", yml = "text/plain", toml = "text/plain",
  py = "text/plain", lua = "text/plain", c = "text/plain", cpp = "text/plain", h = "text/plain", java = "text/plain",
  go = "text/plain", rs = "text/plain", rb = "text/plain", sh = "text/plain", ts = "text/plain", sql = "text/plain",
}

local accepted = { ["audio/mpeg"] = true, ["audio/webm"] = true }
for _, kind in pairs(by_ending) do
  accepted[kind] = true
end

local is_redirect = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }


-- "Image/JPG; charset=x" is "image/jpeg"; nil for what names no type.
function media.type_named(text)
  local kind = type(text) == "string" and text:lower():match("^%s*([%w%.%+%-]+/[%w%.%+%-]+)")
  return kind and (other_names[kind] or kind) or nil
end


-- By the ending of a file's name, or of the path of an address.
function media.type_of_file(name)
  local path = type(name) == "string" and name:gsub("[?#].*$", "") or ""
  return by_ending[(path:match("%.(%w+)$") or ""):lower()]
end


local function inline(kind, data)
  return { inlineData = { mimeType = kind, data = data } }
end


local function percent_decoded(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end


-- The part for a data URL; nil and why. Base64 stays where it is: it may be megabytes.
local function from_data_url(url, usual_kind)
  local head = bytes.sub(url, 1, 512)
  local kind, comma = head:match("^[Dd][Aa][Tt][Aa]:([^,]*)(),")
  if not kind then
    return nil, "it is no data URL: a comma is missing"
  end
  local data = bytes.sub(url, comma + 1, -1)
  if bytes.length(data) == 0 then
    return nil, "the data URL holds no data"
  end
  if not kind:lower():find(";%s*base64%s*$") then
    data = bytes.to_base64(percent_decoded(bytes.text(data)))
  end
  return inline(media.type_named(kind) or usual_kind or "text/plain", data)
end


-- A part for base64 of a type that is known beforehand, or for a data URL in its place.
function media.from_base64(data, kind)
  if not bytes.is_text(data) or bytes.length(data) == 0 then
    return nil, "it holds no data"
  end
  if bytes.sub(data, 1, 5):lower() == "data:" then
    return from_data_url(data, kind)
  end
  return inline(kind, data)
end


-- A file that was uploaded to Google: "files/abc", or the address that Google or Pollux gave for it.
function media.uploaded(address, kind)
  local id = address:match("^files/([a-z0-9%-]+)$")
    or address:match("^https?://[^/]+/v1%a*/files/([a-z0-9%-]+)%f[:?%z]")
  return id and { fileData = { mimeType = kind, fileUri = files_at_google .. "files/" .. id } } or nil
end


local function is_on_youtube(url)
  local host = url:lower():match("^https?://([%w%.%-]+)")
  return host and (host == "youtu.be" or host == "youtube.com" or host:find("%.youtube%.com$") ~= nil)
end


-- The address that a redirect names, which may be relative.
local function redirected(url, location)
  if location:find("^%a[%w+.-]*:") then
    return location
  end
  local scheme, host, path = url:match("^(%a+:)//([^/?#]+)([^?#]*)")
  if location:sub(1, 2) == "//" then
    return scheme .. location
  elseif location:sub(1, 1) == "/" then
    return scheme .. "//" .. host .. location
  end
  return scheme .. "//" .. host .. (path:match("^.*/") or "/") .. location
end


-- What is left to a request of the bytes, files and seconds that may be spent on fetching.
local function allowance_of(request)
  local allowance = request.state.media
  if not allowance then
    allowance = { bytes = settings.MEDIA_MAX_BYTES, files = most_files, ends_at = time.now() + patience_of_all_s }
    request.state.media = allowance
  end
  return allowance
end


local function fetch_once(url, allowance)
  local seconds = math.min(patience_s, allowance.ends_at - time.now())
  if seconds < 1 then
    return nil, "the files of this request take too long to fetch"
  elseif allowance.bytes < 1 then
    return nil, "the files of this request are too large together"
  end
  local good, answered, why = pcall(http.fetch, {
    url = url, base64 = true, timeout = seconds, max_bytes = allowance.bytes,
    public_only = not settings.MEDIA_FROM_PRIVATE_ADDRESSES,
    headers = { accept = "*/*" },
  })
  if good then
    return answered, why
  end
  return nil, tostring(answered):match("http%.fetch: (.*)$") or error(answered, 0)  -- An address that is none.
end


-- As it is sent: without a fragment, and in ASCII. Nil, if it is no address of the web.
local function address_of(url)
  local plain = url:gsub("#.*$", ""):gsub("[\128-\255]", function(byte) return ("%%%02X"):format(byte:byte()) end)
  return plain:match("^[Hh][Tt][Tt][Pp][Ss]?://[^%s/?#]+[^%s%c]*$")
end


local function fetch(url, allowance)
  for _ = 0, most_redirects do
    url = address_of(url)
    if not url then
      return nil, "that is no http or https address"
    end
    local answered, why = fetch_once(url, allowance)
    local location = answered and is_redirect[answered.status] and answered.headers.location
    if not location then
      return answered, why or url
    end
    url = redirected(url, location)
  end
  return nil, "it redirects more than " .. most_redirects .. " times"
end


-- What the server says; what the name says, where that is nothing that Gemini takes.
local function type_of_answer(answered, url)
  local said = media.type_named(answered.headers["content-type"])
  if accepted[said] then
    return said
  end
  local is_vague = not said or said == "application/octet-stream" or said == "binary/octet-stream"
  return is_vague and media.type_of_file(url) or nil, said
end


local function fetched(request, url, takes_texts)
  local allowance = allowance_of(request)
  if allowance.files == 0 then
    return nil, "a request may name at most " .. most_files .. " files to fetch"
  end
  allowance.files = allowance.files - 1
  local answered, what = fetch(url, allowance)
  if not answered then
    return nil, "it could not be fetched: " .. what
  elseif answered.status ~= 200 then
    return nil, "it could not be fetched: the server answers with status " .. answered.status
  elseif bytes.length(answered.body) == 0 then
    return nil, "it could not be fetched: it is empty"
  end
  local kind, said = type_of_answer(answered, what)
  if not kind then
    return nil, "Gemini takes nothing of the type " .. (said or "that its server does not tell")
  elseif kind:find("^text/") and not takes_texts then
    return nil, "a page of the type " .. kind .. " stands there"  -- That of an error, or of a login.
  end
  allowance.bytes = math.max(0, allowance.bytes - math.floor(bytes.length(answered.body) / 4) * 3)
  return inline(kind, answered.body)
end


-- The part for a URL of any kind; nil and why. It may wait. `kind` is its type as far as known; texts are taken for
-- files alone.
function media.from_url(request, url, kind, takes_texts)
  if not bytes.is_text(url) then
    return nil, "expected a text"
  end
  local head = bytes.sub(url, 1, 8):lower()
  if head:sub(1, 5) == "data:" then
    return from_data_url(url, kind)
  end
  if bytes.length(url) > longest_address then
    return nil, "the address is too long"
  end
  url = bytes.text(url)
  local uploaded = media.uploaded(url, kind)
  if uploaded then
    return uploaded
  elseif head:sub(1, 5) == "gs://" or is_on_youtube(url) then
    return { fileData = { mimeType = kind, fileUri = url } }
  elseif head:find("^https?://") then
    return fetched(request, url, takes_texts)
  end
  return nil, "expected a data URL, an http or https address, or files/ID"
end


return media
