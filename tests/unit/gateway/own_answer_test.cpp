#include "gateway/own_answer.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "catch.h"

using namespace pollux;
using Json = nlohmann::json;

TEST_CASE("an error for a Gemini client has Google's shape and says that it is Pollux's") {
  OwnError error{503, "no_key", "no key can pay", 12.2};
  Headers headers;

  const auto body = Json::parse(own_error(Dialect::gemini, error, headers));

  CHECK(body["error"]["code"] == 503);
  CHECK(body["error"]["status"] == "UNAVAILABLE");
  CHECK(body["error"]["message"] == "Pollux: no key can pay");
  CHECK(headers.get("x-pollux-error") == "no_key");
  CHECK(headers.get("retry-after") == "13");
  CHECK(headers.get("x-should-retry") == "true");
}

TEST_CASE("an error for an OpenAI client has OpenAI's shape") {
  OwnError error{401, "unauthorized", "no token", {}};
  Headers headers;

  const auto body = Json::parse(own_error(Dialect::openai, error, headers));

  CHECK(body["error"]["type"] == "authentication_error");
  CHECK(body["error"]["code"] == "invalid_api_key");
  CHECK(headers.get("x-should-retry") == "false");
}

TEST_CASE("an overload reaches an Anthropic client as 529") {
  OwnError error{503, "no_key", "no key can pay", 5};
  Headers headers;

  const auto body = Json::parse(own_error(Dialect::anthropic, error, headers));

  CHECK(error.status == 529);
  CHECK(body["type"] == "error");
  CHECK(body["error"]["type"] == "overloaded_error");
}

TEST_CASE("a wait longer than SDKs obey is not worth their retry") {
  OwnError error{503, "no_key", "tomorrow", 7200};
  Headers headers;
  own_error(Dialect::gemini, error, headers);

  CHECK(headers.get("retry-after") == "7200");
  CHECK(headers.get("x-should-retry") == "false");
}

TEST_CASE("a broken stream ends with one event in the client's framing") {
  CHECK(error_event(Dialect::gemini, 503, "cut") ==
        "data: {\"error\":{\"code\":503,\"message\":\"cut\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n");
  CHECK(error_event(Dialect::anthropic, 503, "cut").rfind("event: error\n", 0) == 0);
}

TEST_CASE("a message that is no UTF-8 does not break the error") {
  OwnError error{400, "bad_request", std::string("odd \xff byte"), {}};
  Headers headers;

  CHECK_NOTHROW(Json::parse(own_error(Dialect::gemini, error, headers)));
}

TEST_CASE("a browser's preflight is granted what it asks for") {
  Headers request, answer;
  request.add("Access-Control-Request-Headers", "x-goog-api-key,content-type");

  answer_preflight(request, answer);

  CHECK(answer.get("access-control-allow-origin") == "*");
  CHECK(answer.get("access-control-allow-headers") == "x-goog-api-key,content-type");
}

TEST_CASE("only a request with an origin gets cross-origin fields") {
  Headers plain, browser, answer;
  browser.add("Origin", "https://app.example");

  add_cors(plain, answer);
  CHECK(answer.empty());
  add_cors(browser, answer);
  CHECK(answer.get("access-control-allow-origin") == "*");
}

TEST_CASE("an upstream's error is told by its own message") {
  CHECK(message_of_error("{\"error\": {\"code\": 429, \"message\": \"slow down\"}}") == "slow down");
  CHECK(message_of_error("[{\"error\": {\"message\": \"first\"}}]") == "first");
  CHECK(message_of_error("<html>502</html>") == "<html>502</html>");
  CHECK(message_of_error("").empty());
}

TEST_CASE("a wait that a policy made up is told within bounds") {
  const auto told = [](double seconds) {
    Headers headers;
    OwnError error{429, "denied", "wait", seconds};
    own_error(Dialect::gemini, error, headers);
    return std::string(headers.get("retry-after").value_or("none"));
  };
  CHECK(told(0.2) == "1");
  CHECK(told(-5) == "1");
  CHECK(told(1e308) == "31536000");
  CHECK(told(std::numeric_limits<double>::infinity()) == "31536000");
  CHECK(told(std::numeric_limits<double>::quiet_NaN()) == "1");
}
