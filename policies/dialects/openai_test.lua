local openai = require "dialects.openai"


local function a_question(endpoint, given)
  given = given or {}
  given.dialect, given.endpoint = "openai", endpoint
  return a_request(given)
end


describe("the name of the model", function()
  it("stands in the body", function()
    expect(openai.model(a_question("embeddings", { body = { model = "gemini-embedding-001" } }))).to_be("gemini-embedding-001")
  end)


  it("must be there", function()
    for _, body in ipairs { {}, { model = "" }, { model = json.null } } do
      local denial = openai.model(a_question("embeddings", { body = body }))

      expect(denial.status).to_be(400)
      expect(denial.param).to_be("model")
    end
  end)


  it("must be a text", function()
    expect(openai.model(a_question("embeddings", { body = { model = 7 } })).status).to_be(400)
  end)


  it("is looked for in nothing but JSON, and what is wrong with that is told with its place", function()
    local denial = openai.model(a_question("embeddings", { text = '{"model" 7}' }))

    expect(denial.status).to_be(400)
    expect(denial.message).to_contain("line 1, column")
  end)


  it("is not asked for where lists and models are looked up", function()
    expect(openai.model(a_question "list_models")).to_be_nil()
    expect(openai.model(a_question "get_model")).to_be_nil()
  end)
end)


describe("an endpoint", function()
  it("is remembered when the question has become another one", function()
    local request = a_question("embeddings", { body = { input = "one" } })
    openai.request(request)

    expect(request.state.openai.endpoint).to_be("embeddings")
    local answer = openai.response(request, a_response { body = { embeddings = { { values = { 1 } } } } })
    expect(answer.text[1]).to_contain('"object":"embedding"')
  end)


  it("reads nothing from what is no answer of Google's", function()
    for _, text in ipairs { "", "null", "7", "[{}]", "\31\139\8" } do
      local request = a_question("chat", { body = { messages = { { role = "user", content = "Hi" } } } })
      openai.request(request)
      local answer = openai.response(request, a_response { text = text })

      expect(answer.status).to_be(502)
      expect(answer.code).to_be("bad_answer")
    end
  end)


  it("that Gemini has not says what to do instead", function()
    for path, words in pairs {
      ["/v1/moderations"] = "no moderation", ["/v1/images/variations"] = "/v1/images/edits",
      ["/v1/assistants/asst_1"] = "chat/completions", ["/v1/threads/t/runs/r"] = "chat/completions",
      ["/v1/files/file-1/content"] = "/upload/v1beta/files", ["/v1/batches"] = "batchGenerateContent",
      ["/v1/fine_tuning/jobs"] = "fine-tuning", ["/v1/vector_stores"] = "fileSearchStores",
      ["/v1/responses/"] = "chat/completions", ["/v1/uploads/u/parts"] = "/upload/v1beta/files",
      ["/v1/realtime/sessions"] = "BidiGenerateContent", ["/v1/videos"] = "predictLongRunning",
    } do
      local denial = openai.model(a_question("other", { path = path }))

      expect(denial.status).to_be(404)
      expect(denial.code).to_be("unsupported_endpoint")
      expect(denial.message).to_contain(words)
    end
  end)


  it("that nobody has heard of is told what there is", function()
    local denial = openai.request(a_question("other", { path = "/v1/chat/complete" }))

    expect(denial.status).to_be(404)
    expect(denial.message).to_contain("/v1/chat/complete")
    expect(denial.message).to_contain("chat/completions")
  end)
end)


describe("an error of Google's", function()
  local problem = { status = 429, message = "Quota exceeded" }


  it("becomes one of OpenAI's", function()
    local body, status = openai.error(a_question("embeddings"), problem)

    expect(body.error.message).to_be("Quota exceeded")
    expect(status).to_be(429)
  end)


  it("that breaks a stream is its last event", function()
    local text = openai.error(a_question("images"), { status = 502, message = "It broke off", in_stream = true })

    expect(text).to_contain("data: {")
    expect(text).to_contain("It broke off")
  end)
end)
