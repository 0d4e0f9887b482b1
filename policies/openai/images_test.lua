local images = require "openai.images"


local function a_question(body, given)
  local request = { dialect = "openai", endpoint = "images", model = "gpt-image-1", upstream_model = "gemini-3.1-flash-image",
    state = { openai = { endpoint = "images" } }, body = body }
  for name, value in pairs(given or {}) do
    request[name] = value
  end
  return a_request(request)
end


local function an_edit(form)
  return a_question(nil, { endpoint = "image_edits", state = { openai = { endpoint = "image_edits" } }, form = form })
end


local function config_of(body, given)
  return images.request(a_question(body, given)).body.generationConfig.imageConfig
end


local function refused(request)
  local denial = images.request(request)
  expect(denial.status).to_be(400)
  return denial
end


-- Google's answer with these parts; a text stands for a picture with that data.
local function a_drawing(...)
  local parts = { ... }
  for index, part in ipairs(parts) do
    if type(part) == "string" then
      parts[index] = { inlineData = { mimeType = "image/jpeg", data = part } }
    end
  end
  return a_response { body = {
    candidates = { { content = { parts = parts }, finishReason = "STOP" } },
    usageMetadata = {
      promptTokenCount = 10, candidatesTokenCount = 100, thoughtsTokenCount = 5,
      promptTokensDetails = { { modality = "TEXT", tokenCount = 8 }, { modality = "IMAGE", tokenCount = 2 } },
    },
  } }
end


local function decoded(answer)
  return json.decode(table.concat(answer.text))
end


