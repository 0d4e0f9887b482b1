-- failover.lua on failures that are nobody's fault: another moment may do.
local failover = require "failover"

local model = "gemini-3.8-flash"


local function google_says(status, name, message)
  return an_attempt { status = status, body = { error = { code = status, message = message, status = name } } }
end


local function judged(attempt, request)
  return failover.judge(request or a_request { model = model }, attempt)
end


local function expect_keys_untouched(verdict)
  for _, it in ipairs(verdict.meanings) do
    expect(it.key).to_be_nil()
  end
end


-- The verdicts, one letter each, on an attempt that comes again and again with other keys: "rra".
local function again_and_again(attempt, times)
  local request, letters = a_request { model = model }, {}
  for i = 1, times do
    local verdict = judged(attempt, request)
    expect_keys_untouched(verdict)
    letters[i] = verdict.action:sub(1, 1)
  end
  return table.concat(letters)
end


describe("failover.judge, when the moment is at fault", function()
  it("tries once more after a cancelled operation (row 21)", function()
    expect(again_and_again(google_says(499, "CANCELLED", "The operation was cancelled."), 2)).to_be("ra")
  end)


  it("tries twice more after an internal error, and gives up after three keys (row 22)", function()
    expect(again_and_again(google_says(500, "INTERNAL", "An internal error has occurred. Please retry or report in "
      .. "https://developers.generativeai.google/guide/troubleshooting"), 3)).to_be("rra")
  end)


  it("tries once more after a bad gateway (row 24)", function()
    expect(again_and_again(an_attempt { status = 502, text = "<!DOCTYPE html><title>Error 502</title>" }, 2)).to_be("ra")
  end)


  it("tries three times more while the model is full, and leaves the keys alone (row 25)", function()
    for _, message in ipairs { "The model is overloaded. Please try again later.", "The service is currently unavailable.",
      "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again later." } do
      expect(again_and_again(google_says(503, "UNAVAILABLE", message), 4)).to_be("rrra")
    end
  end)


  it("tries once more after a deadline (row 26)", function()
    expect(again_and_again(google_says(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), 2))
      .to_be("ra")
  end)


  it("goes on with other keys where the network failed (row 27)", function()
    for _, kind in ipairs { "connect", "tls", "reset" } do
      expect(again_and_again(an_attempt { kind = kind }, 5)).to_be("rrrrr")
    end
  end)


  it("goes on with other keys after an answer that was cut or empty", function()
    for _, kind in ipairs { "truncated", "empty" } do
      expect(again_and_again(an_attempt { kind = kind, status = 200 }, 5)).to_be("rrrrr")
    end
  end)


  it("tries once more after a long silence, oftener where TIME_OUT is short", function()
    with_settings { TIME_OUT = 300 }
    expect(again_and_again(an_attempt { kind = "timeout" }, 2)).to_be("ra")

    with_settings { TIME_OUT = 100 }
    expect(again_and_again(an_attempt { kind = "timeout" }, 4)).to_be("rrra")
  end)
end)


describe("failover.judge on a model that is full", function()
  local full = google_says(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")


  it("has it rest for everybody, briefly at first", function()
    local rest = judged(full).meanings[1]

    expect(rest).to_equal { kind = "back_off_model", model = model, first = 1, most = 30 }
  end)


  it("has it rest when this request gives up, too", function()
    local request = a_request { model = model }
    for _ = 1, 3 do
      judged(full, request)
    end

    local last = judged(full, request)

    expect(last.action).to_be("answer")
    expect(last.meanings[1].kind).to_be("back_off_model")
  end)


  it("leaves it alone where Google counts apart from generating, or no model is named", function()
    expect(judged(full, a_request { model = model, endpoint = "count_tokens" }).meanings).to_equal {}
    expect(judged(full, a_request { model = "", endpoint = "other" }).meanings).to_equal {}
  end)
end)


describe("failover.judge, before another try", function()
  -- How long it pauses on the same attempt again and again, in seconds.
  local function pauses(attempt, times)
    local request, seconds = a_request { model = model }, {}
    for i = 1, times do
      seconds[i] = judged(attempt, request).pause
    end
    return seconds
  end


  it("pauses longer each time while a model is full", function()
    local full = google_says(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")

    expect(pauses(full, 3)).to_equal { 1, 2, 4 }
  end)


  it("pauses a little after Google's failures and the network's, not at all for another key", function()
    expect(pauses(google_says(500, "INTERNAL", "Internal error encountered."), 2)).to_equal { 0.5, 1 }
    expect(pauses(google_says(502, "INTERNAL", "Bad gateway"), 1)).to_equal { 0.5 }
    expect(pauses(google_says(504, "DEADLINE_EXCEEDED", "Deadline expired."), 1)).to_equal { 0.5 }
    expect(pauses(an_attempt { kind = "reset" }, 1)).to_equal { 0.2 }
    expect(pauses(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), 1))
      .to_equal { 0 }
  end)


  it("pauses as long as the owner says in any case", function()
    with_settings { RETRY_DELAY_SECONDS = 3 }

    expect(pauses(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), 1))
      .to_equal { 3 }
  end)


  it("does not wait itself, so that what it means for keys holds at once", function()
    local began = time.now()

    judged(google_says(500, "INTERNAL", "Internal error encountered."))

    expect(time.now()).to_be(began)
  end)
end)


describe("failover.judge on what Google has counted", function()
  it("knows that what never got there, and what was refused for want of quota, is not counted", function()
    for _, attempt in ipairs { an_attempt { kind = "connect" }, an_attempt { kind = "tls" },
      google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).") } do
      expect(judged(attempt).counted).to_be_false()
    end
  end)


  it("takes anything else for counted", function()
    for _, attempt in ipairs { an_attempt { kind = "reset" }, an_attempt { kind = "timeout" },
      google_says(500, "INTERNAL", "Internal error encountered."), google_says(400, "INVALID_ARGUMENT", "No.") } do
      expect(judged(attempt).counted).to_be_true()
    end
  end)
end)


describe("failover.judge on an error inside a stream", function()
  local function in_stream(error)
    return an_attempt { kind = "error_in_stream", status = 200, body = { error = error } }
  end


  it("judges it by its number", function()
    expect(judged(in_stream { code = 404, message = "no such model" }).action).to_be("answer")
    expect(judged(in_stream { code = 500, message = "Internal error encountered." }).action).to_be("retry")
  end)


  it("judges it by its name where it has no number", function()
    local error = { status = "RESOURCE_EXHAUSTED", message = "Resource has been exhausted (e.g. check quota)." }

    expect(judged(in_stream(error)).meanings[1].model).to_be(model)
  end)


  it("finds it behind data: and at the head of a list", function()
    local error = '{"error": {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED"}}'

    for _, text in ipairs { "data: " .. error .. "\r\n\r\n", "[" .. error .. "\r\n" } do
      local attempt = an_attempt { kind = "error_in_stream", status = 200, text = text }
      expect(judged(attempt).meanings[1].model).to_be(model)
    end
  end)


  it("takes one that says nothing for an internal error", function()
    expect(again_and_again(in_stream {}, 3)).to_be("rra")
  end)
end)
