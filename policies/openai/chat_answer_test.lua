local chat = require "openai.chat"


local function a_chat(fields, more)
  local body = { model = "gemini-3.8-flash", messages = { { role = "user", content = "Hi" } } }
  for name, value in pairs(fields or {}) do
    body[name] = value
  end
  local given = { dialect = "openai", endpoint = "chat", model = "fast", upstream_model = body.model, body = body }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  local request = a_request(given)
  chat.request(request)
  return request
end


local function a_candidate(reason, ...)
  return { content = { role = "model", parts = { ... } }, finishReason = reason }
end


local function an_answer(...)
  return { candidates = { ... }, responseId = "abc", modelVersion = "gemini-3.8-flash",
    usageMetadata = { promptTokenCount = 8, candidatesTokenCount = 3, totalTokenCount = 11 } }
end


local function again(request, body)
  return chat.response(request, a_response { status = 200, body = body })
end


-- The chat completion for Gemini's answer.
local function completion(request, body)
  local response = again(request, body)
  local text = response.text
  if type(text) == "table" then
    for i, piece in ipairs(text) do
      text[i] = bytes.text(piece)
    end
    text = table.concat(text)
  end
  return json.decode(text), response
end


local function choice(fields, ...)
  return completion(a_chat(fields), an_answer(...)).choices[1]
end


local function expect_again(response)
  expect(getmetatable(response)).to_be("again")
end


