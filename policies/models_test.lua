local models = require "models"


describe("models.resolve", function()
  it("leaves a model's name as it is", function()
    expect(models.resolve(a_request(), "gemini-3.8-flash")).to_be("gemini-3.8-flash")
  end)


  it("leaves names alone that nobody here has heard of", function()
    expect(models.resolve(a_request(), "gemini-9-neon-image-search")).to_be("gemini-9-neon-image-search")
  end)


  it("takes models/ away, once or doubled", function()
    expect(models.resolve(a_request(), "models/gemini-3.8-flash")).to_be("gemini-3.8-flash")
    expect(models.resolve(a_request(), "models/models/gemini-3.8-flash")).to_be("gemini-3.8-flash")
  end)


  it("keeps what only looks like it", function()
    expect(models.resolve(a_request(), "tunedModels/poet")).to_be("tunedModels/poet")
    expect(models.resolve(a_request(), "my-models/x")).to_be("my-models/x")
  end)


  it("refuses a name that names nothing with 400", function()
    expect(models.resolve(a_request(), "models/").status).to_be(400)
  end)
end)


describe("models.visible", function()
  it("is not there, so that lists of models pass byte for byte", function()
    expect(models.visible).to_be_nil()
  end)
end)
