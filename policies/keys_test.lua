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
    expect(keys.select(a_request(), a_pool { a_key { rests = 60 }, a_key { enabled = false } })).to_be_nil()
  end)


  it("takes another key for a retry", function()
    local first, second = a_key { name = "first" }, a_key { name = "second", in_flight = 5 }

    expect(keys.select(a_request(), a_pool { first, second, tried = { first } }).name).to_be("second")
  end)
end)


describe("keys.select in a conversation that goes on", function()
  local hers, idle = a_key { name = "hers", in_flight = 3 }, a_key { name = "idle" }


  local function chosen(request, extra)
    local pool = { hers, idle, kept = { ["chat-1"] = hers } }
    for name, value in pairs(extra or {}) do
      pool[name] = value
    end
    return keys.select(request, a_pool(pool)).name
  end


  it("stays with its key, busy as that is", function()
    expect(chosen(a_request { conversation = "chat-1" })).to_be("hers")
  end)


  it("leaves others to the key with the fewest requests under way", function()
    expect(chosen(a_request { conversation = "chat-2" })).to_be("idle")
    expect(chosen(a_request())).to_be("idle")
  end)


  it("goes on with another key when its own has been tried or cannot pay", function()
    expect(chosen(a_request { conversation = "chat-1" }, { tried = { hers } })).to_be("idle")

    local resting = a_key { name = "resting", rests = 60 }
    local pool = a_pool { resting, idle, kept = { ["chat-1"] = resting } }
    expect(keys.select(a_request { conversation = "chat-1" }, pool).name).to_be("idle")
  end)


  it("is known by the id that the client's tool sends, which is the client's own", function()
    local ann, bob = a_client { name = "ann" }, a_client { name = "bob" }

    for _, header in ipairs { "x-conversation-id", "x-session-id" } do
      local hers_again = a_request { client = ann, conversation = "by its words", headers = { [header] = "7" } }
      local his = a_request { client = bob, headers = { [header] = "7" } }
      local kept = { [ann.id .. " 7"] = hers }

      expect(chosen(hers_again, { kept = kept })).to_be("hers")
      expect(hers_again.conversation).to_be(ann.id .. " 7")
      expect(chosen(his, { kept = kept })).to_be("idle")
    end
  end)


  it("is known by its words where that id is none", function()
    for _, id in ipairs { "", ("x"):rep(101) } do
      expect(chosen(a_request { conversation = "chat-1", headers = { ["x-session-id"] = id } })).to_be("hers")
    end
  end)


  it("is like any other where the owner wants no conversation kept", function()
    with_settings { KEEP_CONVERSATIONS = false }

    expect(chosen(a_request { conversation = "chat-1" })).to_be("idle")
  end)
end)


describe("keys.select for a request that was too large for a key", function()
  local free = a_key { name = "free", tags = { "free" } }


  local function chosen(...)
    return keys.select(a_request { state = { too_large_below = { "tier1", "paid" } } }, a_pool { free, ... })
  end


  it("takes a key of a higher tier alone", function()
    expect(chosen(a_key { name = "paid", tags = { "paid" } }).name).to_be("paid")
  end)


  it("waits for such a key if it cannot pay now", function()
    expect(chosen(a_key { tags = { "paid" }, rests = 5 })).to_be_nil()
  end)


  it("refuses where there is none", function()
    expect(chosen().status).to_be(413)
  end)
end)
