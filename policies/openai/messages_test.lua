local chat = require "openai.chat"

local model = "gemini-3.8-flash"
local sentinel = "skip_thought_signature_validator"


local function a_chat(messages, more)
  local body = { model = model, messages = messages }
  for name, value in pairs(more or {}) do
    body[name] = value
  end
  local request = a_request { dialect = "openai", endpoint = "chat", model = body.model, body = body }
  request.state.openai = {}
  return request
end


-- What Gemini is asked for these messages.
local function asked(messages, more)
  return chat.request(a_chat(messages, more)).body
end


local function expect_contents(messages, contents, more)
  expect(asked(messages, more).contents).to_equal(contents)
end


local function expect_refused(messages, param, words)
  local refusal = chat.request(a_chat(messages))
  expect(refusal.status).to_be(400)
  expect(refusal.param).to_be(param)
  expect(refusal.message).to_contain(param)
  expect(refusal.message).to_contain(words)
end


local function user(...)
  return { role = "user", parts = { ... } }
end


local function said(...)
  return { role = "model", parts = { ... } }
end


local function call(id, name, arguments, more)
  local given = { id = id, type = "function", ["function"] = { name = name, arguments = arguments } }
  for field, value in pairs(more or {}) do
    given[field] = value
  end
  return given
end


local function called(id, name, arguments, signature)
  return { functionCall = { id = id, name = name, args = arguments }, thoughtSignature = signature }
end


local function result(id, name, response)
  return { functionResponse = { id = id, name = name, response = response } }
end


local hi = { role = "user", content = "Hi" }


