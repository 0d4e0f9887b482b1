local transcriptions = require "openai.transcriptions"


local recording = { name = "file", filename = "a.mp3", type = "audio/mpeg", value = "sound" }


local function a_question(fields, endpoint)
  local form = {}
  for name, value in pairs(fields) do
    form[#form + 1] = type(value) == "table" and value or { name = name, value = value }
  end
  endpoint = endpoint or "transcriptions"
  return a_request {
    dialect = "openai", endpoint = endpoint, model = "whisper-1", upstream_model = "gemini-3.5-flash-lite",
    state = { openai = { endpoint = endpoint } }, form = form,
  }
end


local function an_answer(text)
  return a_response { body = {
    candidates = { { content = { parts = { { text = "Hm.", thought = true }, { text = text } } }, finishReason = "STOP" } },
    usageMetadata = {
      promptTokenCount = 20, candidatesTokenCount = 2,
      promptTokensDetails = { { modality = "TEXT", tokenCount = 8 }, { modality = "AUDIO", tokenCount = 12 } },
    },
  } }
end


local function answered(fields, response)
  local request = a_question(fields)
  transcriptions.request(request)
  return transcriptions.response(request, response)
end


describe("a question for a transcription", function()
  it("is a task with the recording after it", function()
    local question = transcriptions.request(a_question { recording })

    expect(question.path).to_be("/v1beta/models/gemini-3.5-flash-lite:generateContent")
    expect(question.body.generationConfig).to_be_nil()
    local parts = question.body.contents[1].parts
    expect(parts[1].text).to_contain("word for word")
    expect(parts[2]).to_equal { inlineData = { mimeType = "audio/mpeg", data = crypto.base64("sound") } }
  end)


  it("may be one for a translation", function()
    local question = transcriptions.request(a_question({ recording }, "translations"))

    expect(question.body.contents[1].parts[1].text).to_contain("into English")
  end)


  it("tells the language, the words that came before, and the temperature", function()
    local question = transcriptions.request(
      a_question { recording, language = "de", prompt = "Pollux, Castor", temperature = "0.2" })

    local text = question.body.contents[1].parts[1].text
    expect(text).to_contain("The language that is spoken: de.")
    expect(text).to_contain("Pollux, Castor")
    expect(question.body.generationConfig).to_equal { temperature = 0.2 }
  end)


  it("is asked of the owner's model where it names none", function()
    with_settings { TRANSCRIPTION_MODEL = "an-ear" }

    expect(transcriptions.model(a_question { recording })).to_be("an-ear")
    expect(transcriptions.model(a_question { recording, model = "whisper-1" })).to_be("whisper-1")
  end)


  it("may ask for less thinking by the model's name", function()
    local request = a_question { recording }
    request.features.no_thinking = true

    expect(transcriptions.request(request).body.generationConfig.thinkingConfig.thinkingLevel).to_be("minimal")
  end)


  it("knows recordings by their type, their name or their first bytes", function()
    local function kind_of(file)
      file.name, file.value = "file", file.value or "sound"
      return transcriptions.request(a_question { file }).body.contents[1].parts[2].inlineData.mimeType
    end

    expect(kind_of { filename = "blob", type = "video/webm;codecs=opus" }).to_be("audio/webm")
    expect(kind_of { filename = "a.bin", type = "audio/x-m4a" }).to_be("audio/m4a")
    expect(kind_of { filename = "a.wav", type = "application/octet-stream" }).to_be("audio/wav")
    expect(kind_of { filename = "upload", value = "OggS..." }).to_be("audio/ogg")
    expect(kind_of { filename = "upload", value = "RIFF\1\2\3\4WAVEfmt " }).to_be("audio/wav")
  end)


  it("is refused where it cannot be meant, by the field's name", function()
    for _, case in ipairs {
      { {}, "file" }, { { file = "no file" }, "file" },
      { { { name = "file", filename = "a.txt", type = "text/plain", value = "x" } }, "file" },
      { { { name = "file", filename = "a", value = "x" } }, "file" },
      { { { name = "file", filename = "a.mp3", type = "audio/mpeg", value = "" } }, "file" },
      { { recording, response_format = "srt" }, "response_format" },
      { { recording, response_format = "verbose_json" }, "response_format" },
      { { recording, ["timestamp_granularities[]"] = "word" }, "timestamp_granularities" },
      { { recording, temperature = "hot" }, "temperature" }, { { recording, stream = "maybe" }, "stream" },
    } do
      local denial = transcriptions.request(a_question(case[1]))

      expect(denial.status).to_be(400)
      expect(denial.param).to_be(case[2])
    end
  end)


  it("is refused where it is no form", function()
    local request = a_request { endpoint = "transcriptions", state = { openai = { endpoint = "transcriptions" } }, body = {} }

    expect(transcriptions.model(request).status).to_be(400)
    expect(transcriptions.model(request).message).to_contain("multipart/form-data")
  end)
end)


describe("a transcription", function()
  it("is the text without thoughts, and the tokens", function()
    expect(answered({ recording }, an_answer "\nGood morning. \n").body).to_equal {
      text = "Good morning.",
      usage = {
        type = "tokens", input_tokens = 20, output_tokens = 2, total_tokens = 22,
        input_token_details = { text_tokens = 8, audio_tokens = 12 },
      },
    }
  end)


  it("may be the bare text", function()
    local answer = answered({ recording, response_format = "text" }, an_answer "Good morning.")

    expect(answer.text).to_be("Good morning.\n")
    expect(answer.headers["content-type"]).to_be("text/plain; charset=utf-8")
  end)


  it("may be a stream of events", function()
    local answer = answered({ recording, stream = "true" }, an_answer "Good morning.")

    local events = {}
    for data in answer.text:gmatch("data: (.-)\n\n") do
      events[#events + 1] = json.decode(data)
    end
    expect(answer.headers["content-type"]).to_be("text/event-stream")
    expect(events[1]).to_equal { type = "transcript.text.delta", delta = "Good morning." }
    expect(events[2].type).to_be("transcript.text.done")
    expect(events[2].text).to_be("Good morning.")
  end)


  it("of silence is empty, and of what may not be written down a refusal", function()
    local silence = answered({ recording }, a_response { body = { candidates = { { finishReason = "STOP" } } } })
    local denial = answered({ recording }, a_response { body = { promptFeedback = { blockReason = "SAFETY" } } })

    expect(silence.body.text).to_be("")
    expect(denial.status).to_be(400)
    expect(denial.code).to_be("content_filter")
  end)
end)
