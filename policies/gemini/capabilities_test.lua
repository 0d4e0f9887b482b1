local capabilities = require "gemini.capabilities"
local failover = require "failover"

local model = "gemini-3.8-flash"


local function user(text)
  return { role = "user", parts = { { text = text } } }
end


local function a_call(config, more)
  local call = { contents = { user "Hi" }, generationConfig = config }
  for name, value in pairs(more or {}) do
    call[name] = value
  end
  return call
end


-- A translated request for this call, as it is sent to the model.
local function translated(call, name)
  local request = a_request { dialect = "openai", model = name or model, body = call }
  capabilities.adapt(request, call)
  request.body = call
  return request
end


local function judged(request, message)
  return failover.judge(request, an_attempt { status = 400, body = {
    error = { code = 400, status = "INVALID_ARGUMENT", message = message } } })
end


-- Google refuses with these words: the call is put right and tried again with the same key, once; and the next one begins
-- as `mended` is.
local function expect_mended(message, make_call, mended, name)
  local request = translated(make_call(), name)
  local verdict = judged(request, message)
  expect(verdict.action).to_be("retry")
  expect(verdict.same_key).to_be_true()
  expect(#verdict.meanings).to_be(0)
  expect(request.body).to_equal(mended)
  expect(judged(request, message).action).to_be("answer")
  expect(translated(make_call(), name).body).to_equal(mended)
  expect(translated(make_call(), "gemini-3.7-flash").body).to_equal(make_call())
end


describe("what a model refuses", function()
  it("is left out, and left out from then on", function()
    local refusals = {
      { "Penalty is not enabled for this model", { presencePenalty = 1, frequencyPenalty = 1, seed = 1 }, { seed = 1 } },
      { "Logprobs is not enabled for models/gemini-3.8-flash", { responseLogprobs = true, logprobs = 3 }, {} },
      { "Multiple candidates is not enabled for this model", { candidateCount = 2 }, {} },
      { "Thinking is not enabled for this model", { thinkingConfig = { thinkingLevel = "low" } }, {} },
      { "JSON mode is not enabled for this model", { responseMimeType = "application/json", responseJsonSchema = {} }, {} },
      { "`temperature` is not supported by this model.", { temperature = 1, topP = 1 }, { topP = 1 } },
      { "top_p is deprecated for this model", { temperature = 1, topP = 1 }, { temperature = 1 } },
      { "Setting topK is not allowed.", { topK = 1 }, {} },
      { "Thinking level is not supported for this model.", { thinkingConfig = { thinkingLevel = "low",
        includeThoughts = true } },
        { thinkingConfig = { includeThoughts = true } } },
    }
    for i, row in ipairs(refusals) do
      local function make()
        local config = {}
        for field, value in pairs(row[2]) do
          config[field] = type(value) == "table" and json.decode(json.encode(value)) or value
        end
        return a_call(config)
      end
      expect_mended(row[1], make, a_call(row[3]), model .. "-" .. i)
    end
  end)


  it("of the system's text goes before the user's", function()
    expect_mended("Developer instruction is not enabled for this model",
      function() return a_call(nil, { systemInstruction = { parts = { { text = "Be brief." } } } }) end,
      { contents = { user "Be brief.\n\nHi" } })
  end)


  it("is a level of thinking: the next one is tried", function()
    local function config(level)
      return { thinkingConfig = { thinkingLevel = level } }
    end
    expect_mended("Thinking level MINIMAL is not supported for this model.", function() return a_call(config "minimal") end,
      a_call(config "low"))
    expect(translated(a_call(config "low")).body).to_equal(a_call(config "low"))
    local request = translated(a_call(config "xhigh"))
    judged(request, "Thinking level XHIGH is not supported for this model.")
    expect(request.body).to_equal(a_call(config "high"))
    expect(translated(a_call(config "minimal")).body).to_equal(a_call(config "low"))
  end)


  it("is a budget: the nearest that Google names is taken, for this request", function()
    local function config(budget)
      return { thinkingConfig = { thinkingBudget = budget } }
    end
    local request = translated(a_call(config(52428)))
    local verdict = judged(request, "The thinking budget (52428) is invalid. Please choose a value between 512 and 24576.")
    expect(verdict.same_key).to_be_true()
    expect(request.body).to_equal(a_call(config(24576)))
    request = translated(a_call(config(0)))
    judged(request, "Budget 0 is invalid. This model only works in thinking mode.")
    expect(request.body).to_equal(a_call(config(nil)))
    expect(translated(a_call(config(0))).body).to_equal(a_call(config(0)))
  end)


  it("is tools of Gemini's own beside functions: functions win", function()
    local functions = { functionDeclarations = { { name = "f" } } }
    local function make()
      return a_call(nil, { tools = { functions, { googleSearch = {} } } })
    end
    expect_mended("Built-in tools ({google_search}) and Function Calling cannot be combined in the same request.", make,
      a_call(nil, { tools = { functions } }))
    expect(translated(a_call(nil, { tools = { { googleSearch = {} } } })).body.tools).to_equal { { googleSearch = {} } }
    expect(translated(make(), "gemini-2.5-flash").body.tools).to_equal { functions }
  end)


  it("is JSON beside tools: tools win", function()
    local search = { tools = { { googleSearch = {} } } }
    local function make(more)
      return a_call({ responseMimeType = "application/json" }, more)
    end
    expect_mended("Tool use with a response mime type: 'application/json' is unsupported", function() return make(search) end,
      a_call({}, search))
    expect(translated(make()).body).to_equal(make())
    expect(translated(make(search), "gemini-2.5-flash").body).to_equal(a_call({}, search))
  end)


  it("is a model's word at the end: the user asks it to go on", function()
    local function make()
      return { contents = { user "Hi", { role = "model", parts = { { text = "Hel" } } } } }
    end
    local request = translated(make(), "gemini-3.5-flash")
    expect(request.body).to_equal(make())
    expect(judged(request, "Requests ending with a model turn are not supported.").action).to_be("retry")
    expect(request.body.contents[3].role).to_be("user")
    expect(#translated(make(), "gemini-3.5-flash").body.contents).to_be(3)
    expect(#translated(make(), "gemini-3.6-flash").body.contents).to_be(3)
  end)


  it("is a JSON schema: it gets one in Gemini's narrower language", function()
    local function make()
      return a_call({ responseMimeType = "application/json", responseJsonSchema = { type = "string", const = "x" } }, {
        tools = { { functionDeclarations = { { name = "f", parametersJsonSchema = { type = "object" } } } } } })
    end
    expect_mended('Invalid JSON payload received. Unknown name "parametersJsonSchema" at \'tools[0]\': Cannot find field.',
      make,
      a_call({ responseMimeType = "application/json", responseSchema = { type = "string", enum = { "x" } } },
        { tools = { { functionDeclarations = { { name = "f" } } } } }))
  end)


  it("is put right one after the other", function()
    local request = translated(a_call { presencePenalty = 1, logprobs = 1 })
    expect(judged(request, "Penalty is not enabled for this model").action).to_be("retry")
    expect(judged(request, "Logprobs is not enabled for this model").action).to_be("retry")
    expect(request.body).to_equal(a_call {})
  end)


  it("is known beforehand of some", function()
    expect(translated(a_call { presencePenalty = 1 }, "gemini-2.5-flash").body).to_equal(a_call {})
    local gemma = translated(a_call(nil, { systemInstruction = { parts = { { text = "Be brief." } } } }), "gemma-3-27b-it")
    expect(gemma.body).to_equal { contents = { user "Be brief.\n\nHi" } }
  end)


  it("is the client's own matter in Gemini's own dialect", function()
    local call = a_call { presencePenalty = 1 }
    local request = a_request { model = model, body = call }
    expect(judged(request, "Penalty is not enabled for this model").action).to_be("answer")
    expect(request.body).to_equal(call)
  end)


  it("is told to the client where nothing can be left out", function()
    for _, message in ipairs { "Penalty is not enabled for this model", "Function calling is not enabled for this model",
      "* GenerateContentRequest.generation_config.top_p: top_p must be in the range [0.0, 1.0].", "" } do
      expect(judged(translated(a_call { topP = 7 }), message).action).to_be("answer")
    end
  end)


  it("never hides what is wrong with a key", function()
    local verdict = judged(translated(a_call { presencePenalty = 1 }), "API key not valid. Please pass a valid API key.")
    expect(verdict.meanings[1].kind).to_be("disable")
  end)
end)


describe("signatures of a translated request", function()
  it("that Google refuses are replaced, once", function()
    local request = translated { contents = { user "Hi", { role = "model", parts = {
      { functionCall = { name = "f" }, thoughtSignature = "EqU" } } } } }
    local verdict = judged(request, "Corrupted thought signature.")

    expect(verdict.same_key).to_be_true()
    expect(request.body.contents[2].parts[1].thoughtSignature).to_be("skip_thought_signature_validator")
    expect(judged(request, "Corrupted thought signature.").action).to_be("answer")
  end)
end)
