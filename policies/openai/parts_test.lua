local chat = require "openai.chat"

local youtube = "https://www.youtube.com/watch?v=9hE5-98ZeCg"


local function asked(part, more)
  local body = { model = "gemini-3.8-flash", messages = { { role = "user", content = { part } } } }
  local given = { dialect = "openai", endpoint = "chat", model = "gemini-3.8-flash", body = body }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  local request = a_request(given)
  request.state.openai = {}
  return chat.request(request), request
end


local function expect_part(part, wanted, more)
  local sent = asked(part, more)
  expect(sent.message).to_be_nil()
  expect(sent.body.contents[1].parts[1]).to_equal(wanted)
end


local function expect_refused(part, field, words, code)
  local refusal = asked(part)
  expect(refusal.status).to_be(400)
  expect(refusal.param).to_be("messages[0].content[0]" .. field)
  expect(refusal.message).to_contain(words)
  if code then
    expect(refusal.code).to_be(code)
  end
end


local function image(url, detail)
  return { type = "image_url", image_url = { url = url, detail = detail } }
end


local function inline(kind, data)
  return { inlineData = { mimeType = kind, data = data } }
end


describe("content parts", function()
  it("of text are texts", function()
    expect_part({ type = "text", text = "Hi" }, { text = "Hi" })
    expect_part({ type = "input_text", text = "Hi" }, { text = "Hi" })
    expect_part("Hi", { text = "Hi" })
  end)


  it("of pictures in data URLs are inlineData", function()
    expect_part(image "data:image/png;base64,AAAA", inline("image/png", "AAAA"))
    expect_part(image "DATA:image/JPG;charset=x;BASE64,AAAA", inline("image/jpeg", "AAAA"))
    expect_part({ type = "image_url", image_url = "data:image/webp;base64,AAAA" }, inline("image/webp", "AAAA"))
    expect_part(image "data:text/plain,Hello%2C%20you", inline("text/plain", crypto.base64("Hello, you")))
    expect_part(image "data:,Hi", inline("text/plain", crypto.base64("Hi")))
  end)


  it("of large pictures are passed on without being copied", function()
    local sent = asked(image("data:image/png;base64," .. ("QUJD"):rep(500000)))
    local data = sent.body.contents[1].parts[1].inlineData.data

    expect(type(data)).to_be("userdata")
    expect(bytes.length(data)).to_be(2000000)
    expect(bytes.sub(data, 1, 4)).to_be("QUJD")
  end)


  it("tell newer models how closely to look", function()
    expect_part(image("data:image/png;base64,AAAA", "low"), { inlineData = { mimeType = "image/png", data = "AAAA" },
      mediaResolution = { level = "MEDIA_RESOLUTION_LOW" } })
    expect_part(image("data:image/png;base64,AAAA", "auto"), inline("image/png", "AAAA"))
    expect_part(image("data:image/png;base64,AAAA", "high"), inline("image/png", "AAAA"), { model = "gemini-2.5-flash" })
  end)


  it("that Google fetches itself are fileData", function()
    local uri = "https://generativelanguage.googleapis.com/v1beta/files/abc-1"
    expect_part({ type = "video_url", video_url = { url = youtube } }, { fileData = { fileUri = youtube } })
    expect_part(image "https://youtu.be/9hE5-98ZeCg", { fileData = { fileUri = "https://youtu.be/9hE5-98ZeCg" } })
    expect_part(image "gs://bucket/a.png", { fileData = { fileUri = "gs://bucket/a.png" } })
    expect_part(image "files/abc-1", { fileData = { fileUri = uri } })
    expect_part(image "http://pollux.local:8000/v1beta/files/abc-1", { fileData = { fileUri = uri } })
    expect_part(image(uri .. ":download?alt=media"), { fileData = { fileUri = uri } })
    expect_part({ type = "file", file = { file_id = "files/abc-1" } }, { fileData = { fileUri = uri } })
    expect_part({ type = "file", file = { file_id = uri, filename = "a.pdf" } },
      { fileData = { fileUri = uri, mimeType = "application/pdf" } })
  end)


  it("of sound are inlineData", function()
    expect_part({ type = "input_audio", input_audio = { data = "AAAA", format = "wav" } }, inline("audio/wav", "AAAA"))
    expect_part({ type = "input_audio", input_audio = { data = "AAAA", format = "mp3" } }, inline("audio/mp3", "AAAA"))
    expect_part({ type = "input_audio", input_audio = { data = "data:audio/ogg;base64,AAAA", format = "wav" } },
      inline("audio/ogg", "AAAA"))
  end)


  it("of files are inlineData of their type", function()
    expect_part({ type = "file", file = { file_data = "data:application/pdf;base64,AAAA", filename = "a.pdf" } },
      inline("application/pdf", "AAAA"))
    expect_part({ type = "file", file = { file_data = "AAAA", filename = "notes.TXT" } }, inline("text/plain", "AAAA"))
    expect_part({ type = "file", file = { file_data = "data:application/json;base64,AAAA" } }, inline("text/plain", "AAAA"))
  end)


  it("that cannot be meant are refused by name", function()
    expect_refused(image "data:image/png;base64,", ".image_url.url", "no data", "invalid_image_url")
    expect_refused(image "data:image/png;base64", ".image_url.url", "a comma is missing")
    expect_refused(image "ftp://a/b.png", ".image_url.url", "expected a data URL")
    expect_refused(image "file:///etc/passwd", ".image_url.url", "expected a data URL")
    expect_refused(image "", ".image_url.url", "expected a data URL")
    expect_refused(image(7), ".image_url.url", "expected a text")
    expect_refused({ type = "image_url" }, ".image_url", "expected a text")
    expect_refused({ type = "input_audio" }, ".input_audio.data", "no data")
    expect_refused({ type = "input_audio", input_audio = { data = 7 } }, ".input_audio.data", "no data")
    expect_refused({ type = "file", file = {} }, ".file.file_data", "a file_id")
    expect_refused({ type = "file", file = { file_id = "file-abc" } }, ".file.file_id", "files/ID")
    expect_refused({ type = "file", file = { file_data = 7 } }, ".file.file_data", "no data")
  end)
end)


