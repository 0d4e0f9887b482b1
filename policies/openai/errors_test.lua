local errors = require "openai.errors"


local function told(status, message, more)
  local problem = { status = status, message = message, google = { code = status, message = message } }
  for name, value in pairs(more or {}) do
    problem[name] = value
  end
  local body, sent = errors.of_google(a_request { dialect = "openai", own_key = problem.own_key }, problem)
  return body.error, sent
end


local function expect_error(status, message, wanted, kind, code)
  local error, sent = told(status, message)
  expect(sent).to_be(wanted)
  expect(error).to_equal { message = message, type = kind, param = json.null, code = code }
end


describe("Google's errors in OpenAI's words", function()
  it("keep their status and message", function()
    expect_error(400, "Invalid value at 'contents'", 400, "invalid_request_error", "invalid_value")
    expect_error(403, "You do not have permission to access the File x or it may not exist.", 403, "permission_error",
      "permission_denied")
    expect_error(409, "Aborted.", 409, "invalid_request_error", "conflict")
    expect_error(413, "Too large.", 413, "invalid_request_error", "request_too_large")
    expect_error(418, "Teapot.", 418, "invalid_request_error", "invalid_value")
    expect_error(429, "You exceeded your current quota.", 429, "rate_limit_error", "rate_limit_exceeded")
    expect_error(500, "Internal error encountered.", 500, "server_error", "server_error")
    expect_error(503, "The model is overloaded. Please try again later.", 503, "service_unavailable", "service_unavailable")
    expect_error(504, "Deadline expired before operation could complete.", 504, "server_error", "timeout")
  end)


  it("have another status where clients know none like it", function()
    expect_error(499, "The operation was cancelled.", 500, "server_error", "cancelled")
    expect_error(402, "Your prepayment credits are depleted.", 429, "insufficient_quota", "insufficient_quota")
  end)


  it("name what the client can do something about", function()
    expect_error(400, "The input token count (1500002) exceeds the maximum number of tokens allowed (1048576).", 400,
      "invalid_request_error", "context_length_exceeded")
    expect_error(400, "The input token count exceeds the maximum number of tokens allowed 1048575.", 400,
      "invalid_request_error", "context_length_exceeded")
    expect_error(404, "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent.", 404,
      "invalid_request_error", "model_not_found")
    expect_error(404, "This model models/gemini-2.5-flash is no longer available to new users.", 404, "invalid_request_error",
      "model_not_found")
    expect_error(404, "Requested entity was not found.", 404, "invalid_request_error", "not_found")
    expect_error(400, "User location is not supported for the API use.", 400, "invalid_request_error",
      "unsupported_country_region_territory")
  end)


  it("never make a client doubt its own token", function()
    for _, refusal in ipairs {
      { 401, "Request had invalid authentication credentials." }, { 401, "No." }, { 400,
        "API key not valid. Please pass a valid API key." },
      { 403, "Your API key was reported as leaked. Please use another API key." },
    } do
      local error, sent = told(refusal[1], refusal[2])
      expect(sent).to_be(503)
      expect(error.type).to_be("server_error")
      expect(error.message:find("API key", 1, true)).to_be_nil()
    end
  end)


  it("tell whoever pays with a key of their own what is wrong with it", function()
    local error, sent = told(400, "API key not valid. Please pass a valid API key.", { own_key = true })
    expect(sent).to_be(400)
    expect(error.code).to_be("invalid_api_key")
    error, sent = told(401, "Request had invalid authentication credentials.", { own_key = true })
    expect(sent).to_be(401)
    expect(error.type).to_be("authentication_error")
  end)


  it("survive what is missing", function()
    local error, sent = told(nil, nil, { google = false })
    expect(sent).to_be(502)
    expect(error.message).to_be("Google gives no reason.")
    expect(told(500, json.null, { google = { details = 7 } }).message).to_be("Google gives no reason.")
  end)


  it("in a stream are its last event", function()
    expect(errors.event { status = 500, message = "It \"broke\"." }).to_be(
      'data: {"error":{"code":"server_error","message":"It \\"broke\\".","param":null,"type":"server_error"}}\n\n')
  end)
end)
