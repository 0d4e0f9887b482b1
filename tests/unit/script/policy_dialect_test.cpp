// The hooks of a dialect: what they are given, what they may return, and what becomes of it.
#include "policy_world.h"

namespace pollux {
namespace {

std::string shown(const DialectAnswer& answer) {
  return std::to_string(answer.status) + " " +
         std::string(answer.headers.get("content-type").value_or("untyped")) + " " + answer.text;
}
std::string shown(const UpstreamCall& call) {
  auto text = call.method + " " + call.path + (call.query.empty() ? "" : "?" + call.query);
  if (call.streaming) text += *call.streaming ? " as a stream" : " in one piece";
  return text;
}
std::string shown(const AskAgain&) {
  return "again";
}
std::string shown(const TranslatedEvent& event) {
  return "event: " + event.text;
}
std::string shown(const Problem& problem) {
  return "problem: " + std::to_string(problem.status) + " " + problem.message;
}
}  // namespace
}  // namespace pollux

using namespace pollux;

namespace {

// An exchange in OpenAI's dialect, whose hooks do not wait.
class Speaking {
 public:
  explicit Speaking(const std::string& functions, std::string body = R"({"model":"gpt-4o","stream":true})")
      : world_(Modules{{"dialects/openai", "return {" + functions + "}"}}) {
    request.dialect = "openai";
    request.endpoint = "chat";
    request.has_body_text = !body.empty();
    request.body_text = std::move(body);
    exchange = PolicyExchange::create(world_.state, request);
  }
  std::string model() {
    return told<NamedModel>([this](auto done) { exchange->name_model(std::move(done)); });
  }
  std::string question() {
    return told<TranslatedRequest>([this](auto done) { exchange->translate_request(std::move(done)); });
  }
  std::string answer(const std::string& text) {
    PolicyResponse response;
    response.text = text;
    return told<TranslatedAnswer>([&](auto done) { exchange->translate_answer(response, std::move(done)); });
  }
  std::string event(std::optional<std::string_view> text) {
    return told<TranslatedPart>([&](auto done) { exchange->translate_event(text, std::move(done)); });
  }
  std::string problem(const Problem& problem) {
    return told<ToldProblem>([&](auto done) { exchange->tell_problem(problem, std::move(done)); });
  }

  PolicyRequest request;
  std::unique_ptr<PolicyExchange> exchange;

 private:
  template <typename Outcome, typename Ask>
  std::string told(Ask&& ask) {
    std::string text = "nothing yet";
    ask(std::function<void(Outcome)>([&text](Outcome outcome) {
      text = std::visit([](const auto& kind) { return shown(kind); }, outcome);
    }));
    return text;
  }

  PolicyWorld world_;
};

}  // namespace

TEST_CASE("a dialect names the model, and the body says whether the answer streams") {
  Speaking speaking("model = function(request) return request.body.model end");
  CHECK(speaking.model() == "gpt-4o");
  CHECK(speaking.request.model == "gpt-4o");
  CHECK(speaking.request.streaming);
  Speaking plain("model = function(request) return nil end", R"({"stream":1})");
  CHECK(plain.model().empty());
  CHECK_FALSE(plain.request.streaming);
  CHECK(Speaking("model = function() return deny(400, 'no model', {code = 'missing'}) end").model() ==
        "deny 400 no model");
  CHECK(Speaking("model = function() return 7 end").model() ==
        "failure: dialects/openai.lua: model returned a number, expected a name, nil or deny(...)");
}

TEST_CASE("a dialect's request becomes the body that is sent and seen from then on") {
  Speaking speaking(
      "request = function(request) return {path = '/v1beta/models/x:generateContent', query = {alt = 'sse'},"
      " body = {contents = {{parts = {{text = request.body.model}}}}}} end");
  CHECK(speaking.question() == "POST /v1beta/models/x:generateContent?alt=sse");
  CHECK(speaking.request.body_text == R"({"contents":[{"parts":[{"text":"gpt-4o"}]}]})");
  CHECK(*speaking.exchange->body_to_send() == speaking.request.body_text);
}

TEST_CASE("a dialect may answer by itself, refuse, or ask without a body") {
  const auto asked = [](const std::string& body) {
    return Speaking("request = function(request) " + body + " end").question();
  };
  CHECK(asked("return reply {body = {1}}") == "200 application/json [1]");
  CHECK(asked("return reply {status = 202, headers = {['content-type'] = 'text/plain'}, text = 'hm'}") ==
        "202 text/plain hm");
  CHECK(asked("return deny(404, 'no')") == "deny 404 no");
  CHECK(asked("return {path = '/v1beta/models'}") == "GET /v1beta/models");
  CHECK(asked("return {path = '/x', body = {}, streaming = false}") == "POST /x in one piece");
  CHECK(asked("return {path = 'x y'}") ==
        "failure: dialects/openai.lua: request: path: expected one that begins with / and holds no ?, # or "
        "blank");
  CHECK(asked("return {path = '/x', body = {print}}") ==
        "failure: dialects/openai.lua: request: body: [1]: a function has no JSON form");
  CHECK(
      asked("return true") ==
      "failure: dialects/openai.lua: request returned true, expected {path = ..., body = ...}, reply(...) or "
      "deny(...)");
  CHECK(Speaking("model = function() end").question() ==
        "failure: dialects/openai.lua: request: there is no such function");
}

