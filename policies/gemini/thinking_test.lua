local family = require "gemini.family"
local thinking = require "gemini.thinking"

local efforts = { "none", "minimal", "low", "medium", "high", "xhigh", "max" }


-- What each effort, in order, is for the model: a budget or a level; "-" for nothing.
local function said(model)
  local words = {}
  for i, effort in ipairs(efforts) do
    local config = thinking.of_effort(model, effort) or {}
    words[i] = tostring(config.thinkingBudget or config.thinkingLevel or "-")
  end
  return table.concat(words, " ")
end


describe("an effort", function()
  it("is a budget for the models of 2.5", function()
    expect(said "gemini-2.5-pro").to_be("128 512 1024 8192 24576 32768 32768")
    expect(said "gemini-2.5-flash").to_be("0 512 1024 8192 24576 24576 24576")
    expect(said "gemini-2.5-flash-preview-09-2025").to_be("0 512 1024 8192 24576 24576 24576")
    expect(said "gemini-2.5-flash-lite").to_be("0 512 1024 8192 24576 24576 24576")
  end)


  it("is a level from 3 on, of those that the family knows", function()
    local from_minimal, from_low = "minimal minimal low medium high high high", "low low low medium high high high"
    for _, model in ipairs { "gemini-3-flash-preview", "gemini-3.5-flash", "gemini-3.6-flash", "gemini-3.1-flash-lite",
      "gemini-3.5-flash-lite", "gemini-flash-lite-latest" } do
      expect(said(model)).to_be(from_minimal)
    end
    for _, model in ipairs { "gemini-3.1-pro-preview", "gemini-3-pro-preview", "gemini-3.7-flash", "gemini-3.8-flash",
      "gemini-flash-latest", "gemini-pro-latest", "gemini-4-argon", "gemini-4-carbon", "gemini-5-something", "unheard-of" } do
      expect(said(model)).to_be(from_low)
    end
    expect(said "gemini-4-hydrogen").to_be("low low low medium high xhigh xhigh")
    expect(said "gemini-3.1-flash-image").to_be("minimal minimal high high high high high")
    expect(said "gemini-3-pro-image").to_be("128 512 1024 8192 24576 32768 32768")
  end)


  it("is nothing for models that do not think", function()
    for _, model in ipairs { "gemini-2.0-flash", "gemini-1.5-pro", "gemma-3-27b-it", "gemini-3.1-flash-tts-preview",
      "gemini-embedding-001", "gemini-2.5-flash-image" } do
      expect(said(model)).to_be("- - - - - - -")
    end
  end)


  it("shows thoughts unless there shall be none", function()
    expect(thinking.of_effort("gemini-3.8-flash", "low").includeThoughts).to_be_true()
    expect(thinking.of_effort("gemini-3.8-flash", "none").includeThoughts).to_be_false()
    expect(thinking.is_effort("medium")).to_be_true()
    expect(thinking.is_effort("huge")).to_be_false()
    expect(thinking.is_effort(json.null)).to_be_false()
  end)
end)


describe("a budget", function()
  it("is kept within the family's bounds", function()
    local function budget(model, tokens)
      return thinking.of_budget(model, tokens).thinkingBudget
    end
    expect(budget("gemini-2.5-pro", 0)).to_be(128)
    expect(budget("gemini-2.5-pro", 99999)).to_be(32768)
    expect(budget("gemini-2.5-flash", 0)).to_be(0)
    expect(budget("gemini-2.5-flash", 99999)).to_be(24576)
    expect(budget("gemini-2.5-flash-lite", 100)).to_be(512)
  end)


  it("is a level from 3 on", function()
    local function level(tokens)
      return thinking.of_budget("gemini-3.6-flash", tokens).thinkingLevel
    end
    expect(level(0)).to_be("minimal")
    expect(level(512)).to_be("minimal")
    expect(level(1024)).to_be("low")
    expect(level(8192)).to_be("medium")
    expect(level(8193)).to_be("high")
  end)


  it("of any size is left to the model", function()
    expect(thinking.of_budget("gemini-2.5-pro", -1)).to_be_nil()
    expect(thinking.of_budget("gemini-2.0-flash", 100)).to_be_nil()
  end)
end)


describe("a model's name", function()
  it("tells its generation; unknown ones are of the newest", function()
    expect(family.generation("gemini-2.5-flash")).to_be(2.5)
    expect(family.generation("gemini-3-flash-preview")).to_be(3)
    expect(family.generation("gemini-4-argon")).to_be(4)
    expect(family.generation("gemini-flash-latest")).to_be(math.huge)
    for i = 1, 1000 do
      expect(family.generation("made-up-" .. i)).to_be(math.huge)
    end
  end)


  it("tells what it gives", function()
    expect(family.draws("gemini-3.1-flash-image-preview")).to_be_true()
    expect(family.draws("gemini-3.8-flash")).to_be_false()
    expect(family.speaks("gemini-3.1-flash-tts-preview")).to_be_true()
    expect(family.is_gemma("gemma-4-31b-it")).to_be_true()
    expect(family.is_lite("gemini-3.5-flash-lite")).to_be_true()
  end)
end)
