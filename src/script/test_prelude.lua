-- The words of a policy's tests: describe, it, expect, and fakes of what policies see.
-- `native` makes the fakes, `share(name, value)` gives a name to the test; returned is what the runner asks.
local native, share = ...

local tests = {}        -- {sentence, run, before}
local groups = {}       -- The describes that are open: {title, before = {...}}
local running = false
local expectations, failures = 0, {}
local fetch_handler


-- "keys_test.lua:7: " of the test's line, `level` callers up.
local function where(level)
  local _, text = pcall(error, "", level + 2)
  return text
end


-- Fails on the test's own line, and for good: a pcall in between does not save it.
local function fail(message, level)
  failures[#failures + 1] = where(level + 1) .. message
  error(failures[#failures], 0)
end


local function show(value, depth)
  depth = depth or 0
  if type(value) == "string" then return string.format("%q", value) end
  if type(value) ~= "table" then
    local name = native.name_of(value)
    return name and tostring(value) .. " " .. name or tostring(value)
  end
  if depth > 3 then return "{...}" end
  local parts, names = {}, {}
  for _, element in ipairs(value) do parts[#parts + 1] = show(element, depth + 1) end
  for name in pairs(value) do
    if type(name) ~= "number" then names[#names + 1] = name end
  end
  table.sort(names, function(one, other) return tostring(one) < tostring(other) end)
  for _, name in ipairs(names) do parts[#parts + 1] = tostring(name) .. " = " .. show(value[name], depth + 1) end
  return "{" .. table.concat(parts, ", ") .. "}"
end


local function equal(one, other, depth)
  if one == other then return true end
  if type(one) ~= "table" or type(other) ~= "table" or depth > 100 then return false end
  for name, value in pairs(one) do
    if not equal(value, other[name], depth + 1) then return false end
  end
  for name in pairs(other) do
    if one[name] == nil then return false end
  end
  return true
end


local function contains(whole, part)
  if type(whole) == "string" then return type(part) == "string" and whole:find(part, 1, true) ~= nil end
  if type(whole) ~= "table" then return false end
  for _, element in pairs(whole) do
    if equal(element, part, 0) then return true end
  end
  return false
end


-- Each answers whether it holds, and how the failure reads.
local matchers = {
  to_be = function(value, wanted) return value == wanted, "to be " .. show(wanted) end,
  to_equal = function(value, wanted) return equal(value, wanted, 0), "to equal " .. show(wanted) end,
  to_be_nil = function(value) return value == nil, "to be nil" end,
  to_be_true = function(value) return value == true, "to be true" end,
  to_be_false = function(value) return value == false, "to be false" end,
  to_be_truthy = function(value) return value ~= nil and value ~= false, "to be truthy" end,
  to_contain = function(value, part) return contains(value, part), "to contain " .. show(part) end,
  to_be_above = function(value, bound) return value > bound, "to be above " .. show(bound) end,
  to_be_below = function(value, bound) return value < bound, "to be below " .. show(bound) end,
  to_fail_with = function(value, text)
    local good, problem = pcall(value)
    local holds = not good and tostring(problem):find(text, 1, true) ~= nil
    local how = good and "; it did not fail" or "; it failed with " .. show(tostring(problem))
    return holds, "to fail with " .. show(text) .. how
  end,
}


local function matcher_of(value, name, negated)
  return function(...)
    local holds, text = matchers[name](value, ...)
    expectations = expectations + 1
    if holds == negated then
      fail("expected " .. (type(value) == "function" and "the function" or show(value)) ..
        (negated and " not " or " ") .. text, 2)
    end
  end
end


-- expect(value).to_be(other); expect(value).never.to_be(other)
local function expectation(value, negated)
  return setmetatable({}, {
    __index = function(_, name)
      if name == "never" or name == "not_" then return expectation(value, not negated) end
      if not matchers[name] then error("expect knows no " .. tostring(name), 2) end
      return matcher_of(value, name, negated)
    end,
  })
end


share("expect", function(value) return expectation(value, false) end)


share("describe", function(title, body)
  if type(title) ~= "string" or type(body) ~= "function" then error("describe takes a title and a function", 2) end
  groups[#groups + 1] = { title = title, before = {} }
  body()
  groups[#groups] = nil
end)


share("before_each", function(body)
  if type(body) ~= "function" or #groups == 0 then error("before_each takes a function, inside of describe", 2) end
  local before = groups[#groups].before
  before[#before + 1] = body
end)


share("it", function(title, body)
  if type(title) ~= "string" or type(body) ~= "function" then error("it takes a title and a function", 2) end
  if running then error("it cannot stand inside of it", 2) end
  local words, before = {}, {}
  for _, group in ipairs(groups) do
    words[#words + 1] = group.title
    before[#before + 1] = group.before
  end
  words[#words + 1] = title
  tests[#tests + 1] = { sentence = table.concat(words, " "), run = body, before = before, place = where(2) }
end)


-- Fakes -----------------------------------------------------------------------------------------------------------

local function names_of(list)
  local names = {}
  for name in list:gmatch("%S+") do names[name] = true end
  return names
end


local fields = {
  a_request = names_of("method path query headers remote_address dialect endpoint model upstream_model streaming " ..
    "token client own_key conversation estimated_tokens body text form state features"),
  a_key = names_of("name project tags weight enabled rests rests_for in_flight requests_today requests_this_minute " ..
    "tokens_this_minute limits failures_in_a_row secret"),
  a_pool = names_of("model tried kept limits estimated_tokens"),
  a_client = names_of("name tags token models rpm daily_requests daily_tokens expires_at enabled " ..
    "requests_this_minute requests_today tokens_today"),
  an_attempt = names_of("number key status headers body text kind message model"),
  a_response = names_of("status headers body text"),
}


local function checked(maker, given)
  if given == nil then return {} end
  if type(given) ~= "table" then error(maker .. " takes a table", 3) end
  local copy = {}
  for name, value in pairs(given) do
    if not fields[maker][name] then error(maker .. " knows no " .. tostring(name), 3) end
    copy[name] = value
  end
  if copy.body ~= nil then copy.text = json.encode(copy.body) end
  return copy
end


local function query_text(query)
  if type(query) ~= "table" then return query end
  local names, parts = {}, {}
  for name in pairs(query) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = name .. "=" .. tostring(query[name]) end
  return table.concat(parts, "&")
end


-- The text and the type of a form of these parts: { name = "file", value = "...", filename = "a.png", type = "image/png" }.
local form_boundary = "-----------------------------form-of-a-test"


local function form_text(parts)
  local lines = {}
  for index, part in ipairs(parts) do
    if type(part) ~= "table" or not part.name or not part.value then
      error("a_request: part " .. index .. " of its form has no name or no value", 3)
    end
    local filename = part.filename and '; filename="' .. part.filename .. '"' or ""
    lines[#lines + 1] = "--" .. form_boundary
    lines[#lines + 1] = 'Content-Disposition: form-data; name="' .. part.name .. '"' .. filename
    if part.type then lines[#lines + 1] = "Content-Type: " .. part.type end
    lines[#lines + 1] = ""
    lines[#lines + 1] = tostring(part.value)
  end
  lines[#lines + 1] = "--" .. form_boundary .. "--"
  return table.concat(lines, "\r\n"), "multipart/form-data; boundary=" .. form_boundary
end


local function add_form(spec)
  local headers = {}
  for name, value in pairs(spec.headers or {}) do headers[name] = value end
  spec.text, headers["content-type"] = form_text(spec.form)
  spec.headers = headers
end


local specs = setmetatable({}, { __mode = "k" })  -- By fake key: a pool is made of them anew.
local key_count = 0


local usual_model = "gemini-2.5-flash"


local function complete_key(spec)
  if not spec.secret then
    key_count = key_count + 1
    spec.secret = string.format("AIzaFakeKeyForTests%06d", key_count)
  end
  return spec
end


-- a_key { name = "paid-1", tags = { "paid" }, rests = 30, rests_for = "gemini-2.5-pro", in_flight = 2 }
local function a_key(given)
  local spec = complete_key(checked("a_key", given))
  local key = native.key(spec, usual_model)
  specs[key] = spec
  return key
end


share("a_key", a_key)


-- a_pool { a_key {...}, a_key {...}, model = "gemini-2.5-flash", tried = { a_key } }: a real pool of these keys.
share("a_pool", function(given)
  given = given or {}
  local list, options = {}, { tried = {}, kept = {} }
  for index, item in ipairs(given) do
    local spec = specs[item] or (type(item) == "table" and checked("a_key", item))
    if not spec then error("a_pool: its entry " .. index .. " is no key made by a_key", 2) end
    list[index] = complete_key(spec)
  end
  for name in pairs(given) do
    if type(name) ~= "number" and not fields.a_pool[name] then error("a_pool knows no " .. name, 2) end
  end
  for index, key in ipairs(given.tried or {}) do options.tried[index] = key.id end
  for conversation, key in pairs(given.kept or {}) do options.kept[tostring(conversation)] = key.id end
  options.model = given.model or usual_model
  options.limits, options.estimated_tokens = given.limits, given.estimated_tokens
  return native.pool(list, options)
end)


local function a_client(given)
  return native.client(checked("a_client", given))
end


share("a_client", a_client)


share("a_request", function(given)
  local spec = checked("a_request", given)
  spec.model = spec.model or usual_model
  spec.upstream_model = spec.upstream_model or spec.model
  spec.client = spec.client or a_client { name = spec.own_key and "own key" or "somebody" }
  spec.query = query_text(spec.query)
  if spec.form then add_form(spec) end
  return native.request(spec)
end)


share("an_attempt", function(given)
  local spec = checked("an_attempt", given)
  spec.key = spec.key or a_key { name = "a-key" }
  if spec.status == nil and (spec.kind == nil or spec.kind == "http") then spec.status = 500 end
  return native.attempt(spec)
end)


share("a_response", function(given)
  return native.response(checked("a_response", given))
end)


local function inside_of_a_test(name)
  if not running then error(name .. " is for inside of it and before_each", 3) end
end


-- with_clients { { name = "bob", token = "secret", tags = { "friend" } } }: what clients.find() knows in this test.
share("with_clients", function(list)
  inside_of_a_test("with_clients")
  for index, given in ipairs(list) do
    if type(given) ~= "table" or type(given.token) ~= "string" then
      error("with_clients: its entry " .. index .. " has no token", 2)
    end
    native.add_client(checked("a_client", given))
  end
end)


-- with_settings { MAX_RETRIES = 0 }
share("with_settings", function(values)
  inside_of_a_test("with_settings")
  for name, value in pairs(values) do
    if not native.set_setting(name, value) then error("there is no setting " .. tostring(name), 2) end
  end
end)


-- at_time("2026-11-21T08:00:00Z") or at_time(1763700000)
share("at_time", function(when)
  inside_of_a_test("at_time")
  if not native.set_time(when) then error("at_time: " .. show(when) .. " is no time", 2) end
end)


-- fake_fetch(function(request) return { status = 200, body = "..." } end)
share("fake_fetch", function(handler)
  inside_of_a_test("fake_fetch")
  if type(handler) ~= "function" then error("fake_fetch takes a function", 2) end
  fetch_handler = handler
end)


share("sleep", function(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0) then error("sleep: expected seconds", 2) end
  native.pass_time(seconds)
end)


-- At once: what it does can be looked at on the next line, and what goes wrong fails the test.
share("background", function(body)
  if type(body) ~= "function" then error("background takes a function", 2) end
  body()
  return true
end)


local function fetched(name, request)
  if not fetch_handler then error(name .. ": say with fake_fetch(function(request) ... end) what it answers", 3) end
  local answer, why = fetch_handler(request)
  if answer == nil then return nil, why or "failed" end
  local body = answer.body or ""
  if #body > (request.max_bytes or math.huge) then
    return nil, "the answer is larger than " .. request.max_bytes .. " bytes"
  end
  if request.base64 then body = bytes.to_base64(body) end
  return { status = answer.status or 200, headers = answer.headers or {}, body = body }
end


share("http", {
  fetch = function(request)
    if type(request) ~= "table" or type(request.url) ~= "string" then error("http.fetch: expected a url", 2) end
    return fetched("http.fetch", request)
  end,
})


-- As it is, but for what leaves this machine; fake_fetch is also given the key, if there is one.
local google_as_it_is = google
share("google", setmetatable({
  fetch = function(key, request)
    if type(key) == "table" then key, request = nil, key end
    if key ~= nil and not native.name_of(key) then error("google.fetch: expected a key", 2) end
    if type(request) ~= "table" or type(request.path) ~= "string" then error("google.fetch: expected a path", 2) end
    local call = { key = key }
    for name, value in pairs(request) do call[name] = value end
    return fetched("google.fetch", call)
  end,
}, { __index = google_as_it_is }))


-- The runner's ---------------------------------------------------------------------------------------------------
local runner = {}


function runner.count()
  return #tests
end


function runner.sentence(index)
  return tests[index].sentence, tests[index].place
end


-- nil, or what is wrong.
function runner.run(index)
  local test = tests[index]
  running, expectations, failures, fetch_handler = true, 0, {}, nil
  local good, problem = pcall(function()
    for _, group in ipairs(test.before) do
      for _, body in ipairs(group) do body() end
    end
    test.run()
  end)
  running = false
  if #failures > 0 then return failures[1] end
  if not good then return tostring(problem) end
  if expectations == 0 then return test.place .. "it asserts nothing" end
end


return runner
