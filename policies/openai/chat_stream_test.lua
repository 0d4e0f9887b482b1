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


local role = { role = "assistant", content = "" }


describe("a stream", function()
  it("is a role, texts, one end, and that it is done", function()
    local chunks, text = streamed(a_stream(), event "Hel", event 'lo "you"\n', event("", "STOP"))

    expect(text:sub(-#done)).to_be(done)
    expect(#chunks).to_be(4)
    expect(chunks[1]).to_equal { id = "chatcmpl-abc", object = "chat.completion.chunk", created = 1768478400, model = "fast",
      choices = { { index = 0, delta = role, logprobs = json.null, finish_reason = json.null } } }
    expect(chunks[2].choices[1].delta).to_equal { content = "Hel" }
    expect(chunks[3].choices[1].delta).to_equal { content = 'lo "you"\n' }
    expect(chunks[4].choices).to_equal { { index = 0, delta = {}, logprobs = json.null, finish_reason = "stop" } }
    for _, chunk in ipairs(chunks) do
      expect(chunk.id).to_be("chatcmpl-abc")
      expect(chunk.created).to_be(1768478400)
      expect(chunk.usage).to_be_nil()
    end
    expect(text).to_contain('"delta":{}')
  end)


  it("sends each text at once, and nothing for an event that says nothing", function()
    local request = a_stream()
    expect(#decoded(sent(request, event "Hel"))).to_be(2)
    expect(#decoded(sent(request, event "lo"))).to_be(1)
    expect(sent(request, event "")).to_be("")
    expect(sent(request, { usageMetadata = { promptTokenCount = 9 } })).to_be("")
    expect(sent(request, event(nil, "STOP", { content = {} }))).to_be("")
  end)


  it("counts tokens in a chunk of its own where that is wanted", function()
    local chunks = streamed(a_stream { stream_options = { include_usage = true } }, event "Hi", event("", "STOP"))

    expect(#chunks).to_be(4)
    for i = 1, 3 do
      expect(chunks[i].usage).to_be(json.null)
    end
    expect(chunks[4].choices).to_equal {}
    expect(chunks[4].usage.prompt_tokens).to_be(8)
    expect(chunks[4].usage.completion_tokens).to_be(5)
    expect(chunks[4].usage.completion_tokens_details.reasoning_tokens).to_be(2)
    expect(chunks[4].usage.total_tokens).to_be(13)
  end)


  it("has thoughts apart", function()
    expect(deltas(a_stream(), event { { text = "Hm.", thought = true } }, event { { text = "So.", thought = true },
      { text = "Yes" } },
      event("", "STOP"))).to_equal { role, { reasoning_content = "Hm." }, { reasoning_content = "So." },
        { content = "Yes" }, {} }
  end)


  it("has each call in one delta, counted over the whole answer", function()
    local chunks = streamed(a_stream(),
      event { { functionCall = { id = "a", name = "f", args = { x = 1 } }, thoughtSignature = "EqU" } },
      event { { functionCall = { id = "b", name = "g" } }, { functionCall = { id = "b", name = "g" } } },
      event({ { text = "" } }, "STOP"))
    local function call_of(chunk)
      return chunk.choices[1].delta.tool_calls[1]
    end

    expect(call_of(chunks[2])).to_equal { index = 0, id = "a", type = "function", ["function"] = { name = "f",
      arguments = '{"x":1}' },
      extra_content = { google = { thought_signature = "EqU" } } }
    expect(call_of(chunks[3])).to_equal { index = 1, id = "b", type = "function", ["function"] = { name = "g",
      arguments = "{}" } }
    expect(call_of(chunks[4]).index).to_be(2)
    expect(call_of(chunks[4]).id).never.to_be("b")
    expect(chunks[5].choices[1].finish_reason).to_be("tool_calls")
  end)


  it("ends with tool_calls also where the end comes with the call, or other words after it", function()
    local one = streamed(a_stream(), event({ { functionCall = { id = "a", name = "f" } } }, "STOP"))
    local other = streamed(a_stream(), event { { functionCall = { id = "a", name = "f" } } }, event "Wait.", event("",
      "STOP"))

    expect(one[3].choices[1].finish_reason).to_be("tool_calls")
    expect(other[4].choices[1].finish_reason).to_be("tool_calls")
  end)


  it("brings one call alone where that is wanted", function()
    local given = event({ { functionCall = { id = "a", name = "f" } }, { functionCall = { id = "b", name = "f" } } }, "STOP")
    expect(#deltas(a_stream { parallel_tool_calls = false }, given)).to_be(3)
  end)


  it("calls functions as it was before there were tools", function()
    local chunks = streamed(a_stream { functions = { { name = "f" } } }, event({ { functionCall = { name = "f" } } }, "STOP"))

    expect(chunks[2].choices[1].delta).to_equal { function_call = { name = "f", arguments = "{}" } }
    expect(chunks[3].choices[1].finish_reason).to_be("function_call")
  end)


  it("shows code, and its output", function()
    expect(deltas(a_stream(), event({ { executableCode = { language = "PYTHON", code = "1" } }, { codeExecutionResult = {
      output = "1" } } },
      "STOP"))).to_equal { role, { content = "\n```python\n1\n```\n" }, { content = "\n```\n1\n```\n" }, {} }
  end)


  it("shows pictures without copying them", function()
    local data = ("QUJD"):rep(500000)
    local request = a_stream()
    local out = chat.event(request, a_response { body = event { { inlineData = { mimeType = "image/png",
      data = data } } } }.body)
    local blobs = 0
    for _, piece in ipairs(out) do
      blobs = blobs + (type(piece) == "userdata" and 1 or 0)
    end
    expect(blobs).to_be(2)

    local list = deltas(a_stream(), event { { inlineData = { mimeType = "image/png", data = data } } }, event(nil, "STOP"))
    expect(list[2].content).to_be("![image](data:image/png;base64," .. data .. ")")
    expect(list[3].images[1].image_url.url).to_be("data:image/png;base64," .. data)
    expect(list[4]).to_equal {}
  end)


  it("speaks in pieces", function()
    local function sound(data)
      return event { { inlineData = { mimeType = "audio/L16;codec=pcm;rate=24000", data = data } } }
    end
    local list = deltas(a_stream { model = "gemini-3.1-flash-tts-preview", audio = { voice = "Kore", format = "pcm16" } },
      sound "AAAA", sound "BBBB", event(nil, "STOP"))

    expect(list[2].audio.data).to_be("AAAA")
    expect(list[3].audio.data).to_be("BBBB")
    expect(list[3].audio.id).to_be(list[2].audio.id)
  end)


  it("names its sources at the end, in characters of all its text", function()
    local grounding = {
      groundingChunks = { { web = { uri = "https://u.example", title = "u" } } },
      groundingSupports = { { segment = { startIndex = 5, endIndex = 11, text = "España" }, groundingChunkIndices = { 0 } } },
    }
    local list = deltas(a_stream { web_search_options = {} }, event "Olé ", event "Espa", event("ña.", nil,
      { groundingMetadata = {} }),
      event("", "STOP", { groundingMetadata = grounding }))

    expect(list[5].annotations).to_equal {
      { type = "url_citation", url_citation = { start_index = 4, end_index = 10, url = "https://u.example", title = "u" } },
    }
    expect(list[6]).to_equal {}
  end)


  it("tells probabilities with the text that they are of", function()
    local chunks = streamed(a_stream { logprobs = true }, event("H", nil, { logprobsResult = { chosenCandidates = {
      { token = "H", logProbability = -1 } } } }), event("", "STOP"))

    expect(chunks[2].choices[1].logprobs.content[1].logprob).to_be(-1)
    expect(chunks[1].choices[1].logprobs).to_be(json.null)
  end)


  it("that Gemini answers in one piece is a stream all the same", function()
    local chunks, text = streamed(a_stream(), event({ { text = "Hm.", thought = true }, { text = "Hello" },
      { functionCall = { id = "a", name = "f" } } }, "STOP"))

    expect(#chunks).to_be(5)
    expect(chunks[5].choices[1].finish_reason).to_be("tool_calls")
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
  local function last_choice(...)
    local chunks = streamed(a_stream(), ...)
    return chunks[#chunks].choices[1], chunks
  end


  it("has OpenAI's name for it, once", function()
    expect(last_choice(event("Hi", "MAX_TOKENS")).finish_reason).to_be("length")
    expect(last_choice(event("Hi"), event(nil, "SAFETY")).finish_reason).to_be("content_filter")
    expect(last_choice(event("Hi"), event(nil, "OTHER")).finish_reason).to_be("stop")
    local _, chunks = last_choice(event("Hi", "STOP"), event("", "STOP"))
    local ends = 0
    for _, chunk in ipairs(chunks) do
      ends = ends + (chunk.choices[1].finish_reason ~= json.null and 1 or 0)
    end
    expect(ends).to_be(1)
  end)


  it("of a blocked prompt or answer that says nothing is one of a filter", function()
    local blocked = deltas(a_stream(), { promptFeedback = { blockReason = "SAFETY" },
      usageMetadata = { promptTokenCount = 8 } })
    expect(blocked).to_equal { role, { refusal = "Gemini does not answer this prompt: SAFETY." }, {} }
    expect(last_choice({ promptFeedback = { blockReason = "SAFETY" } }).finish_reason).to_be("content_filter")
    local filtered = deltas(a_stream(), event(nil, "SPII"))
    expect(filtered[2].refusal).to_contain("SPII")
  end)


  it("is tried to be avoided once, where the model failed before it said anything", function()
    local request = a_stream()
    expect(sent(request, event(nil, "MALFORMED_FUNCTION_CALL"))).to_be("")
    expect(getmetatable(chat.event(request, nil))).to_be("again")
    local chunks = streamed(request, event("Hi", "STOP"))
    expect(#chunks).to_be(3)

    local hopeless = a_stream()
    sent(hopeless, event(nil, "MALFORMED_FUNCTION_CALL"))
    chat.event(hopeless, nil)
    local rest = streamed(hopeless, event(nil, "MALFORMED_FUNCTION_CALL"))
    expect(rest[2].choices[1].finish_reason).to_be("stop")

    local talking = a_stream()
    sent(talking, event "Hi")
    sent(talking, event(nil, "MALFORMED_FUNCTION_CALL"))
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
    local chunks, text = streamed(request, event "B", event "C", event(nil, "MAX_TOKENS"))
    local all = decoded(first .. text)

    expect(#chunks).to_be(6)
    local seen = {}
    for i, chunk in ipairs(all) do
      local choice = chunk.choices[1]
      seen[i] = choice and choice.index .. " " .. (choice.delta.content or tostring(choice.finish_reason)) or "usage"
      expect(chunk.id).to_be("chatcmpl-abc")
    end
    expect(seen).to_equal { "0 ", "0 A", "0 stop", "1 ", "1 B", "1 C", "1 length", "usage" }
    expect(all[8].usage.prompt_tokens).to_be(16)
    expect(all[8].usage.total_tokens).to_be(26)
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
      texts[choice.index + 1] = texts[choice.index + 1] .. (choice.delta.content or "." .. choice.finish_reason)
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
