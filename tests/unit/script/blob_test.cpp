// Long texts of bodies: policies hold them as blobs, and what is sent is what came.
#include "policy_world.h"

using namespace pollux;

namespace {

constexpr std::size_t enough = 65'536;

std::string letters(std::size_t count) {
  std::string text;
  for (std::size_t at = 0; at < count; ++at) text += static_cast<char>('A' + at % 26);
  return text;
}

// A body with one long text of `count` letters, and `rest` after it.
std::string body_with(const std::string& text, const std::string& rest = "") {
  return R"({"data":")" + text + "\"" + rest + "}";
}

std::string seen(const std::string& body, const std::string& text) {
  PolicyWorld world(Modules{{"auth", "local function see(request) " + body +
                                         "\nend\nreturn {identify = function(request) "
                                         "return deny(499, tostring(see(request))) end}"}});
  Asking asking(world);
  asking.give_body(text);
  return seen_by_policy(world, asking);
}

PolicyWorld transforming(const std::string& body) {
  return PolicyWorld(Modules{{"transform", "return {request = function(request) " + body + "\nend}"}});
}

// What is sent after transform.request, or the failure.
std::string sent(const std::string& body, const std::string& text) {
  const auto world = transforming(body);
  Asking asking(world);
  asking.give_body(text);
  const auto outcome = asking.transform();
  return outcome == "done" ? asking.body() : outcome;
}

}  // namespace

TEST_CASE("a long text without blanks is a blob, others are texts") {
  CHECK(seen("return type(request.body.data)", body_with(letters(enough))) == "userdata");
  CHECK(seen("return type(request.body.data)", body_with(letters(enough - 1))) == "string");
  CHECK(seen("return type(request.body.data)", body_with(letters(enough) + " ")) == "string");
  CHECK(seen("return type(request.body.data)", body_with(letters(enough) + "\\n")) == "string");
  CHECK(seen("return type(request.body.data)", body_with(letters(enough) + "\xc3\xa9")) == "string");
  CHECK(seen("return type((next(request.body)))", "{\"" + letters(enough) + "\":1}") == "string");
  CHECK(seen("return type(json.decode(request.text).data)", body_with(letters(enough))) == "string");
}

TEST_CASE("a long text is a blob although its slashes are escaped") {
  const auto text = "/9j/" + letters(enough) + "/";
  std::string escaped = "\\/9j\\/" + letters(enough) + "\\u002F";
  CHECK(seen("return type(request.body.data) .. #request.body.data", body_with(escaped)) == "userdata65541");
  CHECK(sent("local _ = request.body.data", body_with(escaped)) == body_with(escaped));
  CHECK(sent("request.body.n = bytes.sub(request.body.data, 1, 4)", body_with(escaped)) ==
        body_with(text, R"(,"n":"/9j/")"));
  CHECK(sent("request.body.data = bytes.sub(request.body.data, 2)", body_with(escaped + "B")) ==
        body_with(text.substr(1) + "B"));
}

TEST_CASE("a blob tells its length and is no text") {
  const auto body = body_with(letters(enough));
  CHECK(seen("return tostring(request.body.data)", body) == "blob of 65536 bytes");
  CHECK(seen("return #request.body.data", body) == "65536");
  CHECK(seen("return getmetatable(request.body.data)", body) == "blob");
  CHECK(seen("return request.body.data .. 'x'", body) ==
        "failure: auth.lua:1: attempt to concatenate field 'data' (a userdata value)");
  CHECK(seen("return request.body.data:sub(1, 2)", body) ==
        "failure: auth.lua:1: a blob is no text: the library bytes knows what can be done with it");
  CHECK(seen("request.body.data.x = 1", body) ==
        "failure: auth.lua:1: a blob is no text: the library bytes knows what can be done with it");
}

