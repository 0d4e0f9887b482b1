local embeddings = require "openai.embeddings"


local function a_question(body, upstream_model)
  return a_request {
    dialect = "openai", endpoint = "embeddings", model = body.model, upstream_model = upstream_model or "gemini-embedding-001",
    state = { openai = { endpoint = "embeddings" } }, body = body,
  }
end


local function the_texts_of(question)
  local texts = {}
  for index, one in ipairs(question.requests) do
    texts[index] = one.content.parts[1].text
  end
  return texts
end


-- A vector for each text of Google's question, whose first number tells how many came before.
local function google_answers(question, count_before, usage)
  local vectors = {}
  for index = 1, #question.requests do
    vectors[index] = { values = { count_before + index, 0.25, -0.5 } }
  end
  return a_response { body = { embeddings = vectors, usageMetadata = usage } }
end


local function decoded(answer)
  local text = table.concat(answer.text)
  return json.decode(text), text
end


describe("a question for embeddings", function()
  it("becomes one of Google's batches, each text with the model", function()
    local request = a_question { model = "gemini-embedding-001", input = { "one", "two" }, dimensions = 768 }

    expect(embeddings.request(request)).to_equal {
      path = "/v1beta/models/gemini-embedding-001:batchEmbedContents",
      body = { requests = {
        { model = "models/gemini-embedding-001", content = { parts = { { text = "one" } } }, outputDimensionality = 768 },
        { model = "models/gemini-embedding-001", content = { parts = { { text = "two" } } }, outputDimensionality = 768 },
      } },
    }
  end)


  it("may be one text, which says nothing of dimensions unless it was asked to", function()
    local question = embeddings.request(a_question { model = "gemini-embedding-001", input = "one" })

    expect(question.body.requests).to_equal {
      { model = "models/gemini-embedding-001", content = { parts = { { text = "one" } } } },
    }
  end)


  it("in the name of OpenAI's models asks for vectors of their size", function()
    local function dimensions(body)
      return embeddings.request(a_question(body)).body.requests[1].outputDimensionality
    end

    expect(dimensions { model = "text-embedding-3-small", input = "one" }).to_be(1536)
    expect(dimensions { model = "text-embedding-ada-002", input = "one" }).to_be(1536)
    expect(dimensions { model = "text-embedding-3-small", input = "one", dimensions = 256 }).to_be(256)
    expect(dimensions { model = "text-embedding-3-large", input = "one" }).to_be_nil()
  end)


  it("is refused where it cannot be meant", function()
    for _, case in ipairs {
      { { input = json.null }, "input" }, { {}, "input" }, { { input = "" }, "input" }, { { input = {} }, "input" },
      { { input = 7 }, "input" }, { { input = { 1, 2 } }, "input[0]" }, { { input = { { 1, 2 } } }, "input[0]" },
      { { input = { "one", "" } }, "input[1]" }, { { input = { "one", json.null } }, "input[1]" },
      { { input = "one", dimensions = 0 }, "dimensions" }, { { input = "one", dimensions = "many" }, "dimensions" },
      { { input = "one", encoding_format = "hex" }, "encoding_format" },
    } do
      local denial = embeddings.request(a_question(case[1]))

      expect(denial.status).to_be(400)
      expect(denial.param).to_be(case[2])
    end
  end)


  it("of token numbers is told what to send instead", function()
    expect(embeddings.request(a_question { input = { 1, 2 } }).message).to_contain("send the texts themselves")
  end)


  it("of more texts than OpenAI takes is refused", function()
    local texts = {}
    for index = 1, 2049 do
      texts[index] = "one"
    end

    expect(embeddings.request(a_question { input = texts }).message).to_contain("1 to 2048 texts, these are 2049")
  end)
end)


