local chat = require "openai.chat"

local done = "data: [DONE]\n\n"


local function a_stream(fields)
  local body = { model = "gemini-3.8-flash", stream = true, messages = { { role = "user", content = "Hi" } } }
  for name, value in pairs(fields or {}) do
    body[name] = value
  end
  local request = a_request { dialect = "openai", endpoint = "chat", model = "fast", upstream_model = body.model, body = body,
    streaming = true }
  chat.request(request)
  return request
end


-- One event as Gemini sends it; `parts` is a text or a list of parts.
local function event(parts, reason, more)
  local candidate = { index = 0, finishReason = reason }
  candidate.content = parts and { role = "model", parts = type(parts) == "string" and { { text = parts } } or parts }
  for name, value in pairs(more or {}) do
    candidate[name] = value
  end
  return { candidates = { candidate }, responseId = "abc", modelVersion = "gemini-3.8-flash",
    usageMetadata = { promptTokenCount = 8, candidatesTokenCount = 3, thoughtsTokenCount = 2, totalTokenCount = 13 } }
end


-- What is sent for an event, as one text. Decoded as the core does it, large texts are blobs.
local function sent(request, given)
  local out = chat.event(request, given and a_response { status = 200, body = given }.body)
  if type(out) == "table" and getmetatable(out) == nil then
    for i, piece in ipairs(out) do
      out[i] = bytes.text(piece)
    end
    return table.concat(out)
  end
  return out or ""
end


