-- failover.lua on the 429, in all the forms it was seen in.
local failover = require "failover"

local model = "gemini-3.8-flash"


local function google_says(status, name, message, ...)
  return an_attempt {
    status = status, body = { error = { code = status, message = message, status = name, details = { ... } } },
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


-- Another key is asked, and the verdict means exactly this: { "learn rpm 5 of gemini-x", "rest gemini-x" }.
local function expect_another_key(verdict, ...)
  expect(verdict.action).to_be("retry")
  expect(verdict.same_key).to_be(false)
  expect(verdict.counted).to_be(false)
  expect(meaning(verdict)).to_be(table.concat({ ... }, ", "))
end


local function violation(quota_id, value, of_model)
  return {
    quotaMetric = "generativelanguage.googleapis.com/generate_content_free_tier_requests", quotaId = quota_id,
    quotaDimensions = { location = "global", model = of_model or model }, quotaValue = value,
  }
end


local function limited(violations, delay, message)
  return google_says(429, "RESOURCE_EXHAUSTED",
    message or "You exceeded your current quota, please check your plan and billing details.",
    { ["@type"] = "type.googleapis.com/google.rpc.QuotaFailure", violations = violations },
    delay and { ["@type"] = "type.googleapis.com/google.rpc.RetryInfo", retryDelay = delay })
end


-- How long the key's project rests for the model.
local function rest_of(verdict, of_model)
  for _, it in ipairs(verdict.meanings) do
    if it.kind == "cool_down" and it.model == (of_model or model) then
      return it.seconds
    end
  end
end


local function expect_rest(verdict, at_least, at_most)
  local seconds = rest_of(verdict)
  expect(verdict.action).to_be("retry")
  expect(seconds >= at_least and seconds <= at_most).to_be_true()
end


local function expect_rest_until_midnight(verdict)
  local until_midnight = time.pacific_midnight() - time.now()
  expect_rest(verdict, until_midnight - 1, until_midnight + 1)
end


local rpm = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
local rpd = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
local tpm = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
local tpd = "GenerateContentInputTokensPerModelPerDay-FreeTier"


describe("failover.judge on a 429 (row 20)", function()
  it("rests project and model until midnight in Los Angeles when the day is spent, whatever delay is named (rule 1)", function()
    for _, delay in ipairs { "38s", "0s", "6s" } do
      local verdict = judged(limited({ violation(rpd, "20") }, delay))
      expect_rest_until_midnight(verdict)
      expect_another_key(verdict, "learn rpd 20 of " .. model, "rest " .. model)
    end
  end)


  it("heeds all of several violations, and the longest rest counts (rule 1)", function()
    local verdict = judged(limited({ violation(rpm, "5"), violation(tpm, "250000"), violation(rpd, "20") }, "6s"))

    expect_rest_until_midnight(verdict)
    expect_another_key(verdict, "learn rpm 5 of " .. model, "learn tpm 250000 of " .. model, "learn rpd 20 of " .. model,
      "rest " .. model)
  end)


  it("rests until midnight for a day's tokens, of which no limit is kept (rule 1)", function()
    local verdict = judged(limited({ violation(tpd, "1000000") }, "38s"))

    expect_rest_until_midnight(verdict)
    expect_another_key(verdict, "rest " .. model)
  end)


  it("reckons with daylight saving: the day of the change in March has 23 hours, that in November 25", function()
    at_time("2026-03-08T08:00:00Z")
    expect_rest(judged(limited({ violation(rpd, "20") })), 23 * 3600, 23 * 3600)
    at_time("2026-11-01T07:00:00Z")
    expect_rest(judged(limited({ violation(rpd, "20") })), 25 * 3600, 25 * 3600)
  end)


  it("learns that the project may not use the model where the limit is 0, and says so (rule 2)", function()
    local verdict = judged(limited({ violation(rpm, "0") }, "38s"))

    expect_another_key(verdict, "learn rpm 0 of " .. model, "rest " .. model)
    expect(verdict.otherwise.message).to_contain("may not use " .. model)
    expect(verdict.otherwise.retry_after).to_be_nil()
  end)


  it("takes 0 tokens for 0 requests, and reads a 0 that stands in the message alone (rule 2)", function()
    local message = "You exceeded your current quota. \n* Quota exceeded for metric: generativelanguage.googleapis.com/"
      .. "generate_content_free_tier_requests, limit: 0, model: " .. model .. "\nPlease retry in 38.292227434s."

    expect_another_key(judged(limited({ violation(tpm, "0"), violation(tpd, "0") }, "38s")),
      "learn rpm 0 of " .. model, "learn rpd 0 of " .. model, "rest " .. model)
    expect_another_key(judged(limited({ violation(rpd), violation(rpm) }, "38s", message)),
      "learn rpd 0 of " .. model, "learn rpm 0 of " .. model, "rest " .. model)
  end)


  it("rests project and model for as long as Google asks when a minute is spent (rule 3)", function()
    local verdict = judged(limited({ violation(rpm, "15") }, "38s"))

    expect_rest(verdict, 38, 39)
    expect_another_key(verdict, "learn rpm 15 of " .. model, "rest " .. model)
    expect_rest(judged(limited({ violation(tpm, "250000") }, "0.5s")), 1, 2)
    expect_rest(judged(limited({ violation(rpm, "15") }, "0s")), 1, 2)
  end)


  it("rests project and model for a minute where Google names no delay (rule 3)", function()
    expect_rest(judged(limited({ violation(rpm, "15") })), 60, 60)
  end)


  it("backs off from project and model where nothing is explained (rule 4)", function()
    for _, message in ipairs { "Resource has been exhausted (e.g. check quota).",
      "Resource exhausted. Please try again later." } do
      local verdict = judged(google_says(429, "RESOURCE_EXHAUSTED", message))
      expect_another_key(verdict, "back off " .. model)
      expect(verdict.meanings[1].first).to_be(10)
      expect(verdict.meanings[1].most).to_be(600)
    end
  end)


  it("believes a delay that comes without a reason (rule 4)", function()
    expect_rest(judged(google_says(429, "RESOURCE_EXHAUSTED", "Slow down. Please retry in 7s.")), 7, 8)
  end)


  it("reads the newer form of one line (rule 5)", function()
    local form = "Rate limit exceeded for model gemini-3.8-flash (limit: 5 requests per %s on Free Tier). Please retry in 11s"

    local minute = judged(google_says(429, "RESOURCE_EXHAUSTED", form:format "minute"))
    expect_rest(minute, 11, 12)
    expect_another_key(minute, "learn rpm 5 of " .. model, "rest " .. model)

    local day = judged(google_says(429, "RESOURCE_EXHAUSTED", form:format "day"))
    expect_rest_until_midnight(day)
    expect_another_key(day, "learn rpd 5 of " .. model, "rest " .. model)
  end)


  it("reads the old form, with the limit in ErrorInfo, and learns the project (rule 6)", function()
    local verdict = judged(google_says(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", {
      ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo", reason = "RATE_LIMIT_EXCEEDED", domain = "googleapis.com",
      metadata = {
        consumer = "projects/123456789012", quota_limit = "GenerateContentRequestsPerMinutePerProjectPerRegion",
        quota_limit_value = "15", quota_location = "us-east1",
      },
    }))

    expect_rest(verdict, 60, 60)
    expect_another_key(verdict, "learn rpm 15 of " .. model, "rest " .. model, "learn project 123456789012")
  end)


  it("learns no limit that is no number", function()
    for _, value in ipairs { "-1", "2.5", "many" } do
      expect_another_key(judged(limited({ violation(rpm, value) }, "38s")), "rest " .. model)
    end
  end)


  it("means the model that was asked for and the one that Google names", function()
    local other = "gemini-3.8-flash-001"

    local verdict = judged(limited({ violation(rpm, "15", other) }, "38s"))

    expect(meaning(verdict)).to_contain("learn rpm 15 of " .. model .. ", learn rpm 15 of " .. other)
    expect(rest_of(verdict)).to_be(rest_of(verdict, other))
  end)


  it("leaves generation alone when batches, caches or another method are limited", function()
    expect_another_key(judged(limited({ violation("BatchEnqueuedTokensPerModel", "10") }, "38s")))
    expect_another_key(judged(google_says(429, "RESOURCE_EXHAUSTED",
      "TotalCachedContentStorageTokensPerModelFreeTier limit exceeded for model gemini-3.8-flash: limit=0")))
    for _, endpoint in ipairs { "count_tokens", "files", "caches", "batches", "upload" } do
      expect_another_key(judged(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        a_request { model = model, endpoint = endpoint }))
    end
  end)


  it("has the client told that Pollux has no quota left, not that the client has none", function()
    local otherwise = judged(limited({ violation(rpm, "15") }, "38s")).otherwise

    expect(otherwise.status).to_be(503)
    expect(otherwise.message).to_contain(model)
  end)


  it("takes a 402 in unknown words for a 429 that explains nothing", function()
    expect(meaning(judged(google_says(402, "RESOURCE_EXHAUSTED", "Pay first.")))).to_be("back off " .. model)
  end)
end)


