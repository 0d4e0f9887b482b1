local chat = require "openai.chat"


local function sent(fields)
  local body = { model = "gemini-3.8-flash", messages = { { role = "user", content = "Hi" } } }
  for name, value in pairs(fields) do
    body[name] = value
  end
  local request = a_request { dialect = "openai", endpoint = "chat", model = body.model, body = body }
  local call = chat.request(request)
  return call.body or call, request
end


local function tool(name, more)
  local declared = { name = name }
  for field, value in pairs(more or {}) do
    declared[field] = value
  end
  return { type = "function", ["function"] = declared }
end


local function choice(value, ...)
  local tools = { ... }
  return sent({ tools = #tools > 0 and tools or { tool "f", tool "g" }, tool_choice = value }).toolConfig
end


local function mode(name, ...)
  return { functionCallingConfig = { mode = name, allowedFunctionNames = ... } }
end


local function expect_refused(fields, param, words)
  local refusal = sent(fields)
  expect(refusal.status).to_be(400)
  expect(refusal.param).to_be(param)
  expect(refusal.message).to_contain(words)
end


local past_calls = {
  { role = "user", content = "Hi" },
  { role = "assistant", tool_calls = { { id = "a", type = "function", ["function"] = { name = "f", arguments = "{}" } } } },
  { role = "tool", tool_call_id = "a", content = "1" },
}


describe("tools", function()
  it("are declarations in one element, their schemas as they are but for what is no schema", function()
    local text = '{"messages":[{"role":"user","content":"Hi"}],'
      .. '"tools":[{"type":"function","function":{"name":"f","description":"Does f.",'
      .. '"strict":false,"parameters":{"$schema":"x","properties":{"z":{"type":["string","null"],"strict":true},"a":true},'
      .. '"required":["z"],"cache_control":{},"additionalProperties":false}}},{"type":"function","function":{"name":"g"}}]}'
    local call = chat.request(a_request { dialect = "openai", model = "gemini-3.8-flash", text = text }).body

    expect(#call.tools).to_be(1)
    local first, second = unpack(call.tools[1].functionDeclarations)
    expect(first.name).to_be("f")
    expect(first.description).to_be("Does f.")
    expect(json.encode(first.parametersJsonSchema)).to_be(
      '{"$schema":"x","properties":{"z":{"type":["string","null"]},"a":{}},'
      .. '"required":["z"],"additionalProperties":false,"type":"object"}')
    expect(second).to_equal { name = "g" }
    expect(call.toolConfig).to_be_nil()
  end)


  it("may have a list where a schema should stand, which is none", function()
    for _, parameters in ipairs { "[]", '[{"type":"string"}]', '{"properties":{"a":[]}}', '{"properties":[1]}' } do
      local text = '{"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":'
        .. parameters .. "}}]}"
      local call = chat.request(a_request { dialect = "openai", model = "gemini-3.8-flash", text = text }).body

      expect(json.encode(call.tools[1].functionDeclarations[1].parametersJsonSchema)).to_contain('"type":"object"')
    end
  end)


  it("are left out where there are none", function()
    expect(sent({ tools = {} }).tools).to_be_nil()
    expect(sent({ tools = { { type = "local_shell" } } }).tools).to_be_nil()
  end)


  it("are understood as they were before they were called so", function()
    local call, request = sent { functions = { { name = "f" } }, function_call = { name = "f" } }

    expect(call.tools).to_equal { { functionDeclarations = { { name = "f" } } } }
    expect(call.toolConfig).to_equal(mode("ANY", { "f" }))
    local answer = chat.response(request, a_response { status = 200, body = {
      candidates = { {
        finishReason = "STOP", content = { parts = { { functionCall = { name = "f", args = { a = 1 } } } } },
      } },
    } })
    local choices = json.decode(answer.text).choices
    expect(choices[1].message.function_call).to_equal { name = "f", arguments = '{"a":1}' }
    expect(choices[1].message.tool_calls).to_be_nil()
    expect(choices[1].finish_reason).to_be("function_call")
  end)


  it("with names that Gemini does not take get other names, which the client does not see", function()
    local long = ("x"):rep(80)
    local call, request = sent {
      messages = { past_calls[1], { role = "assistant", tool_calls = { { id = "a", type = "function",
        ["function"] = { name = "get weather!", arguments = "{}" } } } } },
      tools = { tool "get weather!", tool "get_weather_", tool "1st", tool(long), tool "a.b:c-d" },
      tool_choice = { type = "function", ["function"] = { name = "1st" } },
    }
    local names = {}
    for i, declared in ipairs(call.tools[1].functionDeclarations) do
      names[i] = declared.name
    end

    expect(names[1]).to_be("get_weather_")
    expect(names[2]:find("^get_weather__%x+$")).to_be(1)
    expect(names[3]).to_be("_1st")
    expect(#names[4]).to_be(64)
    expect(names[5]).to_be("a.b:c-d")
    expect(call.toolConfig).to_equal(mode("ANY", { "_1st" }))
    expect(call.contents[2].parts[1].functionCall.name).to_be("get_weather_")
    local answer = chat.response(request, a_response { status = 200, body = {
      candidates = { { finishReason = "STOP", content = { parts = { { functionCall = { name = names[4] } } } } } },
    } })
    expect(json.decode(answer.text).choices[1].message.tool_calls[1]["function"].name).to_be(long)
  end)


  it("of the custom kind take one text, and are called with it", function()
    local call, request = sent { tools = { { type = "custom", custom = { name = "run", description = "Runs it." } } } }

    expect(call.tools[1].functionDeclarations).to_equal { { name = "run", description = "Runs it.", parametersJsonSchema = {
      type = "object", properties = { input = { type = "string" } }, required = { "input" } } } }
    local answer = chat.response(request, a_response { status = 200, body = { candidates = { { finishReason = "STOP",
      content = { parts = { { functionCall = { id = "x", name = "run", args = { input = "print(1)" } } } } } } } } })
    expect(json.decode(answer.text).choices[1].message.tool_calls)
      .to_equal { { id = "x", type = "custom", custom = { name = "run", input = "print(1)" } } }
  end)


  it("of Gemini's own are found under all their names", function()
    local search = { { googleSearch = {} } }
    expect(sent({ tools = { tool "googleSearch" } }).tools).to_equal(search)
    expect(sent({ tools = { tool "google_search" } }).tools).to_equal(search)
    expect(sent({ tools = { { type = "google_search" } } }).tools).to_equal(search)
    expect(sent({ tools = { { type = "web_search_preview" } } }).tools).to_equal(search)
    expect(sent({ tools = { { googleSearch = {} } } }).tools).to_equal(search)
    expect(sent({ web_search_options = {} }).tools).to_equal(search)
    expect(sent({ tools = { { type = "code_interpreter" }, { url_context = {} } } }).tools)
      .to_equal { { codeExecution = {}, urlContext = {} } }
  end)


  it("of Gemini's own go together with functions on newer models; on older ones functions win", function()
    local fields = { tools = { tool "f", { type = "google_search" } } }

    expect(sent(fields).tools).to_equal { { functionDeclarations = { { name = "f" } } }, { googleSearch = {} } }
    expect(sent(fields).toolConfig.includeServerSideToolInvocations).to_be_true()
    fields.model = "gemini-2.5-flash"
    expect(sent(fields).tools).to_equal { { functionDeclarations = { { name = "f" } } } }
    expect(sent(fields).toolConfig).to_be_nil()
  end)


  it("that cannot be meant are refused by name", function()
    expect_refused({ tools = "f" }, "tools", "a list")
    expect_refused({ tools = { 7 } }, "tools[0]", "an object")
    expect_refused({ tools = { { type = "function" } } }, "tools[0].function.name", "a name")
    expect_refused({ tools = { tool(7) } }, "tools[0].function.name", "a text")
    expect_refused({ tools = { tool("f", { parameters = "x" }) } }, "tools[0].function.parameters", "an object")
    expect_refused({ functions = { 7 } }, "functions[0]", "an object")
  end)
end)


describe("the choice of tools", function()
  it("is Gemini's mode", function()
    expect(choice(nil)).to_be_nil()
    expect(choice("auto")).to_be_nil()
    expect(choice(json.null)).to_be_nil()
    expect(choice("required")).to_equal(mode "ANY")
    expect(choice("auto", tool("f", { strict = true }))).to_equal(mode "VALIDATED")
    expect(choice { type = "function", ["function"] = { name = "g" } }).to_equal(mode("ANY", { "g" }))
    expect(choice { type = "allowed_tools", allowed_tools = { mode = "auto", tools = { tool "g" } } })
      .to_equal(mode("VALIDATED", { "g" }))
    expect(choice { type = "allowed_tools", allowed_tools = { mode = "required", tools = { tool "g", tool "f" } } })
      .to_equal(mode("ANY", { "g", "f" }))
  end)


  it("of none takes all tools away, but for functions that were called", function()
    local fields = { tools = { tool "f", { type = "google_search" } }, tool_choice = "none" }

    expect(sent(fields).tools).to_be_nil()
    expect(sent(fields).toolConfig).to_be_nil()
    fields.messages = past_calls
    expect(sent(fields).tools).to_equal { { functionDeclarations = { { name = "f" } } } }
    expect(sent(fields).toolConfig).to_equal(mode "NONE")
  end)


  it("without functions is nothing", function()
    expect(sent({ tool_choice = "required" }).toolConfig).to_be_nil()
    expect(sent({ tool_choice = "auto" }).toolConfig).to_be_nil()
  end)


  it("that cannot be meant is refused by name", function()
    local tools = { tool "f" }
    expect_refused({ tools = tools, tool_choice = "maybe" }, "tool_choice", "required")
    expect_refused({ tools = tools, tool_choice = 7 }, "tool_choice", "required")
    expect_refused({ tool_choice = 7 }, "tool_choice", "required")
    expect_refused({ tools = tools, tool_choice = { type = "function", ["function"] = { name = "x" } } },
      "tool_choice", "no tool x")
    expect_refused({ tools = tools, tool_choice = {} }, "tool_choice", "no tool")
    expect_refused({ tools = tools, tool_choice = { type = "allowed_tools", allowed_tools = { tools = {} } } },
      "tool_choice.allowed_tools.tools", "names no function")
  end)
end)
