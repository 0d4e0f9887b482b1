local auth = require "auth"


describe("auth.identify", function()
  it("lets a client in by its token", function()
    with_clients { { name = "ann", token = "ann's token" } }

    local client = auth.identify(a_request { token = "ann's token" })

    expect(client.name).to_be("ann")
  end)


  it("refuses a token that nobody has with 401", function()
    with_clients { { name = "ann", token = "ann's token" } }

    local refusal = auth.identify(a_request { token = "another token" })

    expect(refusal.status).to_be(401)
    expect(refusal.message).to_contain("revoked")
  end)


  it("tells whoever brings no token how to send one", function()
    for _, token in ipairs { false, "" } do
      local refusal = auth.identify(a_request { token = token or nil })

      expect(refusal.status).to_be(401)
      expect(refusal.message).to_contain("Authorization: Bearer TOKEN")
    end
  end)


  it("says so where a client has expired, and since when", function()
    with_clients { { name = "ann", token = "ann's token", expires_at = "2026-01-15T11:59:00Z" } }

    local refusal = auth.identify(a_request { token = "ann's token" })

    expect(refusal.status).to_be(401)
    expect(refusal.message).to_contain("expired on 2026-01-15T11:59:00.000Z")
    expect(refusal.client.name).to_be("ann")
  end)


  it("says so where a client is disabled", function()
    with_clients { { name = "ann", token = "ann's token", enabled = false } }

    local refusal = auth.identify(a_request { token = "ann's token" })

    expect(refusal.status).to_be(401)
    expect(refusal.message).to_contain("disabled")
    expect(refusal.client.name).to_be("ann")
  end)


  it("never repeats the token", function()
    with_clients {}

    local refusal = auth.identify(a_request { token = "hunter2" })

    expect(refusal.message:find("hunter2", 1, true)).to_be_nil()
  end)
end)


describe("auth.identify, when a Google API key comes in the token's place", function()
  local key = "AIza" .. ("k"):rep(35)


  it("refuses it by default", function()
    expect(auth.identify(a_request { token = key }).status).to_be(401)
  end)


  it("lets it pay for itself where the owner allows it", function()
    with_settings { ALLOW_OWN_KEYS = true }

    for _, token in ipairs { key, "AQ." .. ("Ab8-_.x"):rep(7) } do
      expect(auth.identify(a_request { token = token }).secret).to_be(token)
    end
  end)


  it("takes a client's token for a client's token", function()
    with_settings { ALLOW_OWN_KEYS = true }
    with_clients { { name = "ann", token = key } }

    expect(auth.identify(a_request { token = key }).name).to_be("ann")
  end)


  it("refuses what is no Google API key all the same", function()
    with_settings { ALLOW_OWN_KEYS = true }

    for _, token in ipairs { "AIza" .. ("k"):rep(34), "AIza" .. ("k"):rep(36), "AIza" .. ("k"):rep(34) .. "!", "AQ.short",
      "ya29." .. ("a"):rep(60), "eyJ" .. ("a"):rep(60), "sk-" .. ("a"):rep(45) } do
      local refusal = auth.identify(a_request { token = token })
      expect(refusal.status).to_be(401)
      expect(refusal.message:find(token, 1, true)).to_be_nil()
    end
  end)
end)


describe("auth.identify, for a client with limits", function()
  local function ask(given)
    given = given or {}
    given.token = "ann's token"
    return auth.identify(a_request(given))
  end


  it("refuses what is more than its requests a minute, and says until when", function()
    with_clients { { name = "ann", token = "ann's token", rpm = 2 } }
    expect(ask().name).to_be("ann")
    sleep(20)
    expect(ask().name).to_be("ann")

    local refusal = ask()

    expect(refusal.status).to_be(429)
    expect(refusal.reason).to_be("client_limit")
    expect(refusal.code).to_be("rate_limit_exceeded")
    expect(refusal.client.name).to_be("ann")
    expect(refusal.message).to_contain("2 requests a minute")
    expect(refusal.message).to_contain("in 41 s")
    expect(refusal.retry_after).to_be_above(40)
    expect(refusal.retry_after).to_be_below(41)
    sleep(refusal.retry_after)
    expect(ask().name).to_be("ann")
    expect(ask().status).to_be(429)
  end)


  it("refuses what is more than its requests a day until midnight in Los Angeles", function()
    at_time("2026-01-15T04:40:00Z")
    with_clients { { name = "ann", token = "ann's token", daily_requests = 10, requests_today = 9, rpm = 1 } }
    expect(ask().name).to_be("ann")

    local refusal = ask()

    expect(refusal.status).to_be(429)
    expect(refusal.message).to_contain("10 requests a day")
    expect(refusal.message).to_contain("3 h 20 min")
    expect(refusal.retry_after).to_be(200 * 60)
    sleep(200 * 60)
    expect(ask().name).to_be("ann")
  end)


  it("refuses once the tokens of the day are used up", function()
    with_clients {
      { name = "ann", token = "ann's token", daily_tokens = 1000, tokens_today = 1000 },
      { name = "bob", token = "bob's token", daily_tokens = 1000, tokens_today = 999 },
    }

    expect(ask().message).to_contain("1000 tokens a day")
    expect(auth.identify(a_request { token = "bob's token" }).name).to_be("bob")
  end)


  it("counts what makes a model work, and nothing else", function()
    with_clients { { name = "ann", token = "ann's token", rpm = 1, requests_this_minute = 1 } }

    for _, endpoint in ipairs { "list_models", "get_model", "count_tokens", "upload", "files", "caches", "stores" } do
      expect(ask { endpoint = endpoint }.name).to_be("ann")
    end
    expect(ask { endpoint = "interactions", method = "GET" }.name).to_be("ann")
    for _, endpoint in ipairs { "generate", "stream", "embed", "predict", "batch", "chat", "images", "openai", "other" } do
      expect(ask { endpoint = endpoint }.status).to_be(429)
    end
    expect(ask { endpoint = "live", method = "GET" }.status).to_be(429)
  end)


  it("counts a request once, whoever asks again", function()
    with_clients { { name = "ann", token = "ann's token", rpm = 1 } }
    local request = a_request { token = "ann's token" }

    expect(auth.identify(request).name).to_be("ann")
    expect(auth.identify(request).name).to_be("ann")
    expect(ask().status).to_be(429)
  end)
end)