describe("messages, by role", function()
  it("of the system and the developer are joined, wherever they stand", function()
    local body = asked {
      { role = "system", content = "Be brief." }, hi, { role = "developer", content = { { type = "text",
        text = "Be kind." } } },
    }

    expect(body.systemInstruction).to_equal { parts = { { text = "Be brief.\n\nBe kind." } } }
    expect(body.contents).to_equal { user { text = "Hi" } }
  end)


  it("of the system alone are what the user says", function()
    local body = asked { { role = "system", content = "Be brief." } }

    expect(body.systemInstruction).to_be_nil()
    expect(body.contents).to_equal { user { text = "Be brief." } }
  end)


  it("of the system go before the user's first words for models that take none", function()
    for _, name in ipairs { "gemma-3-27b-it", "gemini-3.1-flash-tts-preview" } do
      local body = asked({ { role = "system", content = "Be brief." }, hi }, { model = name })

      expect(body.systemInstruction).to_be_nil()
      expect(body.contents).to_equal { user { text = "Be brief.\n\nHi" } }
    end
  end)


  it("of user and assistant take turns, and empty texts of the assistant are left out", function()
    expect_contents(
      { hi, { role = "assistant", content = "Hello" }, { role = "assistant", content = "" }, { role = "user",
        content = "How?" } },
      { user { text = "Hi" }, said { text = "Hello" }, user { text = "How?" } })
  end)


  it("of one role in a row are one content, and a user who says nothing says a blank", function()
    expect_contents({ hi, { role = "user", content = "there" }, { role = "assistant", content = "Yes?" }, { role = "user",
      content = "" } },
      { user({ text = "Hi" }, { text = "there" }), said { text = "Yes?" }, user { text = " " } })
  end)


  it("of a user with a name say it", function()
    expect_contents({ { role = "user", name = "Ann", content = "Hi" } }, { user { text = "Ann: Hi" } })
  end)


  it("of the assistant lose thoughts, and keep refusals", function()
    expect_contents({
      hi,
      { role = "assistant", reasoning_content = "Hm.", content = { { type = "thinking", thinking = "Hm." },
        { type = "text", text = "Well." }, { type = "refusal", refusal = "No." } } },
      { role = "user", content = "Why?" },
    }, { user { text = "Hi" }, said({ text = "Well." }, { text = "No." }), user { text = "Why?" } })
  end)


  it("are no prefill for models that refuse one", function()
    local messages = { hi, { role = "assistant", content = "Hel" } }

    expect(#asked(messages).contents).to_be(3)
    expect(asked(messages).contents[3].role).to_be("user")
    expect(#asked(messages, { model = "gemini-3.5-flash" }).contents).to_be(2)
    expect(#asked(messages, { model = "gemini-3.5-flash-lite" }).contents).to_be(3)
  end)


  it("may be null and of odd types in what does not matter", function()
    expect_contents({ { role = "user", name = json.null, content = "Hi", tool_calls = json.null, odd = { 1 } } },
      { user { text = "Hi" } })
    expect_contents({ hi, { role = "assistant", content = json.null, tool_calls = json.null, refusal = json.null,
      extra_content = json.null }, hi }, { user({ text = "Hi" }, { text = "Hi" }) })
  end)
end)


describe("calls of functions", function()
  it("follow the assistant's text, and their results stand in one content, in the order of the calls", function()
    expect_contents({
      hi,
      { role = "assistant", content = "Let me see.", tool_calls = {
        call("a", "weather", '{"city":"Oslo"}', { extra_content = { google = { thought_signature = "EqU" } } }),
        call("b", "time", ""),
      } },
      { role = "tool", tool_call_id = "b", content = "noon" },
      { role = "tool", tool_call_id = "a", content = '{"sky":"blue"}' },
    }, {
      user { text = "Hi" },
      said({ text = "Let me see." }, called("a", "weather", { city = "Oslo" }, "EqU"), called("b", "time", {})),
      user(result("a", "weather", { sky = "blue" }), result("b", "time", { result = "noon" })),
    })
  end)


  it("without a result get one that says so, and what the user says comes after it", function()
    expect_contents({ hi, { role = "assistant", tool_calls = { call("a", "f", "{}", { thought_signature = "E1" }) } }, hi }, {
      user { text = "Hi" }, said(called("a", "f", {}, "E1")), user(result("a", "f", { result = "(no result)" }),
        { text = "Hi" }),
    })
  end)


  it("get a result that comes late", function()
    local contents = asked({ hi, { role = "assistant", tool_calls = { call("a", "f", "{}") } }, hi,
      { role = "tool", tool_call_id = "a", content = "late" } }).contents

    expect(contents[3]).to_equal(user(result("a", "f", { result = "late" }), { text = "Hi" }))
  end)


  it("that nobody made have results that the user says", function()
    expect_contents({ hi, { role = "tool", tool_call_id = "lost", content = "42" } }, { user({ text = "Hi" },
      { text = "42" }) })
  end)


  it("may use an id again in a later turn", function()
    local function round(answer)
      return { role = "assistant", tool_calls = { call("call_0", "f", "{}", { thought_signature = "E" .. answer }) } },
        { role = "tool", tool_call_id = "call_0", content = answer }
    end
    local one, two = round "1"
    local three, four = round "2"

    expect_contents({ hi, one, two, three, four }, {
      user { text = "Hi" }, said(called("call_0", "f", {}, "E1")), user(result("call_0", "f", { result = "1" })),
      said(called("call_0", "f", {}, "E2")), user(result("call_0", "f", { result = "2" })),
    })
  end)


  it("do not come first: the user says a blank before them", function()
    local contents = asked { { role = "assistant", tool_calls = { call("a", "f", "{}") } },
      { role = "tool", tool_call_id = "a", content = "1" } }

    expect(contents.contents[1]).to_equal(user { text = " " })
  end)


  it("have arguments that are an object, whatever the text is", function()
    local function arguments(text)
      return asked({ hi, { role = "assistant", tool_calls = { call("a", "f",
        text) } } }).contents[2].parts[1].functionCall.args
    end
    expect(arguments('{"a":[1,{"b":null}]}')).to_equal { a = { 1, { b = json.null } } }
    expect(arguments("")).to_equal {}
    expect(arguments('{"a":')).to_equal {}
    expect(arguments("[]")).to_equal {}
    expect(arguments("null")).to_equal {}
    expect(arguments("[1]")).to_equal { arguments = "[1]" }
    expect(arguments('"x"')).to_equal { arguments = '"x"' }
    expect(json.encode(arguments(""))).to_be("{}")
    expect(json.encode(arguments("[]"))).to_be("{}")
    expect(json.encode(arguments('{"z":1,"a":1.5,"n":12345678901234567890}'))).to_be('{"z":1,"a":1.5,"n":12345678901234567890}')
  end)


  it("have results that are an object; a JSON schema among them is a text", function()
    local function response(content)
      return asked({ hi, { role = "assistant", tool_calls = { call("a", "f", "{}") } },
        { role = "tool", tool_call_id = "a", content = content } }).contents[3].parts[1].functionResponse.response
    end
    expect(response('{"a":1}')).to_equal { a = 1 }
    expect(response("[1]")).to_equal { result = "[1]" }
    expect(response("")).to_equal { result = "" }
    expect(response(json.null)).to_equal { result = "" }
    expect(response({ { type = "text", text = "a" }, { type = "text", text = "b" } })).to_equal { result = "a\nb" }
    expect(response('{"$ref":"#/a"}')).to_equal { result = '{"$ref":"#/a"}' }
    expect(response('{"a":{"$schema":"x"}}')).to_equal { result = '{"a":{"$schema":"x"}}' }
    expect(response('{"a":')).to_equal { result = '{"a":' }
  end)


  it("may bring pictures back: in the result, or beside it for older models", function()
    local messages = { hi, { role = "assistant", tool_calls = { call("a", "f", "{}", { thought_signature = "E1" }) } },
      { role = "tool", tool_call_id = "a", content = {
        { type = "text", text = "Here." }, { type = "image_url", image_url = { url = "data:image/png;base64,AAAA" } },
      } } }
    local picture = { inlineData = { mimeType = "image/png", data = "AAAA" } }

    local newer = asked(messages).contents[3].parts
    expect(newer).to_equal { { functionResponse = { id = "a", name = "f", response = { result = "Here." },
      parts = { picture } } } }
    local older = asked(messages, { model = "gemini-2.5-flash" }).contents[3].parts
    expect(older).to_equal { result("a", "f", { result = "Here." }), picture }
  end)


  it("are understood as they were before there were tools", function()
    expect_contents({ hi, { role = "assistant", content = json.null, function_call = { name = "f", arguments = '{"a":1}' },
      thought_signature = "E1" }, { role = "function", name = "f", content = "done" } }, {
      user { text = "Hi" }, said(called("call_2", "f", { a = 1 }, "E1")), user(result("call_2", "f", { result = "done" })),
    })
  end)


  it("of custom tools have one argument", function()
    expect_contents({ hi, { role = "assistant", tool_calls = {
      { id = "a", type = "custom", custom = { name = "run", input = "print(1)" }, thought_signature = "E1" } } } }, {
      user { text = "Hi" }, said(called("a", "run", { input = "print(1)" }, "E1")), user(result("a", "run",
        { result = "(no result)" })),
    })
  end)
end)


describe("signatures", function()
  local function signature_of(assistant, more)
    return asked({ hi, assistant }, more).contents[2].parts[1].thoughtSignature
  end


  it("are taken from every place in which clients bring them back", function()
    local google = { google = { thought_signature = "EqU" } }
    expect(signature_of { role = "assistant", tool_calls = { call("a", "f", "{}",
      { extra_content = google }) } }).to_be("EqU")
    expect(signature_of { role = "assistant", extra_content = google, tool_calls = { call("a", "f", "{}") } }).to_be("EqU")
    expect(signature_of { role = "assistant", tool_calls = { call("a", "f", "{}",
      { thought_signature = "EqU" }) } }).to_be("EqU")
    expect(signature_of { role = "assistant", tool_calls = {
      call("a", "f", "{}", { provider_specific_fields = { thought_signature = "EqU" } }) } }).to_be("EqU")
    expect(signature_of { role = "assistant", tool_calls = { { id = "a", type = "function",
      ["function"] = { name = "f", arguments = "{}", extra_content = google } } } }).to_be("EqU")
    expect(signature_of { role = "assistant", tool_calls = { { id = "a", type = "function",
      ["function"] = { name = "f", arguments = "{}", thought_signature = "EqU" } } } }).to_be("EqU")
  end)


  it("in ids are found, and the ids are bare again", function()
    local contents = asked({ hi, { role = "assistant", tool_calls = { call("call_x__thought__EqU", "f", "{}") } },
      { role = "tool", tool_call_id = "call_x__thought__EqU", content = "1" } }).contents

    expect(contents[2]).to_equal(said(called("call_x", "f", {}, "EqU")))
    expect(contents[3]).to_equal(user(result("call_x", "f", { result = "1" })))
  end)


  it("that are lost are replaced on the first call of each step of the current turn", function()
    local function step(id)
      return { role = "assistant", tool_calls = { call(id .. "1", "f", "{}"), call(id .. "2", "f", "{}") } },
        { role = "tool", tool_call_id = id .. "1", content = "1" }, { role = "tool", tool_call_id = id .. "2", content = "2" }
    end
    local a, b, c = step "a"
    local d, e, f = step "d"
    local contents = asked({ hi, a, b, c, hi, d, e, f, step "g" }).contents
    local signed = {}
    for i, content in ipairs(contents) do
      for k, part in ipairs(content.parts) do
        signed[#signed + 1] = part.thoughtSignature and i .. "." .. k .. " " .. part.thoughtSignature
      end
    end

    expect(signed).to_equal { "4.1 " .. sentinel, "6.1 " .. sentinel }
  end)


  it("are not made up for models that demand none", function()
    local assistant = { role = "assistant", tool_calls = { call("a", "f", "{}") } }

    for _, older in ipairs { "gemini-2.5-flash", "gemini-2.0-flash", "gemma-3-27b-it" } do
      expect(signature_of(assistant, { model = older })).to_be_nil()
    end
    for _, newer in ipairs { "gemini-3-flash-preview", "gemini-flash-latest", "gemini-9", "something-new" } do
      expect(signature_of(assistant, { model = newer })).to_be(sentinel)
    end
  end)


  it("of a text come back with that text", function()
    local contents = asked({ hi, { role = "assistant", content = "Yes.", extra_content = { google = {
      thought_signature = "EqU" } } },
      hi }).contents

    expect(contents[2]).to_equal(said { text = "Yes.", thoughtSignature = "EqU" })
  end)


  it("stand on every picture that a drawing model made", function()
    local contents = asked({ hi, { role = "assistant", content = "Here:\n\n![image](data:image/png;base64,AAAA)" }, hi },
      { model = "gemini-3-pro-image" }).contents

    expect(contents[2]).to_equal(said({ text = "Here:\n\n", thoughtSignature = sentinel },
      { inlineData = { mimeType = "image/png", data = "AAAA" }, thoughtSignature = sentinel }))
  end)
end)


describe("pictures that the model made", function()
  it("go back as pictures, once", function()
    local url = "data:image/png;base64,AAAA"
    local contents = asked({ hi, { role = "assistant", content = "![image](" .. url .. ")\n\nDone ![x](http://a/b.png)",
      images = { { type = "image_url", image_url = { url = url } } } }, hi }).contents

    expect(contents[2]).to_equal(said({ text = "\n\nDone ![x](http://a/b.png)" }, { inlineData = { mimeType = "image/png",
      data = "AAAA" } }))
  end)


  it("go back from a list of parts as well", function()
    local contents = asked({ hi, { role = "assistant", content = { { type = "text", text = "Here." },
      { type = "image_url", image_url = { url = "data:image/png;base64,AAAA" } } } }, hi }).contents

    expect(contents[2]).to_equal(said({ text = "Here." }, { inlineData = { mimeType = "image/png", data = "AAAA" } }))
  end)


  it("may be several megabytes large, alone or among words", function()
    local data = ("QUJD"):rep(250000)
    local markdown = "![image](data:image/png;base64," .. data .. ")"
    local alone = asked({ hi, { role = "assistant", content = markdown }, hi }).contents[2]
    local among = asked({ hi, { role = "assistant", content = "One: " .. markdown .. " Two: " .. markdown }, hi }).contents[2]

    expect(#alone.parts).to_be(1)
    expect(bytes.length(alone.parts[1].inlineData.data)).to_be(1000000)
    expect(#among.parts).to_be(4)
    expect(among.parts[3]).to_equal { text = " Two: " }
    expect(bytes.length(among.parts[4].inlineData.data)).to_be(1000000)
  end)
end)


describe("messages that cannot be meant", function()
  it("are refused by name", function()
    expect_refused(nil, "messages", "at least one message")
    expect_refused({}, "messages", "at least one message")
    expect_refused("Hi", "messages", "a list")
    expect_refused({ "Hi" }, "messages[0]", "an object")
    expect_refused({ { role = "robot", content = "Hi" } }, "messages[0].role", "expected system")
    expect_refused({ hi, { content = "Hi" } }, "messages[1].role", "expected system")
    expect_refused({ { role = "user", content = 7 } }, "messages[0].content", "a text or a list of parts")
    expect_refused({ { role = "user", content = json.null } }, "messages[0].content", "a text or a list of parts")
    expect_refused({ { role = "user", content = { { type = "smell", smell = 1 } } } }, "messages[0].content[0].type", "smell")
    expect_refused({ { role = "user", content = { { type = "text" } } } }, "messages[0].content[0].text", "a text")
    expect_refused({ { role = "user", content = { 7 } } }, "messages[0].content[0]", "an object")
    expect_refused({ hi, { role = "tool", content = "1" } }, "messages[1].tool_call_id", "the id of its call")
    expect_refused({ hi, { role = "function", content = "1" } }, "messages[1].name", "the name of its function")
    expect_refused({ hi, { role = "assistant", tool_calls = { 1 } } }, "messages[1].tool_calls[0]", "an object")
    expect_refused({ hi, { role = "assistant", tool_calls = "f" } }, "messages[1].tool_calls", "a list")
    expect_refused({ hi, { role = "assistant", tool_calls = { {} } } }, "messages[1].tool_calls[0].function.name", "the name")
    expect_refused({ { role = "assistant", content = "" } }, "messages", "nothing is said")
  end)


  it("are refused where they are no JSON, and it is said where", function()
    local request = a_request { dialect = "openai", endpoint = "chat", text = '{"messages":\n[}' }
    local refusal = chat.request(request)

    expect(refusal.status).to_be(400)
    expect(refusal.code).to_be("invalid_json")
    expect(refusal.message).to_contain("line 2, column 2")
    expect(chat.request(a_request { dialect = "openai", text = "[1]" }).message).to_contain("no JSON object")
    expect(chat.request(a_request { dialect = "openai" }).message).to_contain("it ends where a value is expected")
  end)
end)
