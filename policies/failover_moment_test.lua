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
  expect(#verdict.rests + #verdict.disables + #verdict.strikes).to_be(0)
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


describe("failover.judge, before another try", function()
  -- How long it pauses on the same attempt again and again, in seconds.
  local function pauses(attempt, times, request)
    local seconds = {}
    for i = 1, times do
      local began = time.now()
      judged(attempt, request)
      seconds[i] = math.floor((time.now() - began) * 10 + 0.5) / 10
    end
    return seconds
  end


  it("pauses longer each time while a model is full", function()
    local full = google_says(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")

    expect(pauses(full, 3, a_request { model = model })).to_equal { 1, 2, 4 }
  end)


  it("pauses longer at once if the model was full for others just now, but not for ever longer", function()
    local full = google_says(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")

    expect(pauses(full, 5)).to_equal { 1, 2, 4, 8, 8 }
    sleep(60)
    expect(pauses(full, 1)).to_equal { 1 }
  end)


  it("pauses a little after Google's failures and the network's, not at all for another key", function()
    expect(pauses(google_says(500, "INTERNAL", "Internal error encountered."), 1)).to_equal { 0.5 }
    expect(pauses(an_attempt { kind = "reset" }, 1)).to_equal { 0.2 }
    expect(pauses(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), 1))
      .to_equal { 0 }
  end)


  it("pauses as long as the owner says in any case", function()
    with_settings { RETRY_DELAY_SECONDS = 3 }

    expect(pauses(google_says(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), 1))
      .to_equal { 3 }
  end)


  it("does not pause where no try is left", function()
    with_settings { RETRY_DELAY_SECONDS = 3, MAX_RETRIES = 0 }

    expect(pauses(google_says(500, "INTERNAL", "Internal error encountered."), 1)).to_equal { 0 }
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

    expect(judged(in_stream(error)).rests[1].model).to_be(model)
  end)


  it("finds it behind data: and at the head of a list", function()
    local error = '{"error": {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED"}}'

    for _, text in ipairs { "data: " .. error .. "\r\n\r\n", "[" .. error .. "\r\n" } do
      local attempt = an_attempt { kind = "error_in_stream", status = 200, text = text }
      expect(judged(attempt).rests[1].model).to_be(model)
    end
  end)


  it("takes one that says nothing for an internal error", function()
    expect(again_and_again(in_stream {}, 3)).to_be("rra")
  end)
end)
