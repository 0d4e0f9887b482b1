local transform = require "transform"


describe("transform", function()
  it("has no hooks, so that requests and answers pass byte for byte and at no cost", function()
    expect(next(transform)).to_be_nil()
  end)
end)
