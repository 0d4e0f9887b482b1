local completions = require "openai.completions"


local function a_completion(fields)
  local body = { model = "gemini-3.8-flash", prompt = "Once" }
  for name, value in pairs(fields or {}) do
    body[name] = value
  end
  local request = a_request { dialect = "openai", endpoint = "completions", model = "fast", upstream_model = body.model,
    body = body, streaming = body.stream == true }
  return request, completions.request(request)
end


local function event(text, reason)
  return { responseId = "abc", usageMetadata = { promptTokenCount = 2, candidatesTokenCount = 3 },
    candidates = { { index = 0, finishReason = reason, content = { parts = { { text = "Hm", thought = true },
      { text = text } } } } } }
end


local function answered(request, body)
  return completions.response(request, a_response { status = 200, body = body })
end


local function expect_refused(fields, param, words)
  local _, refusal = a_completion(fields)
  expect(refusal.status).to_be(400)
  expect(refusal.param).to_be(param)
  expect(refusal.message).to_contain(words)
end


describe("a text completion", function()
  it("is asked for like a chat of one message", function()
    local _, sent = a_completion { max_tokens = 5, temperature = 0, stop = "\n", logprobs = 2 }

    expect(sent.path).to_be("/v1beta/models/gemini-3.8-flash:generateContent")
    expect(sent.body).to_equal { contents = { { role = "user", parts = { { text = "Once" } } } },
      generationConfig = { maxOutputTokens = 5, temperature = 0, stopSequences = { "\n" }, responseLogprobs = true,
        logprobs = 2 } }
  end)


  it("answers with a text", function()
    local answer = json.decode(answered(a_completion(), event(" upon", "MAX_TOKENS")).text)

    expect(answer).to_equal { id = "cmpl-abc", object = "text_completion", created = 1768478400, model = "fast",
      system_fingerprint = json.null, usage = answer.usage,
      choices = { { index = 0, text = " upon", logprobs = json.null, finish_reason = "length" } } }
    expect(answer.usage.total_tokens).to_be(5)
  end)


  it("echoes the prompt where that is wanted", function()
    expect(json.decode(answered(a_completion { echo = true }, event(" upon",
      "STOP")).text).choices[1].text).to_be("Once upon")
  end)


  it("answers each of several prompts, several times", function()
    local request, sent = a_completion { prompt = { "A", "B" }, n = 2, echo = true }
    local asked = {}
    local function next_prompt(reply)
      expect(getmetatable(reply)).to_be("again")
      local body = reply.body or sent.body
      sent.body = body
      asked[#asked + 1] = body.contents[1].parts[1].text
    end
    request.body = sent.body
    next_prompt(answered(request, event("1", "STOP")))
    next_prompt(answered(request, event("2", "STOP")))
    next_prompt(answered(request, event("3", "STOP")))
    local choices = json.decode(answered(request, event("4", "STOP")).text).choices

    expect(asked).to_equal { "A", "B", "B" }
    for i, text in ipairs { "A1", "A2", "B3", "B4" } do
      expect(choices[i].text).to_be(text)
      expect(choices[i].index).to_be(i - 1)
    end
  end)


  it("streams", function()
    local request = a_completion { stream = true, stream_options = { include_usage = true }, echo = true }
    local text = table.concat(completions.event(request, event(" upon")))
    local out = completions.event(request, { candidates = { { content = { parts = { { text = " a" } } } } },
      usageMetadata = { promptTokenCount = 2, candidatesTokenCount = 4 } })
    text = text .. out .. completions.event(request, nil)
    local chunks = {}
    for line in text:gmatch("data: ([^\n]*)\n\n") do
      chunks[#chunks + 1] = json.decode(line) or line
    end

    expect(#chunks).to_be(6)
    for i, wanted in ipairs { "Once", " upon", " a", "" } do
      expect(chunks[i].object).to_be("text_completion")
      expect(chunks[i].choices[1].text).to_be(wanted)
      expect(chunks[i].choices[1].finish_reason).to_be(i == 4 and "stop" or json.null)
      expect(chunks[i].usage).to_be(json.null)
    end
    expect(chunks[5].usage.total_tokens).to_be(6)
    expect(chunks[6]).to_be("[DONE]")
  end)


  it("streams one prompt after the other", function()
    local request, sent = a_completion { stream = true, prompt = { "A", "B" } }
    request.body = sent.body
    completions.event(request, event("1", "STOP"))
    local more = completions.event(request, nil)
    expect(more.body.contents[1].parts[1].text).to_be("B")
    local text = table.concat(completions.event(request, event("2", "STOP"))) .. completions.event(request, nil)
    expect(text).to_contain('"index":0,"text":"1","logprobs":null,"finish_reason":"stop"')
    expect(text).to_contain('"index":1,"text":"2","logprobs":null,"finish_reason":"stop"')
  end)


  it("tells probabilities in the old shape", function()
    local body = event("Hi", "STOP")
    body.candidates[1].logprobsResult = { chosenCandidates = { { token = "Hi", logProbability = -1 } },
      topCandidates = { { candidates = { { token = "Ho", logProbability = -2 } } } } }
    expect(json.decode(answered(a_completion { logprobs = 1 }, body).text).choices[1].logprobs)
      .to_equal { tokens = { "Hi" }, token_logprobs = { -1 }, top_logprobs = { { Ho = -2 } }, text_offset = { 0 } }
  end)


  it("is refused by name where it cannot be meant", function()
    expect_refused({ prompt = json.null }, "prompt", "expected a text")
    expect_refused({ prompt = {} }, "prompt", "expected a text")
    expect_refused({ prompt = "" }, "prompt", "not empty")
    expect_refused({ prompt = { 1, 2 } }, "prompt[0]", "cannot read tokens")
    expect_refused({ prompt = { "a", { 1 } } }, "prompt[1]", "cannot read tokens")
    expect_refused({ suffix = "end" }, "suffix", "gaps")
    expect_refused({ prompt = { "a", "b" }, n = 100 }, "prompt", "more than 128")
    expect_refused({ logprobs = 6 }, "logprobs", "from 0 to 5")
    expect_refused({ echo = 1 }, "echo", "true or false")
  end)
end)
