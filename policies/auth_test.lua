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