local function decoded(text)
  local chunks = {}
  for line in text:gmatch("data: ([^\n]*)\n\n") do
    chunks[#chunks + 1] = json.decode(line)
  end
  return chunks
end


-- All chunks of a stream, and its bytes.
local function streamed(request, ...)
  local text = {}
  for _, given in ipairs { ... } do
    text[#text + 1] = sent(request, given)
  end
  text[#text + 1] = sent(request, nil)
  text = table.concat(text)
  return decoded(text), text
end


-- The deltas of the first choice.
local function deltas(request, ...)
  local list = {}
  for _, chunk in ipairs((streamed(request, ...))) do
    list[#list + 1] = chunk.choices[1] and chunk.choices[1].delta
  end
  return list
end


-- How the first choice says that it ends.
local function end_of(chunks)
  for _, chunk in ipairs(chunks) do
    local choice = chunk.choices[1]
    if choice and choice.finish_reason ~= json.null then
      return choice.finish_reason
    end
  end
end


local function a_call(id, name, args)
  return { functionCall = { id = id, name = name or "f", args = args } }
end


describe("a stream", function()
  it("is a role with the first words, further words, one end, and that it is done", function()
    local chunks, text = streamed(a_stream(), event "Hel", event 'lo "you"\n', event("", "STOP"))

    expect(text:sub(-#done)).to_be(done)
    expect(#chunks).to_be(3)
    expect(chunks[1]).to_equal {
      id = "chatcmpl-abc", object = "chat.completion.chunk", created = 1768478400, model = "fast",
      choices = { {
        index = 0, delta = { role = "assistant", content = "Hel" }, logprobs = json.null, finish_reason = json.null,
      } },
    }
    expect(chunks[2].choices[1].delta).to_equal { content = 'lo "you"\n' }
    expect(chunks[3].choices).to_equal { { index = 0, delta = {}, logprobs = json.null, finish_reason = "stop" } }
    for _, chunk in ipairs(chunks) do
      expect(chunk.id).to_be("chatcmpl-abc")
      expect(chunk.created).to_be(1768478400)
      expect(chunk.usage).to_be_nil()
    end
    expect(text).to_contain('"delta":{}')
  end)


  it("has its end beside the last words, where they come together", function()
    local chunks = streamed(a_stream(), event "Hel", event("lo", "STOP"))

    expect(#chunks).to_be(2)
    expect(chunks[2].choices[1].delta).to_equal { content = "lo" }
    expect(chunks[2].choices[1].finish_reason).to_be("stop")
  end)


  it("sends each text at once, and nothing for an event that says nothing", function()
    local request = a_stream()
    expect(#decoded(sent(request, event "Hel"))).to_be(1)
    expect(#decoded(sent(request, event "lo"))).to_be(1)
    expect(sent(request, event "")).to_be("")
    expect(sent(request, { usageMetadata = { promptTokenCount = 9 } })).to_be("")
    expect(sent(request, event(nil, "STOP", { content = {} }))).to_be("")
  end)


  it("counts tokens in a chunk of its own where that is wanted", function()
    local chunks = streamed(a_stream { stream_options = { include_usage = true } }, event "Hi", event("", "STOP"))

    expect(#chunks).to_be(3)
    expect(chunks[1].usage).to_be(json.null)
    expect(chunks[2].usage).to_be(json.null)
    expect(chunks[3].choices).to_equal {}
    expect(chunks[3].usage.prompt_tokens).to_be(8)
    expect(chunks[3].usage.completion_tokens).to_be(5)
    expect(chunks[3].usage.completion_tokens_details.reasoning_tokens).to_be(2)
    expect(chunks[3].usage.total_tokens).to_be(13)
  end)


  it("has thoughts apart", function()
    local list = deltas(a_stream(), event { { text = "Hm.", thought = true } },
      event { { text = "So.", thought = true }, { text = "Yes" } }, event("", "STOP"))

    expect(list).to_equal {
      { role = "assistant", reasoning_content = "Hm." }, { reasoning_content = "So." }, { content = "Yes" }, {},
    }
  end)


  it("has each call in one delta, counted over the whole answer", function()
    local signed = a_call("a", "f", { x = 1 })
    signed.thoughtSignature = "EqU"
    local chunks = streamed(a_stream(), event { signed }, event { a_call("b", "g"), a_call("b", "g") }, event("", "STOP"))
    local function call_of(chunk)
      return chunk.choices[1].delta.tool_calls[1]
    end

    expect(chunks[1].choices[1].delta.role).to_be("assistant")
    expect(call_of(chunks[1])).to_equal {
      index = 0, id = "a", type = "function", ["function"] = { name = "f", arguments = '{"x":1}' },
      extra_content = { google = { thought_signature = "EqU" } },
    }
    expect(call_of(chunks[2])).to_equal {
      index = 1, id = "b", type = "function", ["function"] = { name = "g", arguments = "{}" },
    }
    expect(call_of(chunks[3]).index).to_be(2)
    expect(call_of(chunks[3]).id).never.to_be("b")
    expect(end_of(chunks)).to_be("tool_calls")
  end)


  it("ends with tool_calls also where the end comes with the call, or other words after it", function()
    expect(end_of(streamed(a_stream(), event({ a_call "a" }, "STOP")))).to_be("tool_calls")
    expect(end_of(streamed(a_stream(), event { a_call "a" }, event "Wait.", event("", "STOP")))).to_be("tool_calls")
  end)


  it("brings one call alone where that is wanted", function()
    local list = deltas(a_stream { parallel_tool_calls = false }, event({ a_call "a", a_call "b" }, "STOP"))

    expect(#list).to_be(1)
    expect(list[1].tool_calls[1].id).to_be("a")
  end)


  it("calls functions as it was before there were tools", function()
    local chunks = streamed(a_stream { functions = { { name = "f" } } }, event({ a_call "a" }, "STOP"))

    expect(chunks[1].choices[1].delta.function_call).to_equal { name = "f", arguments = "{}" }
    expect(end_of(chunks)).to_be("function_call")
  end)


  it("shows code, and its output", function()
    local list = deltas(a_stream(), event({
      { executableCode = { language = "PYTHON", code = "1" } }, { codeExecutionResult = { output = "1" } },
    }, "STOP"))

    expect(list[1].content .. list[2].content).to_be("\n```python\n1\n```\n\n```\n1\n```\n")
  end)


  it("shows pictures without copying them", function()
    local data = ("QUJD"):rep(500000)
    local picture = { inlineData = { mimeType = "image/png", data = data } }
    local blobs = 0
    for _, piece in ipairs(chat.event(a_stream(), a_response { body = event { picture } }.body)) do
      blobs = blobs + (type(piece) == "userdata" and 1 or 0)
    end
    expect(blobs).to_be(2)

    local text, images = "", {}
    for _, delta in ipairs(deltas(a_stream(), event { picture }, event(nil, "STOP"))) do
      text = text .. (delta.content or "")
      images[#images + 1] = delta.images and delta.images[1].image_url.url
    end
    expect(text).to_be("![image](data:image/png;base64," .. data .. ")")
    expect(images).to_equal { "data:image/png;base64," .. data }
  end)


  it("speaks in pieces", function()
    local function sound(data)
      return event { { inlineData = { mimeType = "audio/L16;codec=pcm;rate=24000", data = data } } }
    end
    local list = deltas(a_stream { model = "gemini-3.1-flash-tts-preview", audio = { voice = "Kore", format = "pcm16" } },
      sound "AAAA", sound "BBBB", event(nil, "STOP"))

    expect(list[1].audio.data).to_be("AAAA")
    expect(list[2].audio.data).to_be("BBBB")
    expect(list[2].audio.id).to_be(list[1].audio.id)
  end)


  it("names its sources at the end, in characters of all its text", function()
    local grounding = {
      groundingChunks = { { web = { uri = "https://u.example", title = "u" } } },
      groundingSupports = { {
        segment = { startIndex = 5, endIndex = 12, text = "España" }, groundingChunkIndices = { 0 },
      } },
    }
    local list = deltas(a_stream { web_search_options = {} }, event "Olé ", event "Espa",
      event("ña.", nil, { groundingMetadata = {} }), event("", "STOP", { groundingMetadata = grounding }))

    expect(list[4].annotations).to_equal {
      { type = "url_citation", url_citation = { start_index = 4, end_index = 10, url = "https://u.example", title = "u" } },
    }
    expect(list[5]).to_equal {}
  end)


  it("tells probabilities with the text that they are of", function()
    local result = { chosenCandidates = { { token = "H", logProbability = -1 } } }
    local chunks = streamed(a_stream { logprobs = true }, event("H", nil, { logprobsResult = result }), event("i", "STOP"))

    expect(chunks[1].choices[1].logprobs.content[1].logprob).to_be(-1)
    expect(chunks[2].choices[1].logprobs).to_be(json.null)
  end)


  it("that Gemini answers in one piece is a stream all the same", function()
    local chunks, text = streamed(a_stream(), event({ { text = "Hm.", thought = true }, { text = "Hello" },
      { functionCall = { id = "a", name = "f" } } }, "STOP"))

    expect(#chunks).to_be(3)
    expect(end_of(chunks)).to_be("tool_calls")
    expect(text:sub(-#done)).to_be(done)
  end)


  it("of events of any shape survives them", function()
    local request = a_stream()
    for _, odd in ipairs { {}, { candidates = 7 }, { candidates = { 7, json.null } }, { candidates = { {} } },
      { candidates = { { content = 7 } } }, { candidates = { { content = { parts = { 7, {}, { text = 7 } } } } } },
      { candidates = { { finishReason = 7, groundingMetadata = 7 } } }, { usageMetadata = 7, promptFeedback = 7 },
      { candidates = { { index = "x", content = { parts = { { functionCall = {} } } } } } } } do
      sent(request, odd)
    end
    chat.event(request, 7)
    local _, text = streamed(request, event("Hi", "STOP"))
    expect(text:sub(-#done)).to_be(done)
  end)
end)


describe("the end of a stream", function()
  local function ending(...)
    return end_of(streamed(a_stream(), ...))
  end


  it("has OpenAI's name for it, once", function()
    expect(ending(event("Hi", "MAX_TOKENS"))).to_be("length")
    expect(ending(event "Hi", event(nil, "SAFETY"))).to_be("content_filter")
    expect(ending(event "Hi", event(nil, "OTHER"))).to_be("stop")
    local ends = 0
    for _, chunk in ipairs((streamed(a_stream(), event("Hi", "STOP"), event("", "STOP")))) do
      ends = ends + (chunk.choices[1].finish_reason ~= json.null and 1 or 0)
    end
    expect(ends).to_be(1)
  end)


  it("of a blocked prompt, or of an answer that says nothing, is one of a filter", function()
    local blocked = { promptFeedback = { blockReason = "SAFETY" }, usageMetadata = { promptTokenCount = 8 } }

    expect(ending(blocked)).to_be("content_filter")
    expect(deltas(a_stream(), blocked)[1])
      .to_equal { role = "assistant", refusal = "Gemini does not answer this prompt: SAFETY." }
    expect(ending(event(nil, "SPII"))).to_be("content_filter")
    expect(deltas(a_stream(), event(nil, "SPII"))[1].refusal).to_contain("SPII")
  end)


  it("is tried to be avoided once, where the model failed before it said anything", function()
    local failure = event(nil, "MALFORMED_FUNCTION_CALL")
    local request = a_stream()
    expect(sent(request, failure)).to_be("")
    expect(getmetatable(chat.event(request, nil))).to_be("again")
    expect(#streamed(request, event("Hi", "STOP"))).to_be(1)

    local hopeless = a_stream()
    sent(hopeless, failure)
    chat.event(hopeless, nil)
    expect(end_of(streamed(hopeless, failure))).to_be("stop")

    local talking = a_stream()
    sent(talking, event "Hi")
    sent(talking, failure)
    expect(type(chat.event(talking, nil))).to_be("string")
  end)


  it("in the midst is an error, and not done", function()
    local request = a_stream()
    sent(request, event "Hi")
    local text = chat.error(request, { in_stream = true, status = 503, message = "The model is overloaded." })

    expect(json.decode(text:match("^data: (.*)\n\n$"))).to_equal { error = {
      message = "The model is overloaded.", type = "service_unavailable", param = json.null, code = "service_unavailable" } }
  end)
end)


describe("several streams", function()
  it("follow each other, each with its index, role and end", function()
    local request = a_stream { n = 2, stream_options = { include_usage = true } }
    local first = sent(request, event "A") .. sent(request, event("", "STOP"))
    expect(getmetatable(chat.event(request, nil))).to_be("again")
    local _, text = streamed(request, event "B", event "C", event(nil, "MAX_TOKENS"))
    local all = decoded(first .. text)

    local seen = {}
    for i, chunk in ipairs(all) do
      local choice = chunk.choices[1]
      local delta = choice and choice.delta
      seen[i] = choice and choice.index .. (delta.role and " role " or " ") .. (delta.content or choice.finish_reason) or "usage"
      expect(chunk.id).to_be("chatcmpl-abc")
    end
    expect(seen).to_equal { "0 role A", "0 stop", "1 role B", "1 C", "1 length", "usage" }
    expect(all[6].usage.prompt_tokens).to_be(16)
    expect(all[6].usage.total_tokens).to_be(26)
  end)


  it("may come at once", function()
    local function of(index, text, reason)
      return { index = index, content = { parts = { { text = text } } }, finishReason = reason }
    end
    local chunks = streamed(a_stream { n = 2 }, { candidates = { of(0, "A"), of(1, "B") } }, { candidates = { of(1, "C") } },
      { candidates = { of(0, "D", "STOP"), of(1, "", "STOP") } })
    local texts = { "", "" }
    for _, chunk in ipairs(chunks) do
      local choice = chunk.choices[1]
      local ending = choice.finish_reason ~= json.null and "." .. choice.finish_reason or ""
      texts[choice.index + 1] = texts[choice.index + 1] .. (choice.delta.content or "") .. ending
    end

    expect(texts).to_equal { "AD.stop", "BC.stop" }
  end)


  it("that break between two still end the first", function()
    local request = a_stream { n = 2 }
    sent(request, event("A", "STOP"))
    chat.event(request, nil)
    local text = chat.error(request, { in_stream = true, status = 503, message = "No." })

    expect(decoded(text)[1].choices[1].finish_reason).to_be("stop")
    expect(decoded(text)[2].error.message).to_be("No.")
  end)
end)
