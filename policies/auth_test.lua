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
