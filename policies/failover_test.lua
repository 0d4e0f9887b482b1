local failover = require "failover"

local model = "gemini-3.8-flash"
local day = 86400


local function google_says(status, name, message, ...)
  return an_attempt {
    status = status, body = { error = { code = status, message = message, status = name, details = { ... } } },
  }
end


local function info(reason)
  return {
    ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo", reason = reason, domain = "googleapis.com",
    metadata = { service = "generativelanguage.googleapis.com", consumer = "projects/123456789012" },
  }
end


local function judged(attempt, request)
  return failover.judge(request or a_request { model = model }, attempt)
end


-- What a verdict means for keys, in order: "rest gemini-x", "disable", "learn rpm 5 of gemini-x"; or nothing.
local function meaning(verdict)
  local words = {}
  for i, it in ipairs(verdict.meanings) do
    local how = it.kind:gsub("cool_down", "rest"):gsub("_", " ")
    if it.kind == "learn_limit" then
      how = "learn " .. it.limit_kind .. " " .. it.limit .. " of"
    elseif it.kind == "learn_project" then
      how = "learn project " .. it.project
    end
    words[i] = it.model and how .. " " .. it.model or how
  end
  return table.concat(words, ", ")
end


local function expect_answer(verdict)
  expect(verdict.action).to_be("answer")
  expect(meaning(verdict)).to_be("")
end


local function expect_another_key(verdict, what_it_means)
  expect(verdict.action).to_be("retry")
  expect(verdict.same_key).to_be(false)
  expect(meaning(verdict)).to_be(what_it_means)
end


-- Key trouble is Pollux's: clients must not take it for trouble with their own token.
local function expect_put_away(attempt, why, what)
  local verdict = judged(attempt)
  local first = verdict.meanings[1]
  expect(verdict.action).to_be("retry")
  expect(verdict.same_key).to_be(false)
  expect(first.kind).to_be(what or "disable")
  expect(first.key).to_be(attempt.key)
  expect(first.reason).to_contain(why)
  expect(verdict.otherwise.status).to_be(503)
  expect(verdict.otherwise.message:lower():find("api key not valid", 1, true)).to_be_nil()
end


local function expect_project_put_away(attempt, why)
  expect_put_away(attempt, why, "disable_project")
end


