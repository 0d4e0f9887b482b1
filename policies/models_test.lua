local models = require "models"


local function resolved(name, given)
  local request = a_request(given or { dialect = "openai", endpoint = "chat", model = name })
  return models.resolve(request, name), request.features
end


-- Google lists these, and says so once.
local function google_lists(...)
  local entries, calls = {}, { count = 0 }
  for index, name in ipairs { ... } do
    entries[index] = { name = "models/" .. name }
  end
  fake_fetch(function()
    calls.count = calls.count + 1
    return { status = 200, body = json.encode { models = entries } }
  end)
  return calls
end


describe("models.resolve", function()
  it("leaves a model's name as it is", function()
    expect(models.resolve(a_request(), "gemini-3.8-flash")).to_be("gemini-3.8-flash")
  end)


  it("leaves names alone that nobody here has heard of", function()
    expect(models.resolve(a_request(), "gemini-9-neon-preview")).to_be("gemini-9-neon-preview")
    expect(models.resolve(a_request(), "llama-7")).to_be("llama-7")
  end)


  it("takes models/ away, once or doubled", function()
    expect(models.resolve(a_request(), "models/gemini-3.8-flash")).to_be("gemini-3.8-flash")
    expect(models.resolve(a_request(), "models/models/gemini-3.8-flash")).to_be("gemini-3.8-flash")
  end)


  it("takes away what some tools write before a name to say whose model it is", function()
    expect(models.resolve(a_request(), "google/gemini-3.8-flash")).to_be("gemini-3.8-flash")
    expect(models.resolve(a_request(), "openai/gpt-4o")).to_be("gemini-3.8-flash")
  end)


  it("keeps what only looks like it", function()
    expect(models.resolve(a_request(), "tunedModels/poet")).to_be("tunedModels/poet")
    expect(models.resolve(a_request(), "my-models/x")).to_be("my-models/x")
  end)


  it("refuses with 400 what is no name: nothing, and what is endless", function()
    expect(models.resolve(a_request(), "models/").status).to_be(400)
    expect(models.resolve(a_request(), ("x"):rep(100000)).status).to_be(400)
  end)
end)


describe("a derived name", function()
  it("asks for what its endings say, of the model before them", function()
    google_lists("gemini-3.8-flash")

    local model, wanted = resolved("gemini-3.8-flash-search")

    expect(model).to_be("gemini-3.8-flash")
    expect(wanted).to_equal { search = true }
  end)


  it("may have all endings, in any order", function()
    google_lists("gemini-3.8-flash")
    for _, endings in ipairs { "-search-image-non-thinking-fake-stream", "-fake-stream-non-thinking-image-search" } do
      local model, wanted = resolved("gemini-3.8-flash" .. endings)

      expect(model).to_be("gemini-3.8-flash")
      expect(wanted).to_equal { search = true, image = true, no_thinking = true, fake_stream = true }
    end
  end)


  it("may have any model for its base, also one that nobody here has heard of", function()
    google_lists("gemini-3.8-flash")

    expect((resolved("gemini-9-neon-search"))).to_be("gemini-9-neon")
    expect((resolved("gemma-4-31b-it-non-thinking"))).to_be("gemma-4-31b-it")
  end)


  it("is never cut where it is a model's own name", function()
    for _, name in ipairs { "gemini-2.5-flash-image", "gemini-3-pro-image", "gemini-3-pro-image-preview" } do
      local model, wanted = resolved(name)

      expect(model).to_be(name)
      expect(wanted).to_equal {}
    end
  end)


  it("is cut down to a model's own name and no further", function()
    google_lists("gemini-3.8-flash")
    for _, name in ipairs { "gemini-3-pro-image-search", "gemini-3-pro-image-non-thinking-search" } do
      local model, wanted = resolved(name)

      expect(model).to_be("gemini-3-pro-image")
      expect(wanted.search).to_be_true()
      expect(wanted.image).to_be_nil()
    end
  end)


  it("is no derived one where Google lists it", function()
    google_lists("gemini-9-neon", "gemini-9-neon-image")

    local model, wanted = resolved("gemini-9-neon-image-search")

    expect(model).to_be("gemini-9-neon-image")
    expect(wanted).to_equal { search = true }
  end)


  it("is told by the names known here while Google gives no list, which is asked for once a minute", function()
    local calls = 0
    fake_fetch(function()
      calls = calls + 1
      return nil, "no key"
    end)

    expect((resolved("gemini-3.8-flash-search-image"))).to_be("gemini-3.8-flash")
    expect((resolved("gemini-3.1-flash-image-search"))).to_be("gemini-3.1-flash-image")

    expect(calls).to_be(1)
  end)


  it("is nothing that is an ending alone", function()
    expect((resolved("-search"))).to_be("-search")
  end)


  it("is no name of something else than a model", function()
    expect((resolved("tunedModels/word-search"))).to_be("tunedModels/word-search")
  end)
end)