describe("an answer with embeddings", function()
  it("is a list of numbers where nothing else was asked for", function()
    local request = a_question { model = "text-embedding-3-large", input = { "one", "two" } }
    local question = embeddings.request(request)

    local answer = embeddings.response(request, google_answers(question.body, 0, { promptTokenCount = 5 }))

    expect(decoded(answer)).to_equal {
      object = "list", model = "text-embedding-3-large", usage = { prompt_tokens = 5, total_tokens = 5 },
      data = {
        { object = "embedding", index = 0, embedding = { 1, 0.25, -0.5 } },
        { object = "embedding", index = 1, embedding = { 2, 0.25, -0.5 } },
      },
    }
  end)


  it("is base64 of little-endian numbers where it was asked for", function()
    local request = a_question { model = "m", input = "one", encoding_format = "base64" }
    local question = embeddings.request(request)

    local answer = embeddings.response(request, google_answers(question.body, 0))

    expect(decoded(answer).data[1].embedding).to_be("AACAPwAAgD4AAAC/")
  end)


  it("has vectors of length 1 where they are shorter than the model's own", function()
    local request = a_question { model = "m", input = { "one", "two" }, dimensions = 2 }
    embeddings.request(request)

    local answer = embeddings.response(request,
      a_response { body = { embeddings = { { values = { 3, 4 } }, { values = { 0, 0 } } } } })

    expect(decoded(answer).data[1].embedding).to_equal { 0.6, 0.8 }
    expect(decoded(answer).data[2].embedding).to_equal { 0, 0 }
  end)


  it("estimates the tokens where Google does not count them", function()
    local request = a_question { model = "m", input = { "12345678", "123" } }
    local question = embeddings.request(request)

    expect(decoded(embeddings.response(request, google_answers(question.body, 0))).usage.prompt_tokens).to_be(3)
  end)


  it("comes in rounds where there are many texts, and is put together in their order", function()
    local texts = {}
    for index = 1, 250 do
      texts[index] = "text " .. index
    end
    local request = a_question { model = "m", input = texts, dimensions = 3 }
    local question, rounds, asked = embeddings.request(request).body, 1, {}
    local answer
    repeat
      local before = #asked
      for _, text in ipairs(the_texts_of(question)) do
        asked[#asked + 1] = text
      end
      answer = embeddings.response(request, google_answers(question, before, { promptTokenCount = 100 }))
      question, rounds = answer.body, rounds + 1
    until getmetatable(answer) ~= "again"

    local list = decoded(answer)
    expect(rounds - 1).to_be(3)
    expect(asked).to_equal(texts)
    expect(#list.data).to_be(250)
    expect(list.data[250].index).to_be(249)
    expect(list.usage.prompt_tokens).to_be(300)
  end)


  it("has fewer texts to a round where their vectors are long", function()
    local texts = {}
    for index = 1, 100 do
      texts[index] = "text"
    end

    expect(#embeddings.request(a_question { model = "m", input = texts }).body.requests).to_be(33)
    expect(#embeddings.request(a_question { model = "m", input = texts, dimensions = 1536 }).body.requests).to_be(66)
  end)


  it("that would take more memory than there is, is refused when that shows", function()
    local texts, vector = {}, {}
    for index = 1, 2000 do
      texts[index] = "text"
    end
    for index = 1, 3072 do
      vector[index] = 1 / index
    end
    local request = a_question { model = "m", input = texts }
    local vectors = {}
    for index = 1, #embeddings.request(request).body.requests do
      vectors[index] = { values = vector }
    end

    local denial = embeddings.response(request, a_response { body = { embeddings = vectors } })

    expect(denial.status).to_be(400)
    expect(denial.message).to_contain("fewer texts")
  end)


  it("that is not one vector for each text is Google's fault", function()
    for _, body in ipairs { {}, { embeddings = json.null }, { embeddings = { { values = { 1 } } } },
      { embeddings = { { values = { 1 } }, { values = {} } } },
      { embeddings = { { values = { 1 } }, { values = { 1, "2" } } } } } do
      local request = a_question { model = "m", input = { "one", "two" } }
      embeddings.request(request)

      expect(embeddings.response(request, a_response { body = body }).status).to_be(502)
    end
  end)
end)