describe("failover.judge, when the key is at fault", function()
  it("puts a key away that Google does not know (row 1)", function()
    local message = "API key not valid. Please pass a valid API key."
    expect_put_away(google_says(400, "INVALID_ARGUMENT", message, info "API_KEY_INVALID"), "does not know")
    expect_put_away(google_says(400, "INVALID_ARGUMENT", message), "does not know")
    expect_put_away(google_says(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), "expired")
    expect_put_away(google_says(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key."), "not know")
  end)


  it("rests a free key for a day where Google has no free tier, and asks another (row 4)", function()
    local verdict = judged(google_says(400, "FAILED_PRECONDITION",
      "Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio."))

    expect_another_key(verdict, "rest")
    expect(verdict.meanings[1].seconds).to_be(day)
    expect(verdict.meanings[1].reason).to_contain("free tier")
    expect(verdict.otherwise.status).to_be(503)
  end)


  it("puts a key away that Google cannot validate (row 7)", function()
    local message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
      .. "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    expect_put_away(google_says(401, "UNAUTHENTICATED", message, info "ACCESS_TOKEN_TYPE_UNSUPPORTED"), "validate")
    expect_put_away(google_says(401, "UNAUTHENTICATED", message), "validate")
  end)


  it("counts any other 401 against the key, and asks another", function()
    local verdict = judged(google_says(401, "UNAUTHENTICATED", "No."))

    expect_another_key(verdict, "strike")
    expect(verdict.otherwise.status).to_be(503)
  end)


  it("leaves keys alone that only Google's OpenAI prefix or Vertex AI refuse", function()
    local refusals = {
      google_says(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
      google_says(401, "UNAUTHENTICATED", "No."),
      google_says(403, "PERMISSION_DENIED", "Agent Platform API has not been used in project 1 before or it is disabled.",
        info "SERVICE_DISABLED"),
    }
    for i, attempt in ipairs(refusals) do
      local nothing = i == 3 and "learn project 123456789012" or ""
      expect_another_key(judged(attempt, a_request { endpoint = "openai", path = "/v1beta/openai/chat/completions" }), nothing)
      expect_another_key(judged(attempt, a_request { model = model,
        path = "/v1/publishers/google/models/gemini-3.8-flash:generateContent" }), nothing)
    end
  end)


  it("puts the keys of a project away whose account is empty (row 9)", function()
    local message = "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage "
      .. "your project and billing. Learn more at https://ai.google.dev/gemini-api/docs/billing#prepay."
    expect_project_put_away(google_says(402, "RESOURCE_EXHAUSTED", message), "credits")
    expect_project_put_away(google_says(429, "RESOURCE_EXHAUSTED", message), "credits")
  end)


  it("puts the keys of a suspended project away, and does not repeat the key (row 10)", function()
    local message = "Permission denied: Consumer 'api_key:AIzaSyExample' has been suspended."
    for _, detail in ipairs { info "CONSUMER_SUSPENDED", false } do
      local attempt = google_says(403, "PERMISSION_DENIED", message, detail or nil)
      expect_project_put_away(attempt, "suspended")
      expect(judged(attempt).meanings[1].reason:find("AIza", 1, true)).to_be_nil()
    end
  end)


  it("puts a leaked key away (row 11)", function()
    expect_put_away(google_says(403, "PERMISSION_DENIED",
      "Your API key was reported as leaked. Please use another API key."), "leaked")
  end)


  it("puts the keys of a project away that has not enabled the API (row 12)", function()
    local message = "Generative Language API has not been used in project 123456789012 before or it is disabled. Enable "
      .. "it by visiting https://console.developers.google.com/apis/api/generativelanguage.googleapis.com/overview"
      .. "?project=123456789012 then retry. If you enabled this API recently, wait a few minutes for the action to "
      .. "propagate to our systems and retry."
    expect_project_put_away(google_says(403, "PERMISSION_DENIED", message, info "SERVICE_DISABLED"), "not enabled")
    expect_project_put_away(google_says(403, "PERMISSION_DENIED", message), "not enabled")
  end)


  it("puts a key away whose restrictions forbid the request (row 13)", function()
    local message = "Requests to this API generativelanguage.googleapis.com method "
      .. "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent are blocked."
    expect_put_away(google_says(403, "PERMISSION_DENIED", message), "restrictions")
    for _, who in ipairs { "SERVICE", "HTTP_REFERRER", "IP_ADDRESS", "ANDROID_APP", "IOS_APP" } do
      expect_put_away(google_says(403, "PERMISSION_DENIED", "Blocked.", info("API_KEY_" .. who .. "_BLOCKED")), "restrict")
    end
  end)


  it("puts the keys of a banned project away (row 14)", function()
    expect_project_put_away(google_says(403, "PERMISSION_DENIED",
      "Your project has been denied access. Please contact support."), "denied")
  end)


  it("puts the keys of a project away that lacks billing (row 15)", function()
    local message = "This API method requires billing to be enabled. Please enable billing on project #123456789012."
    expect_project_put_away(google_says(403, "PERMISSION_DENIED", message, info "BILLING_DISABLED"), "billing")
    expect_project_put_away(google_says(403, "PERMISSION_DENIED", message), "billing")
  end)


  it("rests key and model for days where the model is closed to the project (row 19)", function()
    local verdict = judged(google_says(404, "NOT_FOUND", "This model models/gemini-2.5-flash is no longer available to "
      .. "new users. Please update your code to use a newer model for the latest features and improvements."))

    expect_another_key(verdict, "rest " .. model)
    expect(verdict.meanings[1].seconds).to_be(3 * day)
  end)


  it("learns the key's project where Google names it, but never a key in its place", function()
    local function learned(metadata)
      local verdict = judged(google_says(403, "PERMISSION_DENIED", "Denied.", {
        ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo", reason = "SERVICE_DISABLED", metadata = metadata,
      }))
      local last = verdict.meanings[#verdict.meanings]
      return last.kind == "learn_project" and last.project or nil
    end

    expect(learned { consumer = "projects/123456789012" }).to_be("123456789012")
    expect(learned { consumer = "projects/my-project-7" }).to_be("my-project-7")
    expect(learned { containerInfo = "123456789012" }).to_be("123456789012")
    expect(learned { consumer = "api_key:AIzaSyExample", containerInfo = "123456789012" }).to_be("123456789012")
    expect(learned { consumer = "projects/AIzaSyExample", containerInfo = "api_key:AIzaSyExample" }).to_be_nil()
    expect(learned {}).to_be_nil()
  end)
end)


describe("failover.judge, when the request is at fault", function()
  it("answers when Pollux let a second credential through (row 2)", function()
    expect_answer(judged(google_says(400, "INVALID_ARGUMENT",
      "Multiple authentication credentials received. Please pass only one.")))
  end)


  it("answers where Google does not serve the country (row 3)", function()
    expect_answer(judged(google_says(400, "FAILED_PRECONDITION", "User location is not supported for the API use.")))
  end)


  it("answers what Google cannot read (row 6)", function()
    local message = [[Invalid JSON payload received. Unknown name "foo" at 'generation_config': Cannot find field.]]
    expect_answer(judged(google_says(400, "INVALID_ARGUMENT", message, {
      ["@type"] = "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations = { { field = "generation_config", description = message } },
    })))
    expect_answer(judged(google_says(413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.")))
  end)


  it("keeps the key of a client who writes what a dead key would be told", function()
    expect_answer(judged(google_says(400, "INVALID_ARGUMENT", [[Invalid JSON payload received. Unknown name ]]
      .. [["API key not valid. Please pass a valid API key.": Cannot find field.]])))
    expect_answer(judged(google_says(403, "PERMISSION_DENIED", "You do not have permission to access the File "
      .. "Consumer has been suspended, reported as leaked or it may not exist.")))
  end)


  it("answers where a method wants OAuth (row 8)", function()
    local message = "API keys are not supported by this API. Expected OAuth2 access token or other authentication "
      .. "credentials that assert a principal. See https://cloud.google.com/docs/authentication"
    local verdict = judged(google_says(401, "UNAUTHENTICATED", message, info "CREDENTIALS_MISSING"))
    expect(verdict.action).to_be("answer")
    expect(meaning(verdict)).to_be("learn project 123456789012")
    expect_answer(judged(google_says(401, "UNAUTHENTICATED", message)))
  end)


  it("answers about files and caches of another project, and leaves the key alone (row 16)", function()
    expect_answer(judged(google_says(403, "PERMISSION_DENIED",
      "You do not have permission to access the File abc123 or it may not exist.")))
    expect_answer(judged(google_says(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)")))
  end)


  it("answers when no key was sent (row 17)", function()
    expect_answer(judged(google_says(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers "
      .. "without established identity). Please use API Key or other form of API consumer identity to call this API.")))
  end)


  it("answers that there is no such model (row 18)", function()
    expect_answer(judged(google_says(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is not "
      .. "supported for generateContent. Call ListModels to see the list of available models and their supported methods.")))
    expect_answer(judged(google_says(404, "NOT_FOUND", "Model is not found: models/gemini-9 for api version v1beta")))
  end)


  it("answers to wrong methods (row 23)", function()
    for _, status in ipairs { 405, 411, 501 } do
      expect_answer(judged(google_says(status, "UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled.")))
    end
  end)


  it("answers with a page that is no JSON", function()
    expect_answer(judged(an_attempt { status = 404, text = "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>" }))
  end)
end)


describe("failover.judge on thought signatures (row 5)", function()
  local messages = {
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and "
      .. "missing thought_signature may lead to degraded model performance. Additional data, function call "
      .. "`default_api:get_weather` , position 2. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures "
      .. "for more details.",
    "Invalid thought signature.", "Corrupted thought signature.", "Thought signature is not valid",
  }
  local sentinel = "skip_thought_signature_validator"


  local function a_conversation()
    return a_request { model = model, body = json.decode [[{"contents": [
      {"role": "user", "parts": [{"text": "Is it warm in Oslo?"}]},
      {"role": "model", "parts": [{"text": "Let me see.", "thoughtSignature": "old"},
        {"functionCall": {"name": "get_weather", "args": {}}}, {"function_call": {"name": "look"}, "thought_signature": "x"}]},
      {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"celsius": 3}}}]}]}]] }
  end


  it("tries once more with the same key, whatever the words", function()
    for _, message in ipairs(messages) do
      local verdict = judged(google_says(400, "INVALID_ARGUMENT", message), a_conversation())

      expect(verdict.action).to_be("retry")
      expect(verdict.same_key).to_be(true)
      expect(meaning(verdict)).to_be("")
    end
  end)


  it("has every signature replaced, and added to calls that have none", function()
    local request = a_conversation()

    judged(google_says(400, "INVALID_ARGUMENT", messages[1]), request)

    local parts = request.body.contents[2].parts
    expect(parts[1].thoughtSignature).to_be(sentinel)
    expect(parts[2].thoughtSignature).to_be(sentinel)
    expect(parts[3].thoughtSignature).to_be(sentinel)
    expect(parts[3].thought_signature).to_be_nil()
    expect(request.body.contents[1].parts[1].thoughtSignature).to_be_nil()
    expect(request.body.contents[3].parts[1].thoughtSignature).to_be_nil()
  end)


  it("leaves pictures where they are, and takes signatures that are as large", function()
    local large = ("iVBO"):rep(20000)
    local request = a_request { model = model, body = { contents = { { role = "model", parts = {
      { inlineData = { mimeType = "image/png", data = large }, thoughtSignature = large } } } } } }

    judged(google_says(400, "INVALID_ARGUMENT", messages[1]), request)

    local part = request.body.contents[1].parts[1]
    expect(part.thoughtSignature).to_be(sentinel)
    expect(bytes.length(part.inlineData.data)).to_be(#large)
    expect(json.decode(request.text).contents[1].parts[1].inlineData.data).to_be(large)
  end)


  it("answers when that did not help", function()
    local request = a_conversation()
    judged(google_says(400, "INVALID_ARGUMENT", messages[2]), request)

    expect_answer(judged(google_says(400, "INVALID_ARGUMENT", messages[2]), request))
  end)


  it("answers when there is nothing to repair", function()
    expect_answer(judged(google_says(400, "INVALID_ARGUMENT", messages[2]), a_request { model = model }))
  end)
end)


describe("failover.judge on a 403 in unknown words", function()
  local function unknown_403(key)
    return an_attempt { status = 403, key = key,
      body = { error = { code = 403, message = "The caller does not have permission", status = "PERMISSION_DENIED" } } }
  end


  it("asks another key, and leaves the first alone", function()
    expect_another_key(judged(unknown_403(a_key())), "")
  end)


  it("answers when the other key fails alike", function()
    local request = a_request { model = model }
    judged(unknown_403(a_key()), request)

    expect_answer(judged(unknown_403(a_key()), request))
  end)


  it("never suspects a key for requests that fail with other keys, too", function()
    local first, second = a_key(), a_key()
    for _ = 1, 5 do
      local request = a_request { model = model }
      expect(meaning(judged(unknown_403(first), request))).to_be("")
      judged(unknown_403(second), request)
    end
  end)


  it("rests a key for an hour that fails time and again where others do not", function()
    local suspect = a_key()
    judged(unknown_403(suspect))
    judged(unknown_403(suspect))

    local verdict = judged(unknown_403(suspect))

    expect_another_key(verdict, "rest")
    expect(verdict.meanings[1].seconds).to_be(3600)
    expect(verdict.meanings[1].reason).to_contain("suspect")
  end)
end)


describe("failover.judge, when the client pays with a key of their own", function()
  local function judged_own(attempt)
    return judged(attempt, a_request { model = model, own_key = true })
  end


  it("answers whatever is wrong with the key, and learns nothing", function()
    expect_answer(judged_own(google_says(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")))
    expect_answer(judged_own(google_says(403, "PERMISSION_DENIED", "Denied.", info "SERVICE_DISABLED")))
    expect_answer(judged_own(google_says(403, "PERMISSION_DENIED", "The caller does not have permission")))
    expect_answer(judged_own(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")))
  end)


  it("suspects no key of theirs, however often Google refuses it in words that nobody knows", function()
    local key = a_key()
    local refused = an_attempt { status = 403, key = key,
      body = { error = { code = 403, message = "The caller does not have permission", status = "PERMISSION_DENIED" } } }
    for _ = 1, 3 do
      judged_own(refused)
    end
    expect(meaning(judged(refused))).to_be("")
  end)


  it("tries the same key again where another moment may do", function()
    for _, attempt in ipairs { google_says(500, "INTERNAL", "Internal error encountered."),
      google_says(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), an_attempt { kind = "reset" } } do
      local verdict = judged_own(attempt)
      expect(verdict.action).to_be("retry")
      expect(verdict.same_key).to_be(true)
      expect(verdict.pause).to_be_above(0)
      expect(meaning(verdict)).to_be("")
    end
  end)
end)
