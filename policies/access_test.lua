local access = require "access"

local ALLOWED = { "gemini-3.5-*", "gpt-4o" }


local function permit(given)
  given.client = given.client or a_client { name = "ann", models = ALLOWED }
  return access.permit(a_request(given))
end


-- What a request without a model in its path is: the fakes have one by default.
local function unnamed(given)
  given.model = ""
  return permit(given)
end


describe("access.permit, for a client that may use some models", function()
  it("lets pass what is allowed as it was asked, or as Google was asked", function()
    expect(permit { model = "gemini-3.5-flash" }).to_be_nil()
    expect(permit { model = "models/gemini-3.5-flash" }).to_be_nil()
    expect(permit { model = "gpt-4o", upstream_model = "gemini-3.8-flash" }).to_be_nil()
    expect(permit { model = "gpt-4o-mini", upstream_model = "gemini-3.5-flash-lite" }).to_be_nil()
  end)


  it("refuses every other model, and names those that are allowed", function()
    local refusal = permit { model = "gemini-3.8-flash" }

    expect(refusal.status).to_be(403)
    expect(refusal.reason).to_be("model_not_allowed")
    expect(refusal.param).to_be("model")
    expect(refusal.message).to_contain("gemini-3.8-flash")
    expect(refusal.message).to_contain("gemini-3.5-*, gpt-4o")
  end)


  it("knows capital letters from small ones, and parts from wholes", function()
    for _, name in ipairs { "Gemini-3.5-flash", "gpt-4o-mini", "a-gpt-4o", "tunedModels/gpt-4o", "gemini-3.5" } do
      expect(permit { model = name }.status).to_be(403)
    end
  end)


  it("refuses a body that names another model than its path", function()
    for _, body in ipairs {
      { model = "models/gemini-3.8-flash" },
      { generateContentRequest = { model = "models/gemini-3.8-flash" } },
      { generate_content_request = { model = "models/gemini-3.8-flash" } },
      { requests = { { model = "models/gemini-3.5-flash" }, { model = "models/gemini-3.8-flash" } } },
    } do
      expect(permit { model = "gemini-3.5-flash", body = body }.status).to_be(403)
    end
    expect(permit { model = "gemini-3.5-flash", body = { model = "models/gemini-3.5-flash" } }).to_be_nil()
    expect(permit { model = "gpt-4o", upstream_model = "gemini-3.8-flash", body = { model = "models/gemini-3.8-flash" } })
      .to_be_nil()
    expect(permit { model = "gemini-3.5-flash", text = "no JSON" }).to_be_nil()
  end)


  it("looks into batches, and refuses those it cannot look into", function()
    local function batch(input, text)
      return permit { endpoint = "batch", model = "gemini-3.5-flash", body = input and { batch = { inputConfig = input } },
        text = text }
    end
    local function inline(model)
      return { requests = { requests = { { request = { model = model } } } } }
    end

    expect(batch(inline(nil))).to_be_nil()
    expect(batch(inline "models/gemini-3.5-flash")).to_be_nil()
    expect(batch(inline "models/gemini-3.8-flash").status).to_be(403)
    expect(batch { fileName = "files/x" }.status).to_be(403)
    expect(batch(nil, "no JSON").status).to_be(403)
    expect(permit { endpoint = "batch", model = "gemini-3.5-flash", body = { batch = { model = "models/gemini-3.8-flash" } } }
      .status).to_be(403)
  end)


  it("reads the model where the body alone names it, and sends what it has read", function()
    for _, endpoint in ipairs { "openai", "interactions", "caches" } do
      local path = "/v1beta/" .. endpoint
      local request = a_request { model = "", endpoint = endpoint, path = path, client = a_client { models = ALLOWED },
        text = '{"model":"gemini-3.8-flash","model":"models/gemini-3.5-flash"}' }

      expect(access.permit(request)).to_be_nil()
      expect(request.text).to_be('{"model":"models/gemini-3.5-flash"}')
      for _, text in ipairs { '{"model":"gemini-3.8-flash"}', '{"mod\\u0065l":"gemini-3.8-flash"}', "{}", "[]", '{"model":1}',
        '{"model":null}', '{"model":["gemini-3.5-flash"]}', "{'model':'gemini-3.5-flash'}", "model=gemini-3.5-flash" } do
        expect(unnamed { endpoint = endpoint, path = path, text = text }.status).to_be(403)
      end
      expect(unnamed { endpoint = endpoint, path = path }.status).to_be(403)
    end
  end)


  it("counts an agent as a model", function()
    local path = "/v1beta/interactions"
    expect(unnamed { endpoint = "interactions", path = path, body = { agent = "deep-research" } }.status).to_be(403)
    expect(unnamed { endpoint = "interactions", path = path, body = { model = "gpt-4o", agent = "deep-research" } }.status)
      .to_be(403)
  end)


  it("refuses what names its model where nobody sees it", function()
    expect(unnamed { endpoint = "live", method = "GET" }.status).to_be(403)
    expect(unnamed { endpoint = "other" }.status).to_be(403)
    expect(unnamed { endpoint = "tuned_models", body = { baseModel = "models/gemini-3.5-flash" } }.status).to_be(403)
    expect(unnamed { endpoint = "openai", path = "/v1beta/openai/batches", body = { input_file_id = "files/x" } }.status)
      .to_be(403)
    expect(unnamed { endpoint = "upload", path = "/upload/v1beta/models/gemini-3.8-flash:generateContent" }.status).to_be(403)
    expect(unnamed { endpoint = "batches", path = "/v1beta/batches/x:updateGenerateContentBatch", method = "PATCH" }.status)
      .to_be(403)
  end)


  it("leaves alone what has to do with no model", function()
    for _, request in ipairs {
      { endpoint = "list_models", method = "GET" }, { endpoint = "files" }, { endpoint = "stores" },
      { endpoint = "upload", path = "/upload/v1beta/files" }, { endpoint = "openai", method = "GET" },
      { endpoint = "upload", path = "/upload/v1beta/fileSearchStores/x:uploadToFileSearchStore" },
      { endpoint = "interactions", path = "/v1beta/interactions/x/cancel" }, { endpoint = "interactions", method = "DELETE" },
      { endpoint = "batches", path = "/v1beta/batches/x:cancel" }, { endpoint = "caches", method = "PATCH" },
      { endpoint = "openai", path = "/v1beta/openai/files" }, { endpoint = "other", method = "GET" },
      { endpoint = "other", dialect = "openai" },
    } do
      expect(unnamed(request)).to_be_nil()
    end
  end)
end)