describe("a plain name", function()
  it("costs no look at Google's list", function()
    local calls = google_lists("gemini-3.8-flash")

    resolved("gemini-3.8-flash")
    resolved("gpt-5")

    expect(calls.count).to_be(0)
  end)
end)


describe("another maker's name", function()
  it("stands for a model of Google's of about that size", function()
    for name, model in pairs {
      ["gpt-4o"] = "gemini-3.8-flash", ["gpt-5.2"] = "gemini-3.8-flash", ["o3"] = "gemini-3.8-flash",
      ["o4-mini"] = "gemini-3.8-flash", ["chatgpt-4o-latest"] = "gemini-3.8-flash",
      ["gpt-4o-mini-2024-07-18"] = "gemini-3.5-flash-lite", ["gpt-5-nano"] = "gemini-3.5-flash-lite",
      ["claude-sonnet-4-5"] = "gemini-3.8-flash", ["claude-haiku-4-5-20251001"] = "gemini-3.5-flash-lite",
      ["claude-3-5-haiku-latest"] = "gemini-3.5-flash-lite", ["text-embedding-3-small"] = "gemini-embedding-001",
    } do
      expect((resolved(name))).to_be(model)
    end
  end)


  it("stands for the model of the settings where it names one for pictures, speaking or writing down", function()
    with_settings { IMAGE_MODEL = "an-image-model", SPEECH_MODEL = "a-voice", TRANSCRIPTION_MODEL = "an-ear" }
    for name, model in pairs {
      ["dall-e-3"] = "an-image-model", ["gpt-image-1-mini"] = "an-image-model",
      ["chatgpt-image-latest"] = "an-image-model", ["tts-1-hd"] = "a-voice", ["gpt-4o-mini-tts"] = "a-voice",
      ["whisper-1"] = "an-ear", ["gpt-4o-mini-transcribe"] = "an-ear", ["gpt-4o-transcribe-diarize"] = "an-ear",
    } do
      expect((resolved(name))).to_be(model)
    end
  end)


  it("may have endings", function()
    local calls = google_lists("gemini-3.8-flash")

    local model, wanted = resolved("gpt-4o-search-non-thinking")

    expect(model).to_be("gemini-3.8-flash")
    expect(wanted).to_equal { search = true, no_thinking = true }
    expect(calls.count).to_be(0)
  end)


  it("may stand for a name with endings", function()
    google_lists("gemini-3.8-flash")

    local model, wanted = resolved("gpt-4o-search-preview")

    expect(model).to_be("gemini-3.8-flash")
    expect(wanted).to_equal { search = true }
  end)
end)


describe("MODEL_ALIASES", function()
  it("gives names of the owner's own, exact ones first", function()
    with_settings { MODEL_ALIASES = { "fast=gemini-3.5-flash-lite", "gpt-*=gemini-3.1-pro-preview", "gpt-4o=gemini-3.5-flash" } }

    expect((resolved("fast"))).to_be("gemini-3.5-flash-lite")
    expect((resolved("gpt-4o"))).to_be("gemini-3.5-flash")
    expect((resolved("gpt-4o-mini"))).to_be("gemini-3.1-pro-preview")
    expect((resolved("claude-opus-4-5"))).to_be("gemini-3.8-flash")
  end)


  it("may rename everything, and Google's own models", function()
    with_settings { MODEL_ALIASES = { "*=gemini-flash-latest", "gemini-2.5-*=gemini-3.8-flash" } }

    expect((resolved("gemini-2.5-pro"))).to_be("gemini-3.8-flash")
    expect((resolved("claude-opus-4-5"))).to_be("gemini-flash-latest")
    expect((resolved("llama-7"))).to_be("gemini-flash-latest")
  end)


  it("gives names that end like derived ones and are whole", function()
    with_settings { MODEL_ALIASES = { "my-search=gemini-3.8-flash" } }

    local model, wanted = resolved("my-search")

    expect(model).to_be("gemini-3.8-flash")
    expect(wanted).to_equal {}
  end)


  it("may stand for names with endings, and with what tools write before them", function()
    google_lists("gemini-3.8-flash")
    with_settings { MODEL_ALIASES = { "quick=models/gemini-3.8-flash-non-thinking" } }

    local model, wanted = resolved("quick-search")

    expect(model).to_be("gemini-3.8-flash")
    expect(wanted).to_equal { search = true, no_thinking = true }
  end)


  it("takes letters for letters", function()
    with_settings { MODEL_ALIASES = { "a.b*=gemini-3.8-flash" } }

    expect((resolved("a.b-1"))).to_be("gemini-3.8-flash")
    expect((resolved("axb-1"))).to_be("axb-1")
  end)


  it("has rows of the form name=model alone", function()
    local row = models.settings[1]

    for _, good in ipairs { "a=b", "gpt-*=models/gemini-3.8-flash", "*=b" } do
      expect(good:find(row.pattern)).to_be(1)
    end
    for _, bad in ipairs { "", "a", "=", "=b", "a=", "a=b=c", "a = b", "a=models/" } do
      expect(bad:find(row.pattern)).to_be_nil()
    end
  end)
end)


