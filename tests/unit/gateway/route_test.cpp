#include "gateway/route.h"

#include "catch.h"

using namespace pollux;

namespace {

Headers with(std::initializer_list<std::pair<const char*, const char*>> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

Route post(std::string_view target) {
  return find_route("POST", target, {});
}

}  // namespace

TEST_CASE("a generation request names its endpoint and its model") {
  const auto route = post("/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse");

  CHECK(route.service == Service::gemini);
  CHECK(route.endpoint == "stream");
  CHECK(route.streams);
  CHECK(route.generates);
  CHECK(route.model == "gemini-3.8-flash");
  CHECK(route.path.substr(route.model_at, route.model_size) == "gemini-3.8-flash");
  CHECK(route.query == "alt=sse");
}

TEST_CASE("paths that occur in the wild are put right") {
  for (const auto* target :
       {"/v1beta/models/x:generateContent", "//v1beta/models/x:generateContent",
        "/gemini/v1beta/models/x:generateContent", "/v1beta/v1beta/models/x:generateContent",
        "/v1/v1beta/models/x:generateContent", "/v1beta/models/x%3AgenerateContent",
        "/v1beta/models/x%3agenerateContent", "/gemini//v1beta//models/x:generateContent/"}) {
    const auto route = post(target);
    INFO(target);
    CHECK(route.path == "/v1beta/models/x:generateContent");
    CHECK(route.model == "x");
    CHECK(route.endpoint == "generate");
  }
}

TEST_CASE("a model named twice keeps its own name only") {
  const auto route = post("/v1beta/models/models/x:countTokens");

  CHECK(route.model == "x");
  CHECK(route.path.substr(route.model_at, route.model_size) == "x");
  CHECK(route.endpoint == "count_tokens");
}

TEST_CASE("a percent-encoded model name is decoded for policies") {
  CHECK(post("/v1beta/models/my%20model:generateContent").model == "my model");
}

TEST_CASE("tuned and dynamic models keep their kind in the name") {
  const auto route = post("/v1beta/tunedModels/mine:generateContent");

  CHECK(route.model == "tunedModels/mine");
  CHECK(route.path.substr(route.model_at, route.model_size) == "tunedModels/mine");
  CHECK(route.generates);
}

TEST_CASE("lists and single models are told apart from methods") {
  CHECK(find_route("GET", "/v1beta/models?pageSize=5", {}).endpoint == "list_models");
  CHECK(find_route("GET", "/v1beta/models/x", {}).endpoint == "get_model");
  CHECK(find_route("GET", "/v1beta/models/x/operations/y", {}).endpoint == "operations");
  CHECK(find_route("GET", "/v1beta/models/x/operations/y", {}).model.empty());
}

TEST_CASE("every resource of the API has an endpoint of its own") {
  CHECK(find_route("GET", "/v1beta/files/abc", {}).endpoint == "files");
  CHECK(find_route("POST", "/upload/v1beta/files", {}).endpoint == "upload");
  CHECK(find_route("GET", "/download/v1beta/files/a:download?alt=media", {}).endpoint == "download");
  CHECK(find_route("POST", "/v1beta/cachedContents", {}).endpoint == "caches");
  CHECK(find_route("GET", "/v1beta/batches/b", {}).endpoint == "batches");
  CHECK(find_route("POST", "/v1beta/interactions", {}).endpoint == "interactions");
  CHECK(find_route("POST", "/v1beta/fileSearchStores/s:importFile", {}).endpoint == "stores");
  CHECK(find_route("POST", "/v1beta/somethingNew", {}).service == Service::gemini);
}

TEST_CASE("the version that three dialects share is told apart by path and headers") {
  CHECK(post("/v1/models/x:generateContent").dialect == Dialect::gemini);
  CHECK(post("/v1/chat/completions").dialect == Dialect::openai);
  CHECK(post("/v1/messages").dialect == Dialect::anthropic);
  CHECK(find_route("GET", "/v1/models", with({{"Authorization", "Bearer t"}})).dialect == Dialect::openai);
  CHECK(find_route("GET", "/v1/models", with({{"x-goog-api-key", "t"}})).dialect == Dialect::gemini);
  CHECK(find_route("GET", "/v1/models?key=t", {}).dialect == Dialect::gemini);
  CHECK(find_route("GET", "/v1/models?pageSize=2", with({{"Authorization", "Bearer t"}})).dialect ==
        Dialect::gemini);
  CHECK(find_route("GET", "/v1/models", with({{"anthropic-version", "2023-06-01"}})).dialect ==
        Dialect::anthropic);
  CHECK(find_route("GET", "/v1/models", with({{"x-api-key", "t"}})).dialect == Dialect::anthropic);
  CHECK(find_route("GET", "/v1/files/a", with({{"x-goog-api-key", "t"}})).endpoint == "files");
  CHECK(post("/v1/cachedContents").service == Service::gemini);
}

TEST_CASE("OpenAI's prefixes may be doubled, mixed or missing") {
  for (const auto* target :
       {"/v1/chat/completions", "/openai/v1/chat/completions", "/hf/v1/chat/completions",
        "/openai/chat/completions", "/v1/v1/chat/completions", "/chat/completions", "//v1//chat/completions/",
        "/openai/v1/v1/chat/completions", "/v1/openai/chat/completions", "/openai/v1beta/chat/completions"}) {
    INFO(target);
    const auto route = post(target);
    CHECK(route.path == "/v1/chat/completions");
    CHECK(route.endpoint == "chat");
    CHECK(route.dialect == Dialect::openai);
    CHECK(route.translated);
  }
  CHECK(find_route("GET", "/openai/models/google/gemini-3.8-flash", {}).model == "google/gemini-3.8-flash");
  CHECK(find_route("GET", "/hf/v1/models", {}).endpoint == "list_models");
  CHECK(find_route("GET", "/models", with({{"Authorization", "Bearer t"}})).path == "/v1/models");
  CHECK(find_route("GET", "/models?key=t", {}).path == "/v1beta/models");
  CHECK(post("/models/x:generateContent").path == "/v1beta/models/x:generateContent");
  CHECK(post("/v1/audio/speech").endpoint == "speech");
  CHECK(post("/v1/moderations").endpoint == "other");
  CHECK(find_route("GET", "/v1/chat/completions", {}).endpoint == "other");
  CHECK(find_route("POST", "/v1/files", with({{"Authorization", "Bearer t"}})).translated);
  CHECK_FALSE(find_route("POST", "/v1/cachedContents", with({{"Authorization", "Bearer t"}})).translated);
}

TEST_CASE("Google's own OpenAI prefix takes the key as Bearer") {
  const auto route = post("/v1beta/openai/chat/completions");

  CHECK(route.service == Service::gemini);
  CHECK(route.bearer_upstream);
  CHECK(route.dialect == Dialect::openai);
  CHECK_FALSE(route.translated);
}

TEST_CASE("Vertex express paths lead to Vertex") {
  const auto route = post("/v1/publishers/google/models/gemini-3.8-flash:generateContent");

  CHECK(route.service == Service::vertex);
  CHECK(route.model == "gemini-3.8-flash");
  CHECK(route.generates);
}

TEST_CASE("a path that climbs leads nowhere, however it is written") {
  for (const auto* target : {"/v1beta/../x", "/v1beta/models/..", "/v1beta/./models", "/v1beta/%2e%2e/x",
                             "/v1beta/models/..%2f..%2Fx", "/v1beta/models/%2E./x", "/v1beta/models/..\\x",
                             "/gemini/v1beta/../x", "/v1/../v1beta/models", "/upload/../v1beta/files",
                             "/ws/google.ai.generativelanguage.v1beta.GenerativeService.Bidi/../x"}) {
    INFO(target);
    CHECK(find_route("GET", target, {}).service == Service::none);
  }
  CHECK(find_route("GET", "/v1beta/files/a..b", {}).service == Service::gemini);
  CHECK(find_route("GET", "/v1beta/models/gemini-3.8-flash", {}).service == Service::gemini);
}

TEST_CASE("what nobody offers leads nowhere") {
  CHECK(find_route("GET", "/", {}).service == Service::none);
  CHECK(find_route("GET", "/favicon.ico", {}).service == Service::none);
  CHECK(post("/v1beta").service == Service::none);
  for (const auto* target :
       {"", "?", "/?", "//", "/gemini", "/gemini/", "/gemini?x", "//gemini//", "/gemini/gemini", "/openai",
        "/hf/", "/v1", "/v1/v1", "/gemini/v1beta/", "/%", "/%3", "/%3A"}) {
    INFO(target);
    CHECK(find_route("GET", target, {}).service == Service::none);
  }
}

TEST_CASE("a session of the Live API is known by its path, and opens a WebSocket where it is asked to") {
  Headers asking;
  asking.add("Connection", "keep-alive, Upgrade");
  asking.add("Upgrade", "WebSocket");
  const std::string name = "ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

  for (const auto& target : {"/" + name, "//" + name + "?key=k", "/gemini/" + name, "/gemini//" + name}) {
    INFO(target);
    const auto route = find_route("GET", target, asking);
    CHECK(route.service == Service::gemini);
    CHECK(route.endpoint == "live");
    CHECK(route.path == "/" + name);
    CHECK(route.model.empty());
    CHECK(route.opens_websocket);
    CHECK(!find_route("GET", target, {}).opens_websocket);
    CHECK(!find_route("POST", target, asking).opens_websocket);
  }
  for (const auto* version : {"v1", "v1alpha"}) {
    const auto path =
        std::string("/ws/google.ai.generativelanguage.") + version + ".GenerativeService.BidiGenerateMusic";
    CHECK(find_route("GET", path, asking).opens_websocket);
  }
  for (const auto* target :
       {"/ws", "/ws/other", "/ws/google.ai.generativelanguage.v9.GenerativeService.BidiGenerateContent",
        "/ws/google.ai.generativelanguage.v1beta.OtherService.Bidi", "/v1beta/models"}) {
    INFO(target);
    CHECK(!find_route("GET", target, asking).opens_websocket);
  }
}

TEST_CASE("lists of models are known in both of Google's shapes") {
  CHECK(find_route("GET", "/v1beta/models?pageSize=5", {}).lists_models);
  CHECK(find_route("HEAD", "/v1beta/openai/models", {}).lists_models);
  CHECK(find_route("GET", "/v1beta/openai/models", {}).endpoint == "openai");
  for (const auto* target : {"/v1beta/openai/models/x", "/v1beta/models/x", "/v1beta/files"}) {
    CHECK_FALSE(find_route("GET", target, {}).lists_models);
  }
  CHECK_FALSE(post("/v1beta/openai/models").lists_models);
  CHECK(post("/v1alpha/auth_tokens").endpoint == "auth_tokens");
}