-- The events of a stream's text: { name, data } each.
local function events_of(pieces)
  local events = {}
  for name, data in table.concat(pieces):gmatch("event: (%S+)\ndata: (.-)\n\n") do
    events[#events + 1] = { name = name, data = json.decode(data) }
  end
  return events
end


describe("a question for pictures", function()
  it("is asked of the model that draws", function()
    expect(images.request(a_question { prompt = "a cat" })).to_equal {
      path = "/v1beta/models/gemini-3.1-flash-image:generateContent",
      body = {
        contents = { { role = "user", parts = { { text = "a cat" } } } },
        generationConfig = { responseModalities = { "TEXT", "IMAGE" } },
      },
    }
  end)


  it("is asked of the owner's model where it names none", function()
    with_settings { IMAGE_MODEL = "an-image-model" }

    expect(images.model(a_question { prompt = "a cat" })).to_be("an-image-model")
    expect(images.model(a_question { prompt = "a cat", model = json.null })).to_be("an-image-model")
    expect(images.model(a_question { model = "gemini-3-pro-image" })).to_be("gemini-3-pro-image")
    expect(images.model(an_edit { { name = "model", value = "gemini-3-pro-image" } })).to_be("gemini-3-pro-image")
  end)


  it("has the nearest shape to its size", function()
    for size, shape in pairs {
      ["1024x1024"] = "1:1", ["1536x1024"] = "3:2", ["1024x1536"] = "2:3", ["1792x1024"] = "16:9", ["1024x1792"] = "9:16",
      ["512x512"] = "1:1", ["1536x864"] = "16:9",
    } do
      expect(config_of { prompt = "a cat", size = size }).to_equal { aspectRatio = shape }
    end
    expect(config_of { prompt = "a cat", size = "auto" }).to_be_nil()
  end)


  it("is drawn larger where it asks for that, and the model can", function()
    expect(config_of { prompt = "a cat", size = "2048x2048" }).to_equal { aspectRatio = "1:1", imageSize = "2K" }
    expect(config_of { prompt = "a cat", size = "3840x2160" }).to_equal { aspectRatio = "16:9", imageSize = "4K" }
    expect(config_of { prompt = "a cat", quality = "high" }).to_equal { imageSize = "2K" }
    expect(config_of { prompt = "a cat", quality = "hd", size = "3840x2160" }.imageSize).to_be("4K")
    expect(config_of { prompt = "a cat", quality = "low" }).to_be_nil()
    expect(config_of({ prompt = "a cat", quality = "hd" }, { upstream_model = "gemini-2.5-flash-image" })).to_be_nil()
  end)


  it("may ask for a search by the model's name", function()
    local question = images.request(a_question({ prompt = "a cat" }, { features = { search = true } }))

    expect(question.body.tools).to_equal { { googleSearch = {} } }
  end)


  it("is refused where Gemini cannot do it, by the field's name", function()
    for _, case in ipairs {
      { {}, "prompt" }, { { prompt = "" }, "prompt" }, { { prompt = 7 }, "prompt" },
      { { prompt = "a cat", n = 0 }, "n" }, { { prompt = "a cat", n = 11 }, "n" }, { { prompt = "a cat", n = 1.5 }, "n" },
      { { prompt = "a cat", size = "large" }, "size" }, { { prompt = "a cat", size = "0x0" }, "size" },
      { { prompt = "a cat", size = 7 }, "size" }, { { prompt = "a cat", quality = "best" }, "quality" },
      { { prompt = "a cat", background = "transparent" }, "background" },
      { { prompt = "a cat", output_format = "webp" }, "output_format" },
      { { prompt = "a cat", response_format = "file" }, "response_format" },
      { { prompt = "a cat", partial_images = 4 }, "partial_images" }, { { prompt = "a cat", stream = "yes" }, "stream" },
    } do
      expect(refused(a_question(case[1])).param).to_be(case[2])
    end
  end)


  it("may say with a null that it says nothing", function()
    local body = json.decode '{"prompt":"a cat","n":null,"size":null,"quality":null,"response_format":null,"stream":null}'

    expect(images.request(a_question(body)).path).to_be_truthy()
  end)
end)


describe("a question to change pictures", function()
  local cat = { name = "image[]", filename = "cat.png", type = "image/png", value = "PNG bytes" }


  it("has the pictures after the prompt", function()
    local question = images.request(an_edit {
      { name = "prompt", value = "a hat" }, cat,
      { name = "image[]", filename = "dog", type = "application/octet-stream", value = "\255\216\255..." },
      { name = "size", value = "1536x1024" },
    })

    expect(question.body.contents[1].parts).to_equal {
      { text = "a hat" },
      { inlineData = { mimeType = "image/png", data = crypto.base64("PNG bytes") } },
      { inlineData = { mimeType = "image/jpeg", data = crypto.base64("\255\216\255...") } },
    }
    expect(question.body.generationConfig.imageConfig).to_equal { aspectRatio = "3:2" }
  end)


  it("reads numbers and flags from the form's texts", function()
    local request = an_edit {
      { name = "prompt", value = "a hat" }, cat, { name = "n", value = "2" }, { name = "stream", value = "true" },
    }
    images.request(request)

    expect(request.state.openai.job.count).to_be(2)
    expect(request.state.openai.job.as_events).to_be_true()
  end)


  it("is refused without pictures, with a mask, and with what is no picture", function()
    local prompt = { name = "prompt", value = "a hat" }

    expect(refused(an_edit { prompt }).param).to_be("image")
    expect(refused(an_edit { prompt, cat, { name = "mask", filename = "m.png", value = "x" } }).param).to_be("mask")
    expect(refused(an_edit { prompt, { name = "image", filename = "a.pdf", value = "x" } }).param).to_be("image")
    expect(refused(an_edit { prompt, { name = "image", filename = "a", value = "x" } }).param).to_be("image")
    expect(refused(an_edit { prompt, { name = "image[]", filename = "a.png", value = "" } }).param).to_be("image")
    expect(refused(an_edit { prompt, cat, { name = "n", value = "many" } }).param).to_be("n")
  end)


  it("is refused where it is no form", function()
    local request = a_question({ prompt = "a hat" }, { state = { openai = { endpoint = "image_edits" } } })

    expect(refused(request).message).to_contain("multipart/form-data")
  end)
end)


describe("an answer with pictures", function()
  local function answered(body, given, ...)
    local request = a_question(body, given)
    images.request(request)
    return images.response(request, a_drawing(...))
  end


  it("holds the pictures, their kind and the tokens", function()
    at_time(1763700000.5)

    expect(decoded(answered({ prompt = "a cat" }, nil, { text = "Here it is." }, "QUJD"))).to_equal {
      created = 1763700000, output_format = "jpeg", background = "opaque", data = { { b64_json = "QUJD" } },
      usage = {
        input_tokens = 10, output_tokens = 105, total_tokens = 115,
        input_tokens_details = { text_tokens = 8, image_tokens = 2 },
      },
    }
  end)


  it("holds addresses for clients of the older models, and for those who want them", function()
    local of_dall_e = answered({ prompt = "a cat" }, { model = "dall-e-3" }, "QUJD")
    local wanted = answered({ prompt = "a cat", response_format = "url" }, nil, "QUJD")
    local not_wanted = answered({ prompt = "a cat", response_format = "b64_json" }, { model = "dall-e-3" }, "QUJD")

    expect(decoded(of_dall_e).data).to_equal { { url = "data:image/jpeg;base64,QUJD" } }
    expect(decoded(wanted).data).to_equal { { url = "data:image/jpeg;base64,QUJD" } }
    expect(decoded(not_wanted).data).to_equal { { b64_json = "QUJD" } }
  end)


  it("leaves out drafts, and what is no picture", function()
    local draft = { thought = true, inlineData = { mimeType = "image/png", data = "RFJBRlQ=" } }
    local answer = answered({ prompt = "a cat" }, nil, draft, { inlineData = { mimeType = "image/png", data = "no base64!" } },
      { inlineData = { mimeType = "audio/wav", data = "QUJD" } }, { inlineData = json.null }, "QUJD")

    expect(decoded(answer).data).to_equal { { b64_json = "QUJD" } }
  end)


  it("comes in as many rounds as it takes", function()
    local request = a_question { prompt = "a cat", n = 3 }
    images.request(request)

    expect(getmetatable(images.response(request, a_drawing "QUJD"))).to_be("again")
    local answer = decoded(images.response(request, a_drawing("REVG", "R0hJ", "SktM")))

    expect(answer.data).to_equal { { b64_json = "QUJD" }, { b64_json = "REVG" }, { b64_json = "R0hJ" } }
    expect(answer.usage.output_tokens).to_be(210)
  end)


  it("holds fewer pictures where Gemini draws no more", function()
    local request = a_question { prompt = "a cat", n = 3 }
    images.request(request)
    images.response(request, a_drawing "QUJD")

    expect(#decoded(images.response(request, a_drawing { text = "Enough." })).data).to_be(1)
  end)


  it("without any is a refusal that says why", function()
    for _, case in ipairs {
      { { candidates = { { finishReason = "IMAGE_SAFETY", finishMessage = "Not this." } } }, "IMAGE_SAFETY: Not this.",
        "moderation_blocked" },
      { { candidates = { { finishReason = "NO_IMAGE" } } }, "NO_IMAGE", "no_image" },
      { { candidates = { { finishReason = "STOP", content = { parts = { { text = "I cannot." } } } } } }, "STOP: I cannot.",
        "no_image" },
      { { promptFeedback = { blockReason = "PROHIBITED_CONTENT" } }, "PROHIBITED_CONTENT", "moderation_blocked" },
      { { candidates = json.null }, "no reason given", "no_image" },
    } do
      local request = a_question { prompt = "a cat" }
      images.request(request)

      local denial = images.response(request, a_response { body = case[1] })

      expect(denial.status).to_be(400)
      expect(denial.message).to_contain(case[2])
      expect(denial.code).to_be(case[3])
    end
  end)
end)


describe("a stream of pictures", function()
  it("has an event for each picture, when it is done", function()
    local request = a_question { prompt = "a cat", n = 2, stream = true }
    images.request(request)

    local first = events_of(images.event(request, a_drawing("QUJD").body))
    expect(getmetatable(images.event(request, nil))).to_be("again")
    local second = events_of(images.event(request, a_drawing("REVG").body))
    expect(images.event(request, nil)).to_be_nil()

    expect(#first).to_be(1)
    expect(first[1].name).to_be("image_generation.completed")
    expect(first[1].data.type).to_be("image_generation.completed")
    expect(first[1].data.b64_json).to_be("QUJD")
    expect(first[1].data.output_format).to_be("jpeg")
    expect(second[1].data.b64_json).to_be("REVG")
    expect(second[1].data.usage.output_tokens).to_be(105)
  end)


  it("without a picture is one error", function()
    local request = a_question { prompt = "a cat", stream = true }
    images.request(request)

    local text = images.event(request, { candidates = { { finishReason = "NO_IMAGE" } } })

    expect(text).to_contain("NO_IMAGE")
    expect(images.event(request, nil)).to_be_nil()
  end)


  it("that was asked for in a form comes in one piece", function()
    local request = an_edit {
      { name = "prompt", value = "a hat" }, { name = "stream", value = "true" },
      { name = "image", filename = "cat.png", value = "x" },
    }
    images.request(request)

    local answer = images.response(request, a_drawing "QUJD")

    expect(answer.headers["content-type"]).to_be("text/event-stream")
    expect(events_of(answer.text)[1].name).to_be("image_edit.completed")
  end)
end)
