local catalogue = require "catalogue"
local models = require "openai.models"
local policy = require "models"


local google = { models = {
  { name = "models/gemini-3.8-flash", thinking = true, supportedGenerationMethods = { "generateContent", "countTokens" } },
  { name = "models/gemini-embedding-001", supportedGenerationMethods = { "embedContent" } },
  { name = "models/gemini-3.1-flash-image", supportedGenerationMethods = { "generateContent" } },
} }


local function a_list_request()
  local state = { openai = { endpoint = "list_models" } }
  return a_request { dialect = "openai", endpoint = "list_models", method = "GET", state = state }
end


local function a_get_request(name, upstream_name)
  return a_request {
    dialect = "openai", endpoint = "get_model", method = "GET", model = name, upstream_model = upstream_name or name,
    state = { openai = { endpoint = "get_model" } },
  }
end


local function ids_of(answer)
  local ids = {}
  for index, model in ipairs(answer.body.data) do
    ids[index] = model.id
  end
  return ids
end


describe("a list of models", function()
  it("is asked of Google where there is none yet, and kept", function()
    local request = a_list_request()

    expect(models.request(request)).to_equal { path = "/v1beta/models", query = { pageSize = "1000" }, method = "GET" }
    local answer = models.response(request, a_response { body = google })

    expect(answer.body.object).to_be("list")
    expect(ids_of(answer)).to_equal { "gemini-3.8-flash", "gemini-embedding-001", "gemini-3.1-flash-image" }
    expect(catalogue.find("gemini-3.8-flash")).to_be_truthy()
  end)


  it("comes from the list that is there, without Google", function()
    catalogue.take(google)

    local answer = models.request(a_list_request())

    expect(getmetatable(answer)).to_be("reply")
    expect(answer.body.data[1]).to_equal {
      id = "gemini-3.8-flash", object = "model", created = 1735689600, owned_by = "google",
    }
  end)


  it("shows derived names where the owner wants it, of models that can do it, and other names", function()
    local aliases = { "fast=gemini-3.8-flash", "gone=gemini-1.0-pro", "a*=gemini-3.8-flash" }
    with_settings { LIST_DERIVED_MODELS = true, MODEL_ALIASES = aliases }
    catalogue.take(google)

    expect(ids_of(models.request(a_list_request()))).to_equal {
      "fast", "gemini-3.1-flash-image", "gemini-3.1-flash-image-fake-stream", "gemini-3.1-flash-image-search",
      "gemini-3.8-flash", "gemini-3.8-flash-fake-stream", "gemini-3.8-flash-non-thinking", "gemini-3.8-flash-search",
      "gemini-embedding-001",
    }
  end)


  it("is refused where Google's answer is no list", function()
    local request = a_list_request()
    models.request(request)

    expect(models.response(request, a_response { text = "<html>" }).status).to_be(502)
    expect(models.response(request, a_response { body = { models = {} } }).status).to_be(502)
  end)
end)


describe("a model", function()
  it("is found by its name", function()
    catalogue.take(google)

    local answer = models.request(a_get_request("gemini-3.8-flash"))

    expect(answer.body).to_equal { id = "gemini-3.8-flash", object = "model", created = 1735689600, owned_by = "google" }
  end)


  it("is found by a derived or another name where its base is, and is called as it was asked for", function()
    catalogue.take(google)

    expect(models.request(a_get_request("gpt-4o-search", "gemini-3.8-flash")).body.id).to_be("gpt-4o-search")
    expect(models.request(a_get_request("models/gemini-3.8-flash", "gemini-3.8-flash")).body.id).to_be("gemini-3.8-flash")
  end)


  it("that nobody knows is not found", function()
    catalogue.take(google)

    local denial = models.request(a_get_request("gemini-0"))

    expect(denial.status).to_be(404)
    expect(denial.code).to_be("model_not_found")
    expect(denial.message).to_contain('"gemini-0"')
  end)


  it("is looked for in Google's answer where there is no list yet", function()
    local request = a_get_request("gemini-3.8-flash")

    expect(models.request(request).path).to_be("/v1beta/models")
    expect(models.response(request, a_response { body = google }).body.id).to_be("gemini-3.8-flash")
  end)
end)


describe("models.visible", function()
  it("hides models from lists and from those who know their names", function()
    catalogue.take(google)
    function policy.visible(_, entry)
      return entry.name ~= "models/gemini-3.8-flash"
    end

    local listed = ids_of(models.request(a_list_request()))
    local found = models.request(a_get_request("gemini-3.8-flash"))
    policy.visible = nil

    expect(listed).to_equal { "gemini-embedding-001", "gemini-3.1-flash-image" }
    expect(found.status).to_be(404)
  end)
end)
