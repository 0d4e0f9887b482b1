-- failover.lua on the 429, in all the forms it was seen in.
local failover = require "failover"

local model = "gemini-3.8-flash"
local day = 86400


local function google_says(status, name, message, ...)
  return an_attempt {
    status = status, body = { error = { code = status, message = message, status = name, details = { ... } } },
  }
end


local function judged(attempt, request)
  return failover.judge(request or a_request { model = model }, attempt)
end


-- What a verdict means for keys: "disable", "rest gemini-x, rest gemini-y", or nothing.
local function meaning(verdict)
  local words = {}
  for _, rest in ipairs(verdict.rests) do
    words[#words + 1] = rest.model and "rest " .. rest.model or "rest"
  end
  for _ in ipairs(verdict.disables) do
    words[#words + 1] = "disable"
  end
  for _ in ipairs(verdict.strikes) do
    words[#words + 1] = "strike"
  end
  return table.concat(words, ", ")
end


local function expect_another_key(verdict, what_it_means)
  expect(verdict.action).to_be("retry")
  expect(verdict.same_key).to_be(false)
  expect(meaning(verdict)).to_be(what_it_means)
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


local function expect_rest(verdict, at_least, at_most)
  expect_another_key(verdict, "rest " .. model)
  local seconds = verdict.rests[1].seconds
  expect(seconds >= at_least and seconds <= at_most).to_be_true()
end


local rpm = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
local rpd = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
local tpm = "GenerateContentInputTokensPerModelPerMinute-FreeTier"


describe("failover.judge on a 429 (row 20)", function()
  it("rests key and model until midnight in Los Angeles when the day is spent, whatever delay is named (rule 1)", function()
    local until_midnight = time.pacific_midnight() - time.now()

    expect_rest(judged(limited({ violation(rpd, "20") }, "38s")), until_midnight - 2, until_midnight + 1)
    expect_rest(judged(limited({ violation(rpm, "5"), violation(rpd, "20") }, "6s")), until_midnight - 2, until_midnight + 1)
  end)


  it("rests key and model for a day where the limit is 0 (rule 2)", function()
    local message = "You exceeded your current quota. \n* Quota exceeded for metric: generativelanguage.googleapis.com/"
      .. "generate_content_free_tier_requests, limit: 0, model: " .. model .. "\nPlease retry in 38.292227434s."
    expect_rest(judged(limited({ violation(rpm, "0") }, "38s")), day, day)
    expect_rest(judged(limited({ violation(rpd), violation(rpm) }, "38s", message)), day, day)
  end)


  it("rests key and model for as long as Google asks when a minute is spent (rule 3)", function()
    expect_rest(judged(limited({ violation(rpm, "15") }, "38s")), 38, 39)
    expect_rest(judged(limited({ violation(tpm, "250000") }, "0.5s")), 0.5, 2)
  end)


  it("rests key and model for a minute where Google names no delay (rule 3)", function()
    expect_rest(judged(limited({ violation(rpm, "15") })), 60, 60)
  end)


  it("answers a request that alone is larger than the limit, and does not run through the pool (rule 3)", function()
    local prompt = ("word "):rep(20)
    local request = a_request { model = model, body = { contents = { { parts = { { text = prompt } } } } } }

    expect(judged(limited({ violation(tpm, "20") }, "38s"), request).action).to_be("answer")
    expect_rest(judged(limited({ violation(tpm, "30") }, "38s"), request), 38, 39)
  end)


  it("rests key and model a little where nothing is explained (rule 4)", function()
    for _, message in ipairs { "Resource has been exhausted (e.g. check quota).",
      "Resource exhausted. Please try again later." } do
      expect_rest(judged(google_says(429, "RESOURCE_EXHAUSTED", message)), 10, 10)
    end
  end)


  it("doubles that while it goes on, and starts again after a quiet time (rule 4)", function()
    local bare = google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
    for _, seconds in ipairs { 10, 20, 40, 80, 160, 320, 600, 600 } do
      expect_rest(judged(bare), seconds, seconds)
      expect_rest(judged(bare), seconds, seconds)  -- Sent before it rested.
      sleep(seconds + 1)
    end
    sleep(1200)
    expect_rest(judged(bare), 10, 10)
  end)


  it("reads the newer form of one line (rule 5)", function()
    local until_midnight = time.pacific_midnight() - time.now()
    local form = "Rate limit exceeded for model gemini-3.8-flash (limit: 5 requests per %s on Free Tier). Please retry in 11s"

    expect_rest(judged(google_says(429, "RESOURCE_EXHAUSTED", form:format "minute")), 11, 12)
    expect_rest(judged(google_says(429, "RESOURCE_EXHAUSTED", form:format "day")), until_midnight - 2, until_midnight + 1)
  end)


  it("reads the old form, with the limit in ErrorInfo (rule 6)", function()
    expect_rest(judged(google_says(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", {
      ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo", reason = "RATE_LIMIT_EXCEEDED", domain = "googleapis.com",
      metadata = {
        consumer = "projects/123456789012", quota_limit = "GenerateContentRequestsPerMinutePerProjectPerRegion",
        quota_limit_value = "15", quota_location = "us-east1",
      },
    })), 60, 60)
  end)


  it("rests the model that was asked for and the one that Google names", function()
    local verdict = judged(limited({ violation(rpm, "15", "gemini-3.8-flash-001") }, "38s"))

    expect(meaning(verdict)).to_be("rest gemini-3.8-flash, rest gemini-3.8-flash-001")
  end)


  it("leaves generation alone when batches, caches or another method are limited", function()
    expect_another_key(judged(limited({ violation("BatchEnqueuedTokensPerModel", "10") }, "38s")), "")
    expect_another_key(judged(google_says(429, "RESOURCE_EXHAUSTED",
      "TotalCachedContentStorageTokensPerModelFreeTier limit exceeded for model gemini-3.8-flash: limit=0")), "")
    expect_another_key(judged(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
      a_request { model = model, endpoint = "count_tokens" }), "")
  end)


  it("has the client told that Pollux has no quota left, not that the client has none", function()
    local otherwise = judged(limited({ violation(rpm, "15") }, "38s")).otherwise

    expect(otherwise.status).to_be(503)
    expect(otherwise.message).to_contain(model)
    expect(otherwise.retry_after >= 38 and otherwise.retry_after <= 40).to_be_true()
  end)


  it("has the client come back at once if only the tries were used up, and within a minute in any case", function()
    expect(judged(limited({ violation(rpd, "20") })).otherwise.retry_after).to_be(60)

    with_settings { MAX_RETRIES = 0 }
    expect(judged(limited({ violation(rpd, "20") })).otherwise.retry_after).to_be(1)
  end)
end)
