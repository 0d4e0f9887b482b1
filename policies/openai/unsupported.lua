-- unsupported.lua: what OpenAI's API has and Gemini's has not, or Pollux does not offer. Each says what to do instead.
local unsupported = {}

-- By what follows /v1/: the longest that fits.
local reasons = {
  ["assistants"] = "Gemini has no assistants. POST /v1/chat/completions takes the conversation whole.",
  ["threads"] = "Gemini has no threads. POST /v1/chat/completions takes the conversation whole.",
  ["conversations"] = "Pollux keeps no conversations. POST /v1/chat/completions takes the conversation whole.",
  ["responses"] = "Pollux does not offer the Responses API. POST /v1/chat/completions does what most clients need.",
  ["realtime"] = "Gemini's live sessions speak another protocol than OpenAI's. They are at "
    .. "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent.",
  ["moderations"] = "Gemini has no moderation by itself. Its answers say where something was blocked.",
  ["images/variations"] = "Gemini makes no variations by themselves. POST /v1/images/edits with a prompt does.",
  ["files"] = "OpenAI's files have no counterpart here. Files can stand in a message as data: URLs, or be uploaded "
    .. "to Gemini at /upload/v1beta/files.",
  ["uploads"] = "OpenAI's uploads have no counterpart here. Files can be uploaded to Gemini at /upload/v1beta/files.",
  ["batches"] = "OpenAI's batches have no counterpart here. Gemini's are at "
    .. "/v1beta/models/MODEL:batchGenerateContent.",
  ["fine_tuning"] = "Gemini's API offers no fine-tuning.",
  ["vector_stores"] = "OpenAI's vector stores have no counterpart here. Gemini's are at /v1beta/fileSearchStores.",
  ["videos"] = "OpenAI's videos have no counterpart here. Gemini's are at /v1beta/models/MODEL:predictLongRunning.",
  ["containers"] = "Gemini has no containers.",
  ["evals"] = "Gemini's API offers no evaluations.",
  ["organization"] = "Pollux has no organization. Its own administration is at /admin.",
}

local NO_SUCH = "There is no %s %s here. Pollux offers OpenAI's chat/completions, completions, embeddings, "
  .. "images/generations, images/edits, audio/speech, audio/transcriptions, audio/translations and models."


-- Always 404, for OpenAI's clients try a 5xx again.
local function refusal(request)
  local place = request.path:match("^/v1/(.-)/*$") or ""
  local reason = NO_SUCH:format(request.method, request.path)
  while place ~= "" do
    if reasons[place] then
      reason = reasons[place]
      break
    end
    place = place:match("^(.*)/") or ""
  end
  return deny(404, reason, { code = "unsupported_endpoint" })
end


function unsupported.model(request)
  return refusal(request)
end


function unsupported.request(request)
  return refusal(request)
end


return unsupported