describe("what an address stands for", function()
  local fetched = crypto.base64("picture")


  local function answers(list)
    local calls = {}
    fake_fetch(function(call)
      calls[#calls + 1] = call
      local answer = list[call.url]
      return answer or nil, answer and nil or "the address 10.0.0.1 is private"
    end)
    return calls
  end


  it("is fetched, with its type from its server", function()
    local calls = answers { ["https://a.example/cat"] = { headers = { ["content-type"] = "image/png; x=y" }, body = "picture" } }

    expect_part(image "https://a.example/cat", inline("image/png", fetched))
    expect(calls[1].public_only).to_be_true()
    expect(calls[1].base64).to_be_true()
    expect(calls[1].max_bytes).to_be(8 * 1024 * 1024)
    expect(calls[1].timeout).to_be(20)
  end)


  it("has its type from its name where the server does not know", function()
    answers {
      ["https://a.example/cat.JPG?x=1"] = { headers = { ["content-type"] = "application/octet-stream" }, body = "picture" },
      ["https://a.example/a.pdf"] = { body = "picture" },
    }

    expect_part(image "https://a.example/cat.JPG?x=1", inline("image/jpeg", fetched))
    expect_part({ type = "file", file = { file_url = "https://a.example/a.pdf" } }, inline("application/pdf", fetched))
  end)


  it("is followed through up to three redirects, with the same checks", function()
    local function to(place)
      return { status = 302, headers = { location = place } }
    end
    local calls = answers {
      ["https://a.example/x/1"] = to "2", ["https://a.example/x/2"] = to "/3?q=1",
        ["https://a.example/3?q=1"] = to "//b.example/4",
      ["https://b.example/4"] = { headers = { ["content-type"] = "image/png" }, body = "picture" },
      ["https://a.example/loop"] = to "https://a.example/loop", ["https://a.example/out"] = to "ftp://a.example/1",
      ["https://a.example/in"] = to "http://10.0.0.1/",
    }

    expect_part(image "https://a.example/x/1#top", inline("image/png", fetched))
    expect(#calls).to_be(4)
    expect(calls[4].public_only).to_be_true()
    expect_refused(image "https://a.example/loop", ".image_url.url", "more than 3 times")
    expect_refused(image "https://a.example/out", ".image_url.url", "no http or https address")
    expect_refused(image "https://a.example/in", ".image_url.url", "private")
  end)


  it("may be private only where the owner says so", function()
    with_settings { MEDIA_FROM_PRIVATE_ADDRESSES = true, MEDIA_MAX_BYTES = 1000 }
    local calls = answers { ["http://nas.local/a.png"] = { body = "picture" } }

    expect_part(image "http://nas.local/a.png", inline("image/png", fetched))
    expect(calls[1].public_only).to_be_false()
    expect(calls[1].max_bytes).to_be(1000)
  end)


  it("is refused by name where it cannot be had, or is nothing for Gemini", function()
    answers {
      ["https://a.example/gone"] = { status = 404 }, ["https://a.example/empty"] = { body = "" },
      ["https://a.example/page.png"] = { headers = { ["content-type"] = "text/x-odd" }, body = "picture" },
      ["https://a.example/gif"] = { headers = { ["content-type"] = "image/gif" }, body = "picture" },
      ["https://a.example/login"] = { headers = { ["content-type"] = "text/html" }, body = "<p>" },
      ["https://a.example/what"] = { body = "picture" },
    }

    expect_refused(image "http://10.0.0.1/a.png", ".image_url.url", "the address 10.0.0.1 is private", "invalid_image_url")
    expect_refused(image "https://a.example/gone", ".image_url.url", "status 404")
    expect_refused(image "https://a.example/empty", ".image_url.url", "empty")
    expect_refused(image "https://a.example/page.png", ".image_url.url", "text/x-odd")
    expect_refused(image "https://a.example/login", ".image_url.url", "text/html")
    expect_part({ type = "file", file = { file_url = "https://a.example/login" } }, inline("text/html", crypto.base64("<p>")))
    expect_refused(image "https://a.example/gif", ".image_url.url", "image/gif")
    expect_refused(image "https://a.example/what", ".image_url.url", "does not tell")
    expect_refused(image "https://", ".image_url.url", "no http or https address")
    expect_refused(image("https://a.example/" .. ("x"):rep(9000)), ".image_url.url", "too long")
    expect_refused(image "https://a b/", ".image_url.url", "no http or https address")
  end)


  it("is limited in number, bytes and time, for all of a request together", function()
    local maximums = {}
    fake_fetch(function(call)
      maximums[#maximums + 1] = call.max_bytes
      return { headers = { ["content-type"] = "image/png" }, body = ("A"):rep(3000) }
    end)
    local function many(count)
      local content = {}
      for i = 1, count do
        content[i] = image("https://a.example/" .. i)
      end
      local body = { model = "gemini-3.8-flash", messages = { { role = "user", content = content } } }
      return chat.request(a_request { dialect = "openai", model = "gemini-3.8-flash", body = body })
    end

    expect(many(16).message).to_be_nil()
    expect(maximums[2]).to_be(maximums[1] - 3000)
    expect(many(17).param).to_be("messages[0].content[16].image_url.url")
    expect(many(17).message).to_contain("at most 16 files")
    fake_fetch(function()
      sleep(25)
      return { headers = { ["content-type"] = "image/png" }, body = "picture" }
    end)
    expect(many(4).message).to_contain("too long")
  end)
end)
