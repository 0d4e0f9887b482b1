-- voices.lua: Gemini's voices, and which of them stand for OpenAI's.
local voices = {}

voices.usual = "Kore"

-- Of about the same kind: high or low, calm or lively.
voices.of_openai = {
  alloy = "Kore", ash = "Charon", ballad = "Algieba", cedar = "Achird", coral = "Aoede", echo = "Iapetus",
  fable = "Puck", marin = "Sulafat", nova = "Zephyr", onyx = "Algenib", sage = "Vindemiatrix", shimmer = "Leda",
  verse = "Sadachbia",
}

voices.of_gemini = {
  "Zephyr", "Puck", "Charon", "Kore", "Fenrir", "Leda", "Orus", "Aoede", "Callirrhoe", "Autonoe", "Enceladus",
  "Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib", "Rasalgethi", "Laomedeia", "Achernar", "Alnilam",
  "Schedar", "Gacrux", "Pulcherrima", "Achird", "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat",
}


-- Gemini's voice for a name of either's, in whatever case; nil for others.
function voices.named(name)
  local wanted = name:lower()
  for _, voice in ipairs(voices.of_gemini) do
    if voice:lower() == wanted then
      return voice
    end
  end
  return voices.of_openai[wanted]
end


-- All names, for people.
function voices.list()
  local names = {}
  for name in pairs(voices.of_openai) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ") .. "; or of Gemini's " .. table.concat(voices.of_gemini, ", ")
end


return voices