describe("failover.judge on a request that alone is larger than a limit of tokens", function()
  -- The verdicts on it, from keys with these tags.
  local function judged_large(tags, times)
    local request, verdicts = a_request { model = model, estimated_tokens = 1500000 }, {}
    local text = limited({ violation(tpm, "250000") }, "38s").text
    for i = 1, times do
      verdicts[i] = judged(an_attempt { status = 429, key = a_key { tags = tags }, text = text }, request)
    end
    return verdicts
  end


  it("answers, does not run through the pool, and lets no key rest", function()
    local verdict = judged_large({}, 1)[1]

    expect(verdict.action).to_be("answer")
    expect(verdict.counted).to_be_false()
    expect(meaning(verdict)).to_be("learn tpm 250000 of " .. model)
  end)


  it("asks a key of a higher tier, once", function()
    local verdicts = judged_large({ "free" }, 2)

    expect(verdicts[1].action).to_be("retry")
    expect(meaning(verdicts[1])).to_be("learn tpm 250000 of " .. model)
    expect(verdicts[2].action).to_be("answer")
  end)


  it("answers where there is no higher tier, or none is known", function()
    expect(judged_large({ "tier3" }, 1)[1].action).to_be("answer")
    expect(judged_large({ "mine" }, 1)[1].action).to_be("answer")
  end)


  it("counts the words of the prompt itself, too", function()
    local prompt = ("word "):rep(20)
    local request = a_request { model = model, body = { contents = { { parts = { { text = prompt } } } } } }

    expect(judged(limited({ violation(tpm, "20") }, "38s"), request).action).to_be("answer")
    expect_rest(judged(limited({ violation(tpm, "30") }, "38s"), request), 38, 39)
  end)


  it("leaves one alone that fits", function()
    expect_rest(judged(limited({ violation(tpm, "250000") }, "38s"),
      a_request { model = model, estimated_tokens = 250000 }), 38, 39)
  end)
end)