TEST_CASE("a dialect's answer is a body, a text, a list of texts, or a wish for another one") {
  const auto answered = [](const std::string& body) {
    return Speaking("response = function(request, response) " + body + " end").answer(R"({"a":[1]})");
  };
  CHECK(answered("return {body = {b = response.body.a}}") == R"(200 application/json {"b":[1]})");
  CHECK(answered("return {text = {'x', 'y'}, headers = {['content-type'] = 'audio/wav'}}") ==
        "200 audio/wav xy");
  CHECK(answered("return {status = 99, text = ''}") ==
        "failure: dialects/openai.lua: response: the status is none from 200 to 599");
  CHECK(answered("return {status = 0/0, text = ''}") ==
        "failure: dialects/openai.lua: response: the status is none from 200 to 599");
  CHECK(answered("return again()") == "again");
  CHECK(answered("return deny(400, 'blocked')") == "deny 400 blocked");
  CHECK(answered("return {text = {{}}}") ==
        "failure: dialects/openai.lua: response: text: [1]: a table, expected a text or a blob");

  Speaking speaking("response = function() return again({n = 2}) end");
  CHECK(speaking.answer("{}") == "again");
  CHECK(speaking.request.body_text == R"({"n":2})");
}

TEST_CASE("blobs of an answer last while a dialect asks again") {
  Speaking speaking(
      "response = function(request, response) local first = request.state.first"
      " if first then return {text = {first}} end"
      " request.state.first = response.body.data return again() end");
  const std::string data(100'000, 'x');
  CHECK(speaking.answer(R"({"data":")" + data + R"("})") == "again");
  CHECK(speaking.answer("{}") == "200 application/json " + data);
}

TEST_CASE("what was decoded of an answer goes when a dialect asks again") {
  Speaking speaking(
      "response = function(request, response) return #response.body > 0 and again() or {text = 'done'} end");
  std::string large = "[{}";
  for (int count = 0; count < 50'000; ++count) large += ",{}";
  for (int round = 0; round < 20; ++round) REQUIRE(speaking.answer(large + "]") == "again");
  CHECK(speaking.answer("[]") == "200 application/json done");
}

TEST_CASE("a dialect is given the events of a stream, and its end") {
  Speaking speaking(
      "event = function(request, event) if not event then return {'bye', '\\n'} end return event.text end");
  CHECK(speaking.event(R"({"text":"hello"})") == "event: hello");
  CHECK(speaking.event("{}") == "event: ");
  CHECK(speaking.event(std::nullopt) == "event: bye\n");
  CHECK(Speaking("event = function() return 7 end").event("{}") ==
        "failure: dialects/openai.lua: event: a number, expected a text or a blob");
}

TEST_CASE("an error in the place of an event, and what is none of Google's, is no event") {
  Speaking speaking("event = function(request, event) return type(event) end");
  CHECK(speaking.event(R"({"error":{"code":503,"message":"full"}})") == "problem: 503 full");
  CHECK(speaking.event(R"({"error":{"message":"full"}})") == "problem: 502 full");
  CHECK(speaking.event(R"({"error":{"code":"no number"}})") ==
        "problem: 502 Google has ended the stream with an error");
  CHECK(speaking.event(R"({"error":"a text"})") == "event: table");
  for (const auto* text : {R"({"error")", "null", "7", R"("x")", R"([{"candidates":[]}])"})
    CHECK(speaking.event(text) == "problem: 502 Pollux: an event of the answer is no JSON object");
}

TEST_CASE("a dialect words an error, with its status and headers") {
  Speaking speaking(
      "error = function(request, problem) return {m = problem.message, s = problem.google and "
      "problem.google.status}, problem.status == 402 and 429 or nil, {['retry-after'] = '7'} end");
  CHECK(speaking.problem({402, "pay", R"([{"error":{"status":"X"}}])", false}) ==
        R"(429 application/json {"m":"pay","s":"X"})");
  CHECK(speaking.problem({503, "full", "<html>", false}) == R"(503 application/json {"m":"full"})");
  for (const std::string status : {"200", "1e300", "-1/0", "0/0", "400.5"}) {
    CHECK(Speaking("error = function() return {}, " + status + " end").problem({503, "full", {}, false}) ==
          "failure: dialects/openai.lua: error: it returned no status from 400 to 599");
  }
}

TEST_CASE("features that models.resolve sets are seen by the core") {
  Speaking speaking("model = function(request) request.features.fake_stream = true end");
  CHECK_FALSE(speaking.exchange->has_feature("fake_stream"));
  speaking.model();
  CHECK(speaking.exchange->has_feature("fake_stream"));
  CHECK_FALSE(speaking.exchange->has_feature("search"));
}
