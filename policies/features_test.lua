local features = require "features"


local function applied(wanted, body, model)
  local request = a_request { model = model or "gemini-3.8-flash", features = wanted }
  features.apply(request, body)
  return body
end


local function a_function()
  return { { functionDeclarations = { { name = "f" } } } }
end


describe("features.apply", function()
  it("leaves a body as it is where nothing is asked for", function()
    expect(applied({}, { contents = {} })).to_equal { contents = {} }
    expect(applied({ fake_stream = true }, { contents = {} })).to_equal { contents = {} }
  end)


  it("does it for another model than the request's where it is told one", function()
    local body = {}
    features.apply(a_request { features = { no_thinking = true } }, body, "gemini-2.5-pro")

    expect(body.generationConfig.thinkingConfig.thinkingBudget).to_be(128)
  end)
end)


describe("search", function()
  it("is a tool of Google's", function()
    expect(applied({ search = true }, {}).tools).to_equal { { googleSearch = {} } }
    expect(json.encode(applied({ search = true }, {}))).to_be('{"tools":[{"googleSearch":{}}]}')
  end)


  it("is not asked for twice", function()
    local given = { tools = { { google_search = {} } } }

    expect(applied({ search = true }, given).tools).to_equal { { google_search = {} } }
  end)


  it("stands beside functions since Gemini 3, which lets the server use its own tools", function()
    local body = applied({ search = true }, { tools = a_function(), tool_config = { functionCallingConfig = {} } })

    expect(#body.tools).to_be(2)
    expect(body.tool_config).to_equal { functionCallingConfig = {}, includeServerSideToolInvocations = true }
    expect(body.toolConfig).to_be_nil()
  end)


  it("gives way to functions and to JSON before Gemini 3", function()
    local with_functions = applied({ search = true }, { tools = a_function() }, "gemini-2.5-flash")
    local with_json = applied({ search = true }, { generationConfig = { responseMimeType = "application/json" } },
      "gemini-2.5-flash")

    expect(with_functions.tools).to_equal(a_function())
    expect(with_json.tools).to_be_nil()
  end)


  it("does not stumble over nulls and other shapes", function()
    local body = json.decode '{"tools":[null,7],"generationConfig":null,"toolConfig":null}'

    expect(applied({ search = true }, body, "gemini-2.5-flash").tools[3]).to_equal { googleSearch = {} }
  end)
end)


describe("image", function()
  it("asks for text and pictures, and leaves what else is configured", function()
    local body = applied({ image = true }, { generation_config = { temperature = 1, response_modalities = { "TEXT" } } })

    expect(body).to_equal { generation_config = { temperature = 1, responseModalities = { "TEXT", "IMAGE" } } }
  end)
end)


describe("no thinking", function()
  it("is what the model's family knows for it", function()
    local function config(model)
      return applied({ no_thinking = true }, {}, model).generationConfig.thinkingConfig
    end

    expect(config("gemini-2.5-flash").thinkingBudget).to_be(0)
    expect(config("gemini-2.5-pro").thinkingBudget).to_be(128)
    expect(config("gemini-3.5-flash").thinkingLevel).to_be("minimal")
    expect(config("gemini-3.8-flash").thinkingLevel).to_be("low")
    expect(config("gemini-3.8-flash").includeThoughts).to_be_false()
  end)


  it("takes the place of what the request says of thinking", function()
    local body = applied({ no_thinking = true }, { generationConfig = { thinking_config = { thinking_budget = 9000 } } },
      "gemini-2.5-flash")

    expect(body.generationConfig).to_equal { thinkingConfig = { thinkingBudget = 0, includeThoughts = false } }
  end)


  it("is nothing to ask of a model that never thinks", function()
    expect(applied({ no_thinking = true }, {}, "gemini-2.0-flash")).to_equal {}
  end)
end)
