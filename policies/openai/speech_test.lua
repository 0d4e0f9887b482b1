local speech = require "openai.speech"


local function a_question(body)
  return a_request {
    dialect = "openai", endpoint = "speech", model = "tts-1", upstream_model = "gemini-3.1-flash-tts-preview",
    state = { openai = { endpoint = "speech" } }, body = body,
  }
end


local function said(body)
  return speech.request(a_question(body)).body.contents[1].parts[1].text
end


local function voice_for(name)
  local question = speech.request(a_question { input = "Hi", voice = name })
  return question.body.generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName
end


-- Google's answer, with these samples in as many parts.
local function a_voice(...)
  local parts = {}
  for index, samples in ipairs { ... } do
    parts[index] = { inlineData = { mimeType = "audio/L16;codec=pcm;rate=24000", data = crypto.base64(samples) } }
  end
  return a_response { body = {
    candidates = { { content = { parts = parts }, finishReason = "STOP" } },
    usageMetadata = { promptTokenCount = 3, candidatesTokenCount = 50 },
  } }
end


local function answered(body, response)
  local request = a_question(body)
  speech.request(request)
  return speech.response(request, response)
end


describe("a question for speech", function()
  it("is asked of the model that speaks", function()
    expect(speech.request(a_question { input = "Good morning!", voice = "alloy" })).to_equal {
      path = "/v1beta/models/gemini-3.1-flash-tts-preview:generateContent",
      body = {
        contents = { { role = "user", parts = { { text = "Good morning!" } } } },
        generationConfig = {
          responseModalities = { "AUDIO" },
          speechConfig = { voiceConfig = { prebuiltVoiceConfig = { voiceName = "Kore" } } },
        },
      },
    }
  end)


  it("is asked of the owner's model where it names none", function()
    with_settings { SPEECH_MODEL = "a-voice" }

    expect(speech.model(a_question { input = "Hi" })).to_be("a-voice")
    expect(speech.model(a_question { input = "Hi", model = "tts-1-hd" })).to_be("tts-1-hd")
  end)


  it("knows OpenAI's voices, and Gemini's in any case", function()
    expect(voice_for("nova")).to_be("Zephyr")
    expect(voice_for("Onyx")).to_be("Algenib")
    expect(voice_for("zubenelgenubi")).to_be("Zubenelgenubi")
    expect(voice_for("SULAFAT")).to_be("Sulafat")
    expect(voice_for(nil)).to_be("Kore")
    expect(voice_for(json.null)).to_be("Kore")
  end)


  it("has a voice of Gemini's for each of OpenAI's", function()
    local voices = require "openai.voices"
    for _, voice in pairs(voices.of_openai) do
      expect(voices.of_gemini).to_contain(voice)
    end
  end)


  it("has its instructions and its pace before the text", function()
    expect(said { input = "Hi", instructions = "Say it cheerfully. " }).to_be("Say it cheerfully:\nHi")
    expect(said { input = "Hi", speed = 1.5 }).to_be("Speak at 1.5 times the usual pace:\nHi")
    expect(said { input = "Hi", instructions = "Whisper.", speed = 0.5 }).to_be("Whisper. Speak at 0.5 times the usual pace:\nHi")
    expect(said { input = "Hi", instructions = " ", speed = 1 }).to_be("Hi")
  end)


  it("is refused where it cannot be meant, by the field's name", function()
    for _, case in ipairs {
      { {}, "input" }, { { input = "" }, "input" }, { { input = { "Hi" } }, "input" },
      { { input = "Hi", voice = "hal" }, "voice" }, { { input = "Hi", voice = { id = "voice_1" } }, "voice" },
      { { input = "Hi", response_format = "mp3" }, "response_format" },
      { { input = "Hi", response_format = "midi" }, "response_format" },
      { { input = "Hi", stream_format = "chunks" }, "stream_format" },
      { { input = "Hi", speed = 5 }, "speed" }, { { input = "Hi", speed = "fast" }, "speed" },
      { { input = "Hi", instructions = 7 }, "instructions" },
    } do
      local denial = speech.request(a_question(case[1]))

      expect(denial.status).to_be(400)
      expect(denial.param).to_be(case[2])
    end
  end)


  it("is told which formats and voices there are", function()
    local function words(body)
      return speech.request(a_question(body)).message
    end

    expect(words { input = "Hi", response_format = "mp3" }).to_contain('"wav" or "pcm"')
    expect(words { input = "Hi", voice = "hal" }).to_contain("alloy")
    expect(words { input = "Hi", voice = "hal" }).to_contain("Zephyr")
  end)
end)


describe("an answer with speech", function()
  it("is a WAV file where no format was asked for", function()
    local answer = answered({ input = "Hi" }, a_voice("abcd"))

    expect(answer.headers["content-type"]).to_be("audio/wav")
    expect(table.concat(answer.text)).to_be("RIFF\40\0\0\0WAVE"
      .. "fmt \16\0\0\0\1\0\1\0\192\93\0\0\128\187\0\0\2\0\16\0" .. "data\4\0\0\0abcd")
  end)


  it("is bare samples where they were asked for", function()
    local answer = answered({ input = "Hi", response_format = "pcm" }, a_voice("abcd"))

    expect(answer.headers["content-type"]).to_be("audio/pcm")
    expect(table.concat(answer.text)).to_be("abcd")
  end)


  it("has all parts of the sound, one after the other", function()
    local text = table.concat(answered({ input = "Hi" }, a_voice("abcd", "efgh")).text)

    expect(text:sub(-12)).to_be("\8\0\0\0abcdefgh")
  end)


  it("goes by the rate that Google names", function()
    local response = a_response { body = { candidates = { { content = { parts = {
      { inlineData = { mimeType = "audio/L16;rate=8000", data = "QUJDRA==" } },
    } } } } } }

    local text = table.concat(answered({ input = "Hi" }, response).text)

    expect(text:sub(25, 32)).to_be("\64\31\0\0\128\62\0\0")
  end)


  it("comes as events where they were asked for", function()
    local answer = answered({ input = "Hi", stream_format = "sse", response_format = "pcm" }, a_voice("abcd"))

    expect(answer.headers["content-type"]).to_be("text/event-stream")
    local events = {}
    for data in table.concat(answer.text):gmatch("data: (.-)\n\n") do
      events[#events + 1] = json.decode(data)
    end
    expect(events).to_equal {
      { type = "speech.audio.delta", audio = crypto.base64("abcd") },
      { type = "speech.audio.done", usage = { input_tokens = 3, output_tokens = 50, total_tokens = 53 } },
    }
  end)


  it("without a sound is a refusal that says why", function()
    for _, case in ipairs {
      { { candidates = { { finishReason = "OTHER" } } }, "OTHER", "no_audio" },
      { { candidates = { { finishReason = "STOP", content = { parts = { { text = "No." } } } } } }, "STOP: No.", "no_audio" },
      { { promptFeedback = { blockReason = "SAFETY" } }, "SAFETY", "moderation_blocked" },
    } do
      local denial = answered({ input = "Hi" }, a_response { body = case[1] })

      expect(denial.status).to_be(400)
      expect(denial.message).to_contain(case[2])
      expect(denial.code).to_be(case[3])
    end
  end)
end)
