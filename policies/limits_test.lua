local limits = require "limits"


describe("limits", function()
  it("knows what a free project may ask of the usual models", function()
    expect(limits.free["gemini-*-flash"]).to_equal { rpm = 5, tpm = 250000, rpd = 20 }
    expect(limits.free["gemini-*-flash-lite"]).to_equal { rpm = 15, tpm = 250000, rpd = 500 }
    expect(limits.free["gemini-3.1-pro-preview"]).to_equal { rpm = 0, tpm = 0, rpd = 0 }
  end)


  it("presumes nothing of a key without a tier", function()
    expect(limits.any).to_equal {}

    local pool = a_pool { a_key { name = "untagged", requests_this_minute = 1000 }, limits = limits }

    expect(pool:least_busy().name).to_be("untagged")
  end)


  it("holds a free key back once its minute is spent, and takes another", function()
    local pool = a_pool {
      a_key { name = "spent", tags = { "free" }, requests_this_minute = 5 }, a_key { name = "fresh", tags = { "free" } },
      limits = limits, model = "gemini-3.8-flash",
    }

    for _ = 1, 4 do
      expect(pool:least_busy().name).to_be("fresh")
    end
  end)


  it("never tries a free key for a model that its tier may not use", function()
    local free, paid = a_key { tags = { "free" } }, a_key { name = "paid", tags = { "paid" } }

    expect(a_pool { free, limits = limits, model = "gemini-3.1-pro-preview" }:least_busy()).to_be_nil()
    expect(a_pool { free, paid, limits = limits, model = "gemini-3.1-pro-preview" }:least_busy().name).to_be("paid")
  end)


  it("takes a key that is tagged free and something better for the better", function()
    local pool = a_pool {
      a_key { name = "both", tags = { "free", "tier2" }, requests_this_minute = 100 },
      limits = limits, model = "gemini-3.5-flash",
    }

    expect(pool:least_busy().name).to_be("both")
  end)
end)