describe("FAKE_STREAM", function()
  it("is asked of every request where it is set", function()
    with_settings { FAKE_STREAM = true }

    local _, wanted = resolved("gemini-3.8-flash")

    expect(wanted).to_equal { fake_stream = true }
  end)
end)


describe("a native request", function()
  local function native(name, endpoint, body)
    google_lists("gemini-3.8-flash")
    local request = a_request { model = name, endpoint = endpoint, body = body }
    return models.resolve(request, name), request
  end


  it("has what its name asks for in its body", function()
    local model, request = native("gemini-3.8-flash-search", "stream", { contents = {} })

    expect(model).to_be("gemini-3.8-flash")
    expect(request.body.tools).to_equal { { googleSearch = {} } }
  end)


  it("that counts tokens has it a level deeper, under the model's plain name", function()
    local _, request = native("gemini-3.8-flash-non-thinking", "count_tokens",
      { generateContentRequest = { model = "models/gemini-3.8-flash-non-thinking", contents = {} } })

    local inner = request.body.generateContentRequest
    expect(inner.model).to_be("models/gemini-3.8-flash")
    expect(inner.generationConfig.thinkingConfig.thinkingLevel).to_be("low")
  end)


  it("that counts contents alone stays as it is", function()
    local _, request = native("gemini-3.8-flash-search", "count_tokens", { contents = {} })

    expect(request.body).to_equal { contents = {} }
  end)


  it("for embeddings names the model of the path in each of its parts", function()
    local _, request = native("text-embedding-3-small", "embed", { requests = { { model = "models/text-embedding-3-small" } } })

    expect(request.body.requests[1].model).to_be("models/gemini-embedding-001")
  end)


  it("with a plain name is not decoded", function()
    local request = a_request { model = "models/gemini-3.8-flash", text = "no JSON" }

    expect(models.resolve(request, "models/gemini-3.8-flash")).to_be("gemini-3.8-flash")
    expect(request.text).to_be("no JSON")
  end)


  it("whose body cannot be read is refused where its name asks for more, and passes where it asks for none", function()
    google_lists("gemini-3.8-flash")
    local function of(name)
      return models.resolve(a_request { model = name, text = "no JSON" }, name)
    end

    expect(of("gemini-3.8-flash-search").status).to_be(400)
    expect(of("gemini-3.8-flash-fake-stream")).to_be("gemini-3.8-flash")
    expect(of("gpt-4o")).to_be("gemini-3.8-flash")
  end)
end)


describe("models.visible", function()
  it("shows a client what it may use", function()
    local request = a_request { client = a_client { models = { "gemini-3.*", "gpt-4o" } } }

    expect(models.visible(request, { name = "models/gemini-3.8-flash" })).to_be_true()
    expect(models.visible(request, { name = "models/gemini-2.5-pro" })).to_be_false()
    expect(models.visible(request, {})).to_be_true()
  end)


  it("hides nothing from a client that may use everything", function()
    expect(models.visible(a_request(), { name = "models/gemini-2.5-pro" })).to_be_true()
  end)
end)


describe("models.overview", function()
  local function alias(overview, name)
    for _, row in ipairs(overview.aliases) do
      if row.name == name then
        return row
      end
    end
  end


  it("tells what Google lists, as Google wrote it", function()
    google_lists("gemini-3.8-flash", "gemini-3.1-pro-preview")

    local overview = models.overview()

    expect(#overview.models).to_be(2)
    expect(overview.models[1].name).to_be("models/gemini-3.8-flash")
    expect(overview.error).to_be(json.null)
  end)


  it("tells other names with what they stand for and where that is said, each once", function()
    google_lists("gemini-3.8-flash")
    with_settings {
      MODEL_ALIASES = { "fast=models/gemini-3.5-flash-lite", "gpt-*=gemini-3.1-pro-preview" },
      IMAGE_MODEL = "my-image",
    }

    local overview = models.overview()

    expect(alias(overview, "fast")).to_equal { name = "fast", model = "gemini-3.5-flash-lite", source = "MODEL_ALIASES" }
    expect(alias(overview, "gpt-*").source).to_be("MODEL_ALIASES")
    expect(alias(overview, "claude-*")).to_equal { name = "claude-*", model = "gemini-3.8-flash", source = "shipped" }
    expect(alias(overview, "dall-e-*").model).to_be("my-image")
    for index = 2, #overview.aliases do
      expect(overview.aliases[index - 1].name < overview.aliases[index].name).to_be_true()
    end
  end)


  it("tells the endings, sorted", function()
    google_lists("gemini-3.8-flash")

    expect(models.overview().endings).to_equal { "-fake-stream", "-image", "-non-thinking", "-search" }
  end)


  it("tells the rest, and why, where Google gives no list", function()
    fake_fetch(function() return nil, "no key can be used now" end)

    local overview = models.overview()

    expect(json.encode(overview.models)).to_be("[]")
    expect(overview.error).to_be("no key can be used now")
    expect(#overview.aliases > 0).to_be_true()
  end)
end)
