local chat = require "openai.chat"

local hi = { { role = "user", content = "Hi" } }


local function sent(fields, more)
  local body = { model = "gemini-3.8-flash", messages = hi }
  for name, value in pairs(fields) do
    body[name] = value
  end
  local given = { dialect = "openai", endpoint = "chat", model = body.model, body = body, streaming = body.stream == true }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return chat.request(a_request(given))
end


local function config(fields)
  return sent(fields).body.generationConfig
end


local function expect_refused(fields, param, words)
  local refusal = sent(fields)
  expect(refusal.status).to_be(400)
  expect(refusal.param).to_be(param)
  expect(refusal.message).to_contain(words)
end


describe("a chat completion's request", function()
  it("goes to the model's path, as a stream if it wants one", function()
    expect(sent({}).path).to_be("/v1beta/models/gemini-3.8-flash:generateContent")
    expect(sent({}).query).to_be_nil()
    expect(sent({ stream = true }).path).to_be("/v1beta/models/gemini-3.8-flash:streamGenerateContent")
    expect(sent({ stream = true }).query).to_equal { alt = "sse" }
    expect(sent({ stream = true }, { features = { fake_stream = true } }).path)
      .to_be("/v1beta/models/gemini-3.8-flash:generateContent")
    expect(sent({}, { upstream_model = "a/../b?c" }).path).to_be("/v1beta/models/a%2F..%2Fb%3Fc:generateContent")
    expect(sent({}, { upstream_model = "tunedModels/mine-1" }).path).to_be("/v1beta/tunedModels/mine-1:generateContent")
  end)


  it("says nothing that the client has not said", function()
    expect(sent({}).body).to_equal { contents = { { role = "user", parts = { { text = "Hi" } } } } }
    expect(sent({ temperature = json.null, max_tokens = json.null, tools = json.null, stop = json.null, n = json.null,
      response_format = json.null, reasoning_effort = json.null, stream_options = json.null, seed = json.null }).body)
      .to_equal(sent({}).body)
  end)


  it("keeps to itself what Gemini does not know", function()
    expect(sent({ user = "ann", store = true, metadata = { a = "b" }, logit_bias = { ["50256"] = -100 }, verbosity = "low",
      prediction = { type = "content", content = "x" }, safety_identifier = "s", prompt_cache_key = "k",
      service_tier = "auto", something_new = { 1 } }).body).to_equal(sent({}).body)
  end)


  it("carries numbers, temperatures to 2 at most", function()
    expect(config { temperature = 0.5, top_p = 0.9, top_k = 40 }).to_equal { temperature = 0.5, topP = 0.9, topK = 40 }
    expect(config { temperature = 5 }).to_equal { temperature = 2 }
    expect(config { temperature = -1 }).to_equal { temperature = 0 }
    expect(config { temperature = 0 }).to_equal { temperature = 0 }
    expect(config { presence_penalty = 0.5, frequency_penalty = 1 }).to_equal { presencePenalty = 0.5, frequencyPenalty = 1 }
    expect(config { presence_penalty = 0.5, frequency_penalty = 1, model = "gemini-2.5-flash" }).to_equal {}
  end)


  it("carries limits: tokens, and seeds of 32 bits", function()
    expect(config { max_tokens = 100 }).to_equal { maxOutputTokens = 100 }
    expect(config { max_tokens = 100, max_completion_tokens = 200 }).to_equal { maxOutputTokens = 200 }
    expect(config { seed = 7 }).to_equal { seed = 7 }
    expect(config { seed = -7 }).to_equal { seed = -7 }
    expect(config { seed = 2 ^ 31 + 5 }).to_equal { seed = 5 }
    expect(config { seed = json.decode("9223372036854775807") }).to_equal { seed = 0 }
  end)


  it("carries up to five stops, none of them empty", function()
    expect(config { stop = "END" }).to_equal { stopSequences = { "END" } }
    expect(config { stop = { "a", "", "b", "c", "d", "e", "f" } }).to_equal { stopSequences = { "a", "b", "c", "d", "e" } }
    expect(config { stop = "" }).to_equal(nil)
    expect(config { stop = {} }).to_equal(nil)
  end)


  it("asks for several answers at once only where a model gives them", function()
    expect(config { n = 3, model = "gemini-2.0-flash" }).to_equal { candidateCount = 3 }
    expect(config { n = 3 }).to_equal(nil)
    expect(config { n = 1, model = "gemini-2.0-flash" }).to_equal(nil)
  end)


  it("asks for probabilities", function()
    expect(config { logprobs = true, top_logprobs = 3 }).to_equal { responseLogprobs = true, logprobs = 3 }
    expect(config { logprobs = false }).to_equal(nil)
  end)


  it("asks for JSON, with a schema whose properties keep their order", function()
    expect(config { response_format = { type = "text" } }).to_equal(nil)
    expect(config { response_format = { type = "json_object" } }).to_equal { responseMimeType = "application/json" }
    local text = '{"messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"x",'
      .. '"strict":true,"schema":{"type":"object","properties":{"z":{"const":"one"},"a":{"type":"string"},"m":true},'
      .. '"additionalProperties":false,"required":["z"]}}}}'
    local request = a_request { dialect = "openai", model = "gemini-3.8-flash", text = text }
    local asked = chat.request(request).body.generationConfig
    expect(asked.responseMimeType).to_be("application/json")
    expect(json.encode(asked.responseJsonSchema)).to_be(
      '{"type":"object","properties":{"z":{"enum":["one"]},"a":{"type":"string"},"m":{}},'
      .. '"additionalProperties":false,"required":["z"]}')
  end)


  it("prefers functions to JSON where a model cannot do both", function()
    local fields = {
      response_format = { type = "json_object" }, tools = { { type = "function", ["function"] = { name = "f" } } },
    }
    expect(config(fields)).to_equal { responseMimeType = "application/json" }
    fields.model = "gemini-2.5-flash"
    expect(config(fields)).to_equal {}
  end)


  it("tells each family how much to think", function()
    local function thinking(model, effort)
      return (config { model = model, reasoning_effort = effort } or {}).thinkingConfig
    end
    expect(thinking("gemini-2.5-flash", "none")).to_equal { thinkingBudget = 0, includeThoughts = false }
    expect(thinking("gemini-2.5-flash", "low")).to_equal { thinkingBudget = 1024, includeThoughts = true }
    expect(thinking("gemini-3.8-flash", "medium")).to_equal { thinkingLevel = "medium", includeThoughts = true }
    expect(thinking("gemini-3.8-flash", "none")).to_equal { thinkingLevel = "low", includeThoughts = false }
    expect(thinking("gemini-2.0-flash", "high")).to_be_nil()
    expect(config({ reasoning = { effort = "high" } }).thinkingConfig)
      .to_equal { thinkingLevel = "high", includeThoughts = true }
  end)


  it("understands what other makers' clients say of thinking", function()
    local function thinking(model, given)
      return (config { model = model, thinking = given } or {}).thinkingConfig
    end
    expect(thinking("gemini-2.5-flash", { type = "enabled", budget_tokens = 2000 }))
      .to_equal { thinkingBudget = 2000, includeThoughts = true }
    expect(thinking("gemini-3.8-flash", { type = "enabled", budget_tokens = 2000 }))
      .to_equal { thinkingLevel = "medium", includeThoughts = true }
    expect(thinking("gemini-3.8-flash", { type = "disabled" })).to_equal { thinkingLevel = "low", includeThoughts = false }
    expect(thinking("gemini-3.8-flash", { include_thoughts = true })).to_equal { includeThoughts = true }
    expect(thinking("gemini-3.8-flash", { thinking_budget = -1 })).to_be_nil()
  end)


  it("lets the client speak to Gemini in its own words", function()
    local safety = { { category = "HARM_CATEGORY_HARASSMENT", threshold = "BLOCK_NONE" } }
    local google = {
      thinking_config = { thinking_budget = 5, include_thoughts = true }, cached_content = "cachedContents/x",
      safety_settings = safety, generation_config = { top_k = 3, image_config = { aspect_ratio = "1:1" } },
      tools = { { url_context = {} } }, tool_config = { retrieval_config = { language_code = "no" } }, unknown = 1,
    }
    local wanted = {
      contents = sent({}).body.contents, cachedContent = "cachedContents/x", safetySettings = safety,
      generationConfig = {
        thinkingConfig = { thinking_budget = 5, include_thoughts = true }, topK = 3, imageConfig = { aspect_ratio = "1:1" },
      },
      tools = { { url_context = {} } }, toolConfig = { retrievalConfig = { language_code = "no" } },
    }
    expect(sent({ extra_body = { google = google } }).body).to_equal(wanted)
    expect(sent({ google = google }).body).to_equal(wanted)
    expect(sent({ extra_body = { extra_body = { google = google } } }).body).to_equal(wanted)
    expect(sent({ safety_settings = safety, cached_content = "cachedContents/x" }).body)
      .to_equal { contents = sent({}).body.contents, cachedContent = "cachedContents/x", safetySettings = safety }
    expect(sent({ extra_body = { safety_settings = safety } }).body.safetySettings).to_equal(safety)
    expect(sent({ google = { generation_config = { 1 }, tool_config = { "x" }, tools = { 7 } } }).body.contents)
      .to_equal(sent({}).body.contents)
    expect(sent({ extra_body = json.null, google = "x" }).body).to_equal(sent({}).body)
  end)


  it("asks for pictures and speech of models that give them", function()
    expect(config { modalities = { "text", "image" } }).to_equal { responseModalities = { "TEXT", "IMAGE" } }
    expect(config { modalities = { "text" } }).to_equal(nil)
    expect(config { model = "gemini-3-pro-image" }).to_equal { responseModalities = { "TEXT", "IMAGE" } }
    expect(config { model = "gemini-nano-banana-2.1" }).to_equal { responseModalities = { "TEXT", "IMAGE" } }
    expect(config { model = "gemini-3.1-flash-tts-preview", modalities = { "text", "audio" },
      audio = { voice = "Kore", format = "wav" } }).to_equal {
        responseModalities = { "AUDIO" }, speechConfig = { voiceConfig = { prebuiltVoiceConfig = { voiceName = "Kore" } } },
      }
    expect(config { modalities = { "audio" }, audio = { voice = "onyx" } }.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName)
      .to_be("Algenib")
    expect_refused({ audio = { voice = "HAL" } }, "audio.voice", "Kore")
  end)


  it("takes a penalty of 0 for none", function()
    expect(config { presence_penalty = 0, frequency_penalty = 0 }).to_be_nil()
    expect(config { presence_penalty = 0, frequency_penalty = 0.5 }).to_equal { frequencyPenalty = 0.5 }
  end)


  it("asks for a tier that Google has", function()
    expect(sent({ service_tier = "flex" }).body.serviceTier).to_be("flex")
    expect(sent({ service_tier = "priority" }).body.serviceTier).to_be("priority")
    expect(sent({ service_tier = "default" }).body.serviceTier).to_be_nil()
  end)


  it("asks for what the model's name asks for", function()
    expect(sent({}, { features = { search = true } }).body.tools).to_equal { { googleSearch = {} } }
    expect(sent({}, { features = { no_thinking = true } }).body.generationConfig.thinkingConfig)
      .to_equal { thinkingLevel = "low", includeThoughts = false }
  end)


  it("is refused by name where it cannot be meant", function()
    expect_refused({ temperature = "warm" }, "temperature", "expected a number")
    expect_refused({ temperature = { 1 } }, "temperature", "expected a number")
    expect_refused({ max_tokens = 0 }, "max_tokens", "from 1")
    expect_refused({ max_completion_tokens = 1.5 }, "max_completion_tokens", "a whole number")
    expect_refused({ n = 0 }, "n", "from 1 to 128")
    expect_refused({ n = 129 }, "n", "from 1 to 128")
    expect_refused({ seed = "x" }, "seed", "expected a number")
    expect_refused({ stop = 7 }, "stop", "a list of texts")
    expect_refused({ stop = { 7 } }, "stop[0]", "expected a text")
    expect_refused({ logprobs = 3 }, "logprobs", "true or false")
    expect_refused({ logprobs = true, top_logprobs = 21 }, "top_logprobs", "from 0 to 20")
    expect_refused({ response_format = "json" }, "response_format", "an object")
    expect_refused({ response_format = { type = "yaml" } }, "response_format.type", "json_schema")
    expect_refused({ response_format = { type = "json_schema" } }, "response_format.json_schema", "the schema")
    expect_refused({ reasoning_effort = "huge" }, "reasoning_effort", "minimal")
    expect_refused({ stream_options = "x" }, "stream_options", "an object")
    expect_refused({ modalities = "audio" }, "modalities", "a list")
    expect_refused({ audio = { voice = "Kore", format = "mp3" } }, "audio.format", "wav")
  end)
end)