describe("an answer in one piece", function()
  it("is a chat completion under the name that was asked for", function()
    local answer = completion(a_chat(), an_answer(a_candidate("STOP", { text = "Hel" }, { text = "lo" })))

    expect(answer).to_equal {
      id = "chatcmpl-abc", object = "chat.completion", created = 1768478400, model = "fast",
      system_fingerprint = "gemini-3.8-flash",
      choices = { {
        index = 0, finish_reason = "stop", logprobs = json.null,
        message = { role = "assistant", content = "Hello", refusal = json.null, annotations = {} },
      } },
      usage = {
        prompt_tokens = 8, completion_tokens = 3, total_tokens = 11,
        prompt_tokens_details = { cached_tokens = 0, audio_tokens = 0 },
        completion_tokens_details = {
          reasoning_tokens = 0, audio_tokens = 0, accepted_prediction_tokens = 0, rejected_prediction_tokens = 0,
        },
      },
    }
    expect(json.encode(answer)).to_contain('"annotations":[]')
  end)


  it("has thoughts apart", function()
    local message = choice(nil, a_candidate("STOP", { text = "Hm. ", thought = true }, { text = "So.", thought = true },
      { text = "Yes." })).message

    expect(message.content).to_be("Yes.")
    expect(message.reasoning_content).to_be("Hm. So.")
  end)


  it("counts tokens so that the sums agree", function()
    local body = an_answer(a_candidate("STOP", { text = "Hi" }))
    body.usageMetadata = {
      promptTokenCount = 100, toolUsePromptTokenCount = 20, cachedContentTokenCount = 60, candidatesTokenCount = 7,
      thoughtsTokenCount = 48, totalTokenCount = 175, promptTokensDetails = { { modality = "TEXT", tokenCount = 90 },
        { modality = "AUDIO", tokenCount = 10 } },
      candidatesTokensDetails = { { modality = "AUDIO", tokenCount = 5 } },
    }
    local usage = completion(a_chat(), body).usage

    expect(usage.prompt_tokens).to_be(120)
    expect(usage.completion_tokens).to_be(55)
    expect(usage.total_tokens).to_be(175)
    expect(usage.prompt_tokens_details).to_equal { cached_tokens = 60, audio_tokens = 10 }
    expect(usage.completion_tokens_details.reasoning_tokens).to_be(48)
    expect(usage.completion_tokens_details.audio_tokens).to_be(5)
    body.usageMetadata = json.null
    expect(completion(a_chat(), body).usage.total_tokens).to_be(0)
  end)


  it("has calls with texts as arguments, and no content", function()
    local answer = choice(nil, a_candidate("STOP",
      { functionCall = { id = "zg", name = "weather", args = json.decode '{"city":"Oslo","a":1}' },
        thoughtSignature = "EqU" },
      { functionCall = { name = "time" } }, { functionCall = { id = "zg", name = "time" } }))

    expect(answer.finish_reason).to_be("tool_calls")
    expect(answer.message.content).to_be(json.null)
    local calls = answer.message.tool_calls
    expect(calls[1]).to_equal { id = "zg", type = "function", extra_content = { google = { thought_signature = "EqU" } },
      ["function"] = { name = "weather", arguments = '{"city":"Oslo","a":1}' } }
    expect(calls[2].id:find("^call_%x+$")).to_be(1)
    expect(calls[2]["function"]).to_equal { name = "time", arguments = "{}" }
    expect(calls[3].id).never.to_be("zg")
    expect(calls[3].id).never.to_be(calls[2].id)
  end)


  it("has a text beside its calls, and one call alone where that is wanted", function()
    local parts = { { text = "Wait." }, { functionCall = { id = "a", name = "f" } }, { functionCall = { id = "b",
      name = "f" } } }

    expect(choice(nil, a_candidate("STOP", unpack(parts))).message.content).to_be("Wait.")
    expect(#choice(nil, a_candidate("STOP", unpack(parts))).message.tool_calls).to_be(2)
    expect(#choice({ parallel_tool_calls = false }, a_candidate("STOP", unpack(parts))).message.tool_calls).to_be(1)
  end)


  it("is signed, and Pollux remembers what clients lose", function()
    choice(nil, a_candidate("STOP", { functionCall = { id = "lost", name = "f" }, thoughtSignature = "EqU" }))
    local history = {
      { role = "user", content = "Hi" },
      { role = "assistant", tool_calls = { { id = "lost", type = "function", ["function"] = { name = "f",
        arguments = "{}" } } } },
    }
    local function signature(client)
      local request = a_chat({ messages = history }, { client = client })
      return chat.request(request).body.contents[2].parts[1].thoughtSignature
    end

    expect(signature()).to_be("EqU")
    expect(signature(a_client { name = "somebody else" })).to_be("skip_thought_signature_validator")
  end)


  it("brings the signature of a text that is all there is", function()
    local message = choice(nil, a_candidate("STOP", { text = "Hm.", thought = true }, { text = "Yes.",
      thoughtSignature = "EqU" })).message
    expect(message.extra_content).to_equal { google = { thought_signature = "EqU" } }
    expect(choice(nil, a_candidate("STOP", { text = "Yes." }, { text = "", thoughtSignature = "EqU" })).message.extra_content)
      .to_be_nil()
  end)


  it("shows code and what came of it", function()
    local content = choice(nil, a_candidate("STOP", { text = "Look:" }, { executableCode = { language = "PYTHON",
      code = "print(1)" } },
      { codeExecutionResult = { outcome = "OUTCOME_OK", output = "1\n" } }, { codeExecutionResult = {
        outcome = "OUTCOME_OK" } },
      { text = "One." })).message.content

    expect(content).to_be("Look:\n```python\nprint(1)\n```\n\n```\n1\n```\nOne.")
  end)


  it("shows pictures in the text, as parts, or both", function()
    local picture = { inlineData = { mimeType = "image/jpeg", data = "AAAA" }, thoughtSignature = "EqU" }
    local part = { type = "image_url", image_url = { url = "data:image/jpeg;base64,AAAA" },
      extra_content = { google = { thought_signature = "EqU" } } }
    local function message(where)
      with_settings { IMAGES_IN_ANSWERS = where }
      return choice(nil, a_candidate("STOP", { inlineData = { mimeType = "image/png", data = "BBBB" }, thought = true },
        picture)).message
    end

    expect(message("markdown").content).to_be("![image](data:image/jpeg;base64,AAAA)")
    expect(message("markdown").images).to_be_nil()
    expect(message("parts").content).to_be("")
    expect(message("parts").images).to_equal { part }
    expect(message("both").content).to_be("![image](data:image/jpeg;base64,AAAA)")
    expect(message("both").images).to_equal { part }
  end)


  it("does not copy large pictures", function()
    local data = ("QUJD"):rep(500000)
    local request = a_chat()
    local response = again(request, an_answer(a_candidate("STOP", { text = 'A "cat":\n' },
      { inlineData = { mimeType = "image/png", data = data } })))
    local blobs, texts = 0, {}
    for i, piece in ipairs(response.text) do
      blobs = blobs + (type(piece) == "userdata" and 1 or 0)
      texts[i] = type(piece) == "userdata" and "<" .. bytes.length(piece) .. ">" or piece
    end
    local message = json.decode(table.concat(texts)).choices[1].message

    expect(blobs).to_be(2)
    expect(message.content).to_be('A "cat":\n![image](data:image/png;base64,<2000000>)')
    expect(message.images[1].image_url.url).to_be("data:image/png;base64,<2000000>")
  end)


  it("keeps large pictures over several rounds", function()
    local data = ("QUJD"):rep(50000)
    local request = a_chat { n = 2 }
    expect_again(again(request, an_answer(a_candidate("STOP", { inlineData = { mimeType = "image/png", data = data } }))))
    local answer = completion(request, an_answer(a_candidate("STOP", { inlineData = { mimeType = "image/png",
      data = data } })))

    expect(#answer.choices[1].message.images[1].image_url.url).to_be(#data + 22)
    expect(#answer.choices[2].message.content).to_be(#data + 32)
  end)


  it("speaks, with a head where a file is wanted", function()
    local sound = { inlineData = { mimeType = "audio/L16;codec=pcm;rate=24000", data = crypto.base64(("\1\2"):rep(500)) } }
    local function audio(format)
      return choice({ model = "gemini-3.1-flash-tts-preview", audio = { voice = "Kore", format = format } },
        a_candidate("STOP", sound)).message.audio
    end
    local wav = crypto.base64_decode(audio("wav").data)

    expect(audio("pcm16").data).to_be(sound.inlineData.data)
    expect(#wav).to_be(1054)
    expect(wav:sub(1, 12)).to_be("RIFF" .. "\22\4\0\0" .. "WAVE")
    expect(wav:sub(47, 54)).to_be("data" .. "\232\3\0\0")
    expect(wav:sub(55, 58)).to_be("\1\2\1\2")
    expect(audio("wav").id:find("^audio_")).to_be(1)
    expect(audio("wav").expires_at).to_be_above(1768478400)
  end)


  it("tells the probabilities of its tokens", function()
    local candidate = a_candidate("STOP", { text = "Hé" })
    candidate.logprobsResult = {
      chosenCandidates = { { token = "H", logProbability = -0.5 }, { token = "é" } },
      topCandidates = { { candidates = { { token = "H", logProbability = -0.5 }, { token = "J", logProbability = -2 } } } },
    }

    expect(choice(nil, candidate).logprobs).to_equal { refusal = json.null, content = {
      { token = "H", logprob = -0.5, bytes = { 72 }, top_logprobs = {
        { token = "H", logprob = -0.5, bytes = { 72 } }, { token = "J", logprob = -2, bytes = { 74 } } } },
      { token = "é", logprob = 0, bytes = { 195, 169 }, top_logprobs = {} },
    } }
  end)


  it("says by which tier it was served where one was asked for", function()
    local body = an_answer(a_candidate("STOP", { text = "Hi" }))
    body.usageMetadata.serviceTier = "standard"

    expect(completion(a_chat { service_tier = "auto" }, body).service_tier).to_be("default")
    expect(completion(a_chat(), body).service_tier).to_be_nil()
  end)


  it("leaves out what has no words here, and survives what is missing", function()
    local odd = a_candidate("STOP", { toolCall = { id = "1" } }, { inlineData = json.null }, { text = json.null },
      { functionCall = 7 },
      { text = "Hi", thought = json.null }, { executableCode = {} }, { unknown = 1 })
    expect(choice(nil, odd).message.content).to_be("Hi")
    expect(choice(nil, { content = json.null, finishReason = "STOP", groundingMetadata = {} }).message.content).to_be("")
    expect(choice(nil, { finishReason = "STOP", content = { parts = json.null } }).message.content).to_be("")
  end)
end)


describe("the end of an answer", function()
  local function reason(google, ...)
    return choice(nil, a_candidate(google, ...)).finish_reason
  end


  it("has OpenAI's name for it", function()
    local text, call = { text = "Hi" }, { functionCall = { name = "f" } }
    expect(reason("STOP", text)).to_be("stop")
    expect(reason("STOP", text, call)).to_be("tool_calls")
    expect(reason("MAX_TOKENS", text)).to_be("length")
    expect(reason("MAX_TOKENS")).to_be("length")
    expect(reason("CONTINUATION", text)).to_be("length")
    for _, filtered in ipairs { "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION",
      "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER" } do
      expect(reason(filtered, text)).to_be("content_filter")
      expect(reason(filtered)).to_be("content_filter")
    end
    for _, failed in ipairs { "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "SOMETHING_NEW", "NO_IMAGE" } do
      expect(reason(failed, text)).to_be("stop")
      expect(reason(failed, text, call)).to_be("tool_calls")
    end
  end)


  it("that leaves nothing behind says why", function()
    local filtered = choice(nil, { finishReason = "SAFETY", finishMessage = "Too wild" }).message
    expect(filtered.content).to_be("")
    expect(filtered.refusal).to_be("Gemini gives no answer: SAFETY (Too wild).")
    expect(choice(nil, a_candidate("SAFETY", { text = "It" })).message.refusal).to_be(json.null)
  end)


  it("before it began, for a blocked prompt, is one of a filter", function()
    local answer = completion(a_chat(), { promptFeedback = { blockReason = "PROHIBITED_CONTENT" },
      usageMetadata = { promptTokenCount = 8 } })

    expect(answer.choices[1].finish_reason).to_be("content_filter")
    expect(answer.choices[1].message.content).to_be("")
    expect(answer.choices[1].message.refusal).to_contain("PROHIBITED_CONTENT")
    expect(answer.usage.total_tokens).to_be(8)
  end)


  it("is tried to be avoided once, where the model failed and nothing can be used", function()
    local failures = { an_answer(a_candidate("MALFORMED_FUNCTION_CALL")), an_answer({ finishReason = "SOMETHING_NEW" }), {},
      an_answer(a_candidate("OTHER", { text = "Hm", thought = true })) }
    for _, failure in ipairs(failures) do
      local request = a_chat()
      expect_again(again(request, failure))
      local answer = completion(request, failure)
      expect(answer.choices[1].finish_reason).to_be("stop")
      expect(answer.choices[1].message.content).to_be("")
    end
    local request = a_chat()
    expect_again(again(request, failures[1]))
    expect(completion(request, an_answer(a_candidate("STOP", { text = "Hi" }))).choices[1].message.content).to_be("Hi")
  end)
end)


describe("several answers", function()
  it("are asked for one after the other, and their tokens add up", function()
    local request = a_chat { n = 3 }
    expect_again(again(request, an_answer(a_candidate("STOP", { text = "A" }))))
    expect_again(again(request, an_answer(a_candidate("STOP", { functionCall = { id = "x", name = "f" } }))))
    local answer = completion(request, an_answer(a_candidate("STOP", { functionCall = { id = "x", name = "f" } })))

    expect(#answer.choices).to_be(3)
    for i, each in ipairs(answer.choices) do
      expect(each.index).to_be(i - 1)
    end
    expect(answer.choices[3].message.tool_calls[1].id).never.to_be("x")
    expect(answer.usage.prompt_tokens).to_be(24)
    expect(answer.usage.completion_tokens).to_be(9)
    expect(answer.usage.total_tokens).to_be(33)
  end)


  it("may come at once", function()
    local both = an_answer(a_candidate("STOP", { text = "A" }), a_candidate("MAX_TOKENS", { text = "B" }))
    local answer = completion(a_chat { n = 2 }, both)

    expect(answer.choices[2].index).to_be(1)
    expect(answer.choices[2].message.content).to_be("B")
    expect(answer.choices[2].finish_reason).to_be("length")
    expect(#completion(a_chat(), both).choices).to_be(1)
  end)
end)


describe("sources", function()
  local function annotations(grounding, ...)
    local candidate = a_candidate("STOP", ...)
    candidate.groundingMetadata = grounding
    return choice(nil, candidate).message.annotations
  end


  local function cited(from, to, url, title)
    return { type = "url_citation", url_citation = { start_index = from, end_index = to, url = url, title = title } }
  end


  local uefa = { web = { uri = "https://u.example", title = "uefa.com" } }
  local other = { web = { uri = "https://o.example" } }


  it("are annotations, with bytes turned into characters", function()
    expect(annotations({
      groundingChunks = { uefa, other },
      groundingSupports = {
        { segment = { endIndex = 6, text = "Größ" }, groundingChunkIndices = { 0 } },
        { segment = { startIndex = 8, endIndex = 15, text = "España" }, groundingChunkIndices = { 1, 0 } },
      },
    }, { text = "Größe España won" })).to_equal {
      cited(0, 4, "https://u.example", "uefa.com"), cited(6, 12, "https://o.example", "https://o.example"),
      cited(6, 12, "https://u.example", "uefa.com"),
    }
  end)


  it("of a later part count from the beginning of the whole text", function()
    expect(annotations({
      groundingChunks = { uefa },
      groundingSupports = { { segment = { partIndex = 2, startIndex = 0, endIndex = 3, text = "Two" },
        groundingChunkIndices = { 0 } } },
    }, { text = "Hm", thought = true }, { text = "Öne. " }, { text = "Two." })).to_equal { cited(5, 8, "https://u.example",
      "uefa.com") }
  end)


  it("are found by their words where the numbers are of another part", function()
    expect(annotations({
      groundingChunks = { uefa },
      groundingSupports = { { segment = { startIndex = 0, endIndex = 4, text = "Spain" }, groundingChunkIndices = { 0 } } },
    }, { text = "Hm", thought = true }, { text = "Yes, Spain." })).to_equal { cited(5, 10, "https://u.example", "uefa.com") }
  end)


  it("that support nothing in particular stand at the end", function()
    expect(annotations({ groundingChunks = { uefa } }, { text = "Añb" })).to_equal { cited(3, 3, "https://u.example",
      "uefa.com") }
  end)


  it("that are no sources are none", function()
    expect(annotations({ groundingChunks = { {}, { web = {} }, 7 }, groundingSupports = { 7, { segment = 7 },
      { segment = { endIndex = 99 }, groundingChunkIndices = { 0, 5, "x" } } } }, { text = "Hi" })).to_equal {}
    expect(annotations(json.null, { text = "Hi" })).to_equal {}
  end)
end)
