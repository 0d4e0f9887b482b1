local catalogue = require "catalogue"


local function a_page(names, token)
  local entries = {}
  for index, name in ipairs(names) do
    entries[index] = { name = "models/" .. name, displayName = name:upper() }
  end
  return json.encode { models = json.array(entries), nextPageToken = token }
end


-- Google gives one answer after the other, and then the last one again; nil is a Google that does not answer.
local function google_answers(...)
  local answers, calls = { n = select("#", ...), ... }, { paths = {} }
  fake_fetch(function(call)
    calls.paths[#calls.paths + 1] = call.path
    local body = answers[math.min(#calls.paths, answers.n)]
    if not body then
      return nil, "no route to host"
    end
    return { status = 200, body = body }
  end)
  return calls
end


describe("the catalogue", function()
  it("is empty at first, and asks nobody", function()
    local calls = google_answers(a_page { "one" })

    expect(catalogue.models()).to_be_nil()
    expect(catalogue.names()).to_be_nil()
    expect(catalogue.find("one")).to_be_nil()
    expect(#calls.paths).to_be(0)
  end)


  it("asks Google once when it must know, and then knows all entries as Google wrote them", function()
    local calls = google_answers(a_page { "one", "two" })

    expect(catalogue.has("one")).to_be_true()
    expect(catalogue.has("three")).to_be_false()

    expect(calls.paths).to_equal { "/v1beta/models?pageSize=1000" }
    expect(catalogue.names()).to_equal { "one", "two" }
    expect(catalogue.find("two")).to_equal { name = "models/two", displayName = "TWO" }
    expect(#catalogue.models()).to_be(2)
  end)


  it("reads all pages", function()
    local calls = google_answers(a_page({ "one" }, "next"), a_page({ "two" }, "last"), a_page { "three" })

    expect(catalogue.has("three")).to_be_true()

    expect(calls.paths[2]).to_be("/v1beta/models?pageSize=1000&pageToken=next")
    expect(calls.paths[3]).to_be("/v1beta/models?pageSize=1000&pageToken=last")
    expect(catalogue.names()).to_equal { "one", "two", "three" }
  end)


  it("keeps no list of which a page is missing", function()
    google_answers(a_page({ "one" }, "next"), nil)

    expect(catalogue.has("one")).to_be_false()
    expect(catalogue.models()).to_be_nil()
  end)


  it("asks no more than once a minute while Google gives no list", function()
    local calls = google_answers(nil)

    catalogue.has("one")
    catalogue.has("one")
    expect(#calls.paths).to_be(1)

    sleep(61)
    catalogue.has("one")
    expect(#calls.paths).to_be(2)
  end)


  it("takes an error, another shape and an empty list for none", function()
    for _, body in ipairs { "<html>", "[]", '{"models":[]}', '{"models":null}', '{"models":[{"name":null},7]}' } do
      google_answers(body)
      expect(catalogue.has("one")).to_be_false()
      sleep(61)
    end
    fake_fetch(function() return { status = 403, body = a_page { "one" } } end)
    expect(catalogue.has("one")).to_be_false()
  end)


  it("asks again once the list is no longer fresh, and meanwhile and on failure keeps the one it has", function()
    with_settings { MODEL_LIST_MINUTES = 10 }
    local calls = google_answers(a_page { "one" }, nil, a_page { "two" })
    catalogue.has("one")

    sleep(599)
    expect(catalogue.names()).to_equal { "one" }
    expect(#calls.paths).to_be(1)

    sleep(2)
    catalogue.names()
    expect(catalogue.names()).to_equal { "one" }
    expect(#calls.paths).to_be(2)

    sleep(61)
    catalogue.names()
    expect(catalogue.names()).to_equal { "two" }
    expect(#calls.paths).to_be(3)
  end)


  it("tells the owner why there is no list, or no newer one, until there is", function()
    google_answers(nil)
    local entries, trouble = catalogue.overview()
    expect(entries).to_equal {}
    expect(trouble).to_be("no route to host")

    sleep(61)
    google_answers(a_page { "one" })
    entries, trouble = catalogue.overview()
    expect(#entries).to_be(1)
    expect(trouble).to_be_nil()

    sleep(601)
    google_answers(nil)
    catalogue.overview()
    entries, trouble = catalogue.overview()
    expect(#entries).to_be(1)
    expect(trouble).to_be("no route to host")
  end)


  it("takes a list that came by another way, with the pages after it", function()
    google_answers(a_page { "two" })

    catalogue.take(json.decode(a_page({ "one" }, "next")))

    expect(catalogue.names()).to_equal { "one", "two" }
  end)
end)


describe("a caller that finds another one asking", function()
  it("waits for what that finds", function()
    local others_answer
    fake_fetch(function()
      others_answer = others_answer == nil and catalogue.has("one")
      return { status = 200, body = a_page { "one" } }
    end)

    expect(catalogue.has("one")).to_be_true()
    expect(others_answer).to_be_false()  -- It has waited as long as one waits for Google.
  end)
end)