describe("access.permit, for a client with a limit of tokens", function()
  local function of(given)
    given.client = a_client { daily_tokens = 1000 }
    return unnamed(given)
  end


  it("refuses what nobody could count, and says what", function()
    expect(of { endpoint = "live", method = "GET" }.message).to_contain("Live API")
    expect(of { endpoint = "batch" }.message).to_contain("batches")
    expect(of { endpoint = "openai", path = "/v1beta/openai/batches" }.status).to_be(403)
    expect(of { endpoint = "interactions", body = { background = true } }.reason).to_be("client_limit")
    expect(of { endpoint = "openai", body = { stream = true } }.message).to_contain("include_usage")
    expect(of { endpoint = "openai", body = { stream = true, stream_options = { include_usage = false } } }.status).to_be(403)
  end)


  it("lets everything else pass, whatever the model", function()
    expect(of { endpoint = "generate" }).to_be_nil()
    expect(of { endpoint = "batches", method = "GET" }).to_be_nil()
    expect(of { endpoint = "interactions", body = { model = "x" } }).to_be_nil()
    expect(of { endpoint = "openai", body = { stream = true, stream_options = { include_usage = true } } }).to_be_nil()
    expect(of { endpoint = "openai", body = { stream = json.null } }).to_be_nil()
  end)
end)


describe("access.permit, for a client with any limit", function()
  it("hands out no token of Google's that would go past it", function()
    for _, limit in ipairs { { rpm = 1 }, { daily_requests = 1 }, { models = ALLOWED }, { expires_at = "2027-01-01" } } do
      expect(unnamed { endpoint = "auth_tokens", client = a_client(limit) }.status).to_be(403)
    end
    expect(unnamed { endpoint = "auth_tokens", method = "GET", client = a_client { rpm = 1 } }).to_be_nil()
  end)
end)
