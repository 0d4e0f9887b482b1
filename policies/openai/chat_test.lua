local chat = require "openai.chat"


local function a_chat(body, more)
  body.model = body.model or "gemini-3.8-flash"
  local given = { dialect = "openai", endpoint = "chat", model = body.model, body = body, streaming = body.stream == true }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return a_request(given)
end


local function say(text)
  return { { role = "user", content = text } }
end


local function answered(request, body)
  local response = chat.response(request, a_response { status = 200, body = body })
  return response.text and json.decode(type(response.text) == "string" and response.text or table.concat(response.text)), response
end


-- The chunks of a stream, decoded, but for the last line.
local function streamed(request, ...)
  local text = {}
  for _, event in ipairs { ... } do
    local out = chat.event(request, json.decode(json.encode(event)))
    text[#text + 1] = type(out) == "table" and table.concat(out) or out
  end
  local out = chat.event(request, nil)
  text[#text + 1] = type(out) == "string" and out or "AGAIN"
  local chunks = {}
  for line in table.concat(text):gmatch("data: ([^\n]*)\n\n") do
    chunks[#chunks + 1] = json.decode(line) or line
  end
  return chunks, table.concat(text)
end


local function text_event(text, more)
  local candidate = { content = { parts = { { text = text } }, role = "model" }, index = 0 }
  for name, value in pairs(more or {}) do
    candidate[name] = value
  end
  return {
    candidates = { candidate }, modelVersion = "gemini-3.8-flash", responseId = "abc",
    usageMetadata = { promptTokenCount = 8, candidatesTokenCount = 3, thoughtsTokenCount = 2, totalTokenCount = 13 },
  }
end


describe("chat", function()
  it("asks Gemini and answers", function()
    local request = a_chat { messages = say "Hi", temperature = 3, max_tokens = 100 }
    local sent = chat.request(request)
    expect(sent.path).to_be("/v1beta/models/gemini-3.8-flash:generateContent")
    expect(json.encode(sent.body)).to_be('{"contents":[{"parts":[{"text":"Hi"}],"role":"user"}],"generationConfig":{"maxOutputTokens":100,"temperature":2}}')
    local answer = answered(request, text_event("Hello", { finishReason = "STOP" }))
    print(json.encode(answer))
    expect(answer.choices[1].message.content).to_be("Hello")
  end)
  it("streams", function()
    local request = a_chat { messages = say "Hi", stream = true, stream_options = { include_usage = true } }
    local sent = chat.request(request)
    expect(sent.path).to_be("/v1beta/models/gemini-3.8-flash:streamGenerateContent")
    local chunks, text = streamed(request, text_event "Hel", text_event "lo", text_event("", { finishReason = "STOP" }))
    print(text)
    expect(#chunks).to_be(6)
  end)
  it("calls", function()
    local request = a_chat { messages = say "Hi", tools = { { type = "function", ["function"] = { name = "get", parameters = { type = "object" } } } }, stream=true }
    local sent = chat.request(request)
    print(json.encode(sent.body))
    local _, text = streamed(request, { candidates = { { content = { parts = { { functionCall = { name = "get", args = { city = "Oslo" }, id = "zg" }, thoughtSignature = "EqU" } } } } } }, text_event("", { finishReason = "STOP" }))
    print(text)
    local back = a_chat { messages = { say "Hi"[1], { role = "assistant", tool_calls = { { id = "zg", type = "function", ["function"] = { name = "get", arguments = "{\"city\":\"Oslo\"}" } } } }, { role = "tool", tool_call_id = "zg", content = "{\"a\":1}" } } }
    print(json.encode(chat.request(back).body))
    expect(1).to_be(1)
  end)
end)