TEST_CASE("a body with blobs that was looked at is sent byte for byte") {
  const auto body = "  " + body_with(letters(enough), R"(, "n" : 1.0)");
  CHECK(sent("local _ = request.body.data", body) == body);
  CHECK(sent("request.body.data = request.body.data", body) == body);
}

TEST_CASE("a body with blobs that was changed is written with their bytes") {
  const auto text = letters(enough + 1);
  CHECK(sent("request.body.n = 2", body_with(text)) == body_with(text, R"(,"n":2)"));
  CHECK(sent("request.body.data = 'short'", body_with(text)) == R"({"data":"short"})");
  CHECK(sent("request.body = {one = request.body.data, two = {request.body.data}}", body_with(text)) ==
        R"({"one":")" + text + R"(","two":[")" + text + "\"]}");
  CHECK(sent("request.body.copy = request.body.data", body_with(text)) ==
        body_with(text, R"(,"copy":")" + text + "\""));
}

TEST_CASE("two blobs that change their places change the body") {
  const auto one = letters(enough), two = letters(enough + 26).substr(26) + "x";
  const auto body = R"({"a":")" + one + R"(","b":")" + two + "\"}";
  CHECK(sent("local b = request.body b.a, b.b = b.b, b.a", body) ==
        R"({"a":")" + two + R"(","b":")" + one + "\"}");
}

TEST_CASE("a text that replaces the body ends its blobs, and has its own") {
  const auto text = letters(enough);
  const auto world = transforming(
      "request.state.old = request.body.data request.text = '{\"data\":\"' .. string.rep('B', 70000) .. "
      "'\"}' "
      "request.body.length = #request.body.data "
      "request.body.over = select(2, pcall(bytes.length, request.state.old))");
  Asking asking(world);
  asking.give_body(body_with(text));
  REQUIRE(asking.transform() == "done");
  CHECK(asking.body() == body_with(std::string(70'000, 'B'),
                                   R"(,"length":70000,"over":"bytes.length: this blob is over: )"
                                   R"(the body that it lies in is gone")"));
}

TEST_CASE("a body that holds a blob which is over is not sent") {
  const auto world = transforming(
      "local old = request.body.data request.text = '{}' request.body = {list = {1, {was = old}}}");
  Asking asking(world);
  asking.give_body(body_with(letters(enough)));
  REQUIRE(asking.transform() == "done");
  CHECK(asking.body() ==
        "error: request.body: list[2].was: this blob is over: the body that it lies in is gone");
}

TEST_CASE("a blob that outlives its request is over") {
  PolicyWorld world(Modules{{"kept", "return {}"}, {"auth", R"(local kept = require "kept"
    return {identify = function(request)
      if not kept.blob then kept.blob = request.body.data return deny(499, #kept.blob) end
      return deny(499, select(2, pcall(bytes.sub, kept.blob, 1, 3)))
    end})"}});
  std::string last;
  for (int round = 0; round < 2; ++round) {
    Asking asking(world);
    asking.give_body(body_with(letters(enough)));
    last = asking.identify();
  }
  CHECK_THAT(last, Catch::Matchers::Contains("this blob is over"));
}

TEST_CASE("answers have blobs too") {
  PolicyWorld world(Modules{{"failover", R"(return {judge = function(request, attempt)
      request.state.data = attempt.body.data
      return retry():or_deny(503, type(attempt.body.data) .. #attempt.body.data)
    end})"},
                            {"transform", R"(return {response = function(request, response)
      response.body.over = not pcall(bytes.length, request.state.data)
    end})"}});
  Asking asking(world);
  const auto text = body_with(letters(enough));
  PolicyAttempt attempt;
  attempt.status = 500;
  attempt.text = text;
  CHECK(asking.judge(attempt) == "retry; or deny 503 userdata65536");
  PolicyResponse response;
  response.text = text;
  REQUIRE(asking.transform(response) == "done");
  CHECK(response.text == body_with(letters(enough), R"(,"over":true)"));
}
