local health = require "health"


local function google_error(status, name, message, ...)
  return { status = status, body = json.encode {
    error = { code = status, message = message, status = name, details = { ... } } } }
end


local function info(reason)
  return {
    ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo", reason = reason, domain = "googleapis.com",
    metadata = { service = "generativelanguage.googleapis.com" },
  }
end


local function blocked(method)
  return google_error(403, "PERMISSION_DENIED",
    "Requests to this API generativelanguage.googleapis.com method " .. method .. " are blocked.",
    info("API_KEY_SERVICE_BLOCKED"))
end


-- What is found out where Google answers so; a function answers call by call.
local function check(answer)
  fake_fetch(type(answer) == "function" and answer or function() return answer end)
  return health.check(a_key { name = "asked" })
end


local function expect_refused(answer, why)
  local well, message, status = check(answer)
  expect(well).to_be(false)
  expect(message).to_contain(why)
  expect(status).to_be(answer.status)
end


local function expect_unknown(answer, why)
  local well, message, status = check(answer)
  expect(well).to_be_nil()
  expect(message).to_contain(why)
  expect(status).to_be(answer.status)
end


describe("health.check", function()
  it("asks with the key for a list of models, which costs no quota", function()
    local asked
    local key = a_key { name = "asked" }
    fake_fetch(function(call)
      asked = call
      return { status = 200, body = '{"models": [{"name": "models/gemini-3.8-flash"}]}' }
    end)

    local well, _, status = health.check(key)

    expect(well).to_be(true)
    expect(status).to_be(200)
    expect(asked.key).to_be(key)
    expect(asked.path).to_be("/v1beta/models?pageSize=1")
    expect(asked.method or "GET").to_be("GET")
  end)

  it("finds an empty list as good as any", function()
    expect((check { status = 200, body = "{}" })).to_be(true)
  end)

  it("takes no other page for Google's answer", function()
    expect_unknown({ status = 200, body = "<html>Please sign in to the hotel's network</html>" }, "200")
  end)

  for reason, why in pairs {
    API_KEY_INVALID = "does not know this key", ACCESS_TOKEN_TYPE_UNSUPPORTED = "cannot validate",
    CONSUMER_SUSPENDED = "suspended", SERVICE_DISABLED = "has not enabled", BILLING_DISABLED = "no billing",
    API_KEY_HTTP_REFERRER_BLOCKED = "web sites", API_KEY_IP_ADDRESS_BLOCKED = "IP addresses",
    API_KEY_ANDROID_APP_BLOCKED = "Android", API_KEY_IOS_APP_BLOCKED = "iOS",
  } do
    it("knows the reason " .. reason, function()
      expect_refused(google_error(403, "PERMISSION_DENIED", "In words that change.", info(reason)), why)
    end)
  end

  for _, row in ipairs {
    { 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "does not know this key" },
    { 400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "does not know this key" },
    { 400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key.", "does not know this key" },
    { 401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2", "cannot validate" },
    { 402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio ...", "credits" },
    { 429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio ...", "credits" },
    { 403, "PERMISSION_DENIED", "Permission denied: Consumer 'api_key:x' has been suspended.", "suspended" },
    { 403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key.", "leaked" },
    { 403, "PERMISSION_DENIED", "Generative Language API has not been used in project 1 before", "has not enabled" },
    { 403, "PERMISSION_DENIED", "Your project has been denied access. Please contact support.", "denied" },
    { 403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", "no billing" },
  } do
    it("knows the words " .. row[3], function()
      expect_refused(google_error(row[1], row[2], row[3]), row[4])
    end)
  end

  for _, row in ipairs {
    { 400, "FAILED_PRECONDITION", "User location is not supported for the API use." },
    { 400, "FAILED_PRECONDITION", "Gemini API free tier is not available in your country. Please enable billing" },
    { 400, "INVALID_ARGUMENT", "Multiple authentication credentials received. Please pass only one." },
    { 401, "UNAUTHENTICATED", "API keys are not supported by this API. Expected OAuth2 access token" },
    { 401, "UNAUTHENTICATED", "In words that nobody knows." },
    { 403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers" },
    { 403, "PERMISSION_DENIED", "In words that nobody knows." },
    { 404, "NOT_FOUND", "In words that nobody knows." },
    { 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)." },
    { 500, "INTERNAL", "An internal error has occurred." },
    { 503, "UNAVAILABLE", "The service is currently unavailable." },
  } do
    it("blames no key for " .. row[1] .. " " .. row[3], function()
      expect_unknown(google_error(row[1], row[2], row[3]), row[3])
    end)
  end

  it("blames no key for what is no JSON", function()
    expect_unknown({ status = 502, body = "<html>Bad Gateway</html>" }, "502")
  end)

  it("blames no key for a network that fails", function()
    local well, why, status = check(function() return nil, "no whole answer in time" end)
    expect(well).to_be_nil()
    expect(why).to_be("no whole answer in time")
    expect(status).to_be_nil()
  end)

  it("refuses a key that may use no method of the API", function()
    local asked = {}
    local well, why = check(function(call)
      asked[#asked + 1] = call.path
      return blocked("google.ai.generativelanguage.v1beta.Any.Method")
    end)
    expect(well).to_be(false)
    expect(why).to_contain("exclude the Gemini API")
    expect(#asked).to_be(2)
    expect(asked[2]).to_contain(":countTokens")
  end)

  for what, second in pairs {
    ["and count tokens"] = { status = 200, body = '{"totalTokens": 1}' },
    ["of a model that is gone"] = google_error(404, "NOT_FOUND", "models/gemini-flash-latest is not found"),
  } do
    it("lets in a key that may not list models " .. what, function()
      local well = check(function(call)
        return call.path:find("countTokens", 1, true) and second or blocked("ModelService.ListModels")
      end)
      expect(well).to_be(true)
    end)
  end

  it("knows nothing of a key that may not list models while the rest does not answer", function()
    local well, why = check(function(call)
      if call.path:find("countTokens", 1, true) then return nil, "reset" end
      return blocked("ModelService.ListModels")
    end)
    expect(well).to_be_nil()
    expect(why).to_be("reset")
  end)
end)
