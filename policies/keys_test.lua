local keys = require "keys"


describe("keys.select", function()
  it("takes the key with the fewest requests under way", function()
    local pool = a_pool { a_key { name = "busy", in_flight = 2 }, a_key { name = "idle", in_flight = 0 } }

    expect(keys.select(a_request(), pool).name).to_be("idle")
  end)


  it("lets equals take turns, so that each pays the same share", function()
    local pool = a_pool { a_key { name = "one" }, a_key { name = "two" }, a_key { name = "three" } }
    local paid = { one = 0, two = 0, three = 0 }

    for _ = 1, 9 do
      local name = keys.select(a_request(), pool).name
      paid[name] = paid[name] + 1
    end

    expect(paid).to_equal { one = 3, two = 3, three = 3 }
  end)


  it("has no key where none can pay", function()
    expect(keys.select(a_request(), a_pool {})).to_be_nil()
  end)
end)
