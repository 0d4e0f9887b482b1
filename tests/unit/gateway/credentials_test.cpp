#include "gateway/credentials.h"

#include "catch.h"

using namespace pollux;

namespace {

Headers with(std::initializer_list<std::pair<const char*, const char*>> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

}  // namespace

TEST_CASE("a token is found in each of the four places") {
  CHECK(presented_token(with({{"Authorization", "Bearer t1"}}), "") == "t1");
  CHECK(presented_token(with({{"authorization", "bearer  t1"}}), "") == "t1");
  CHECK(presented_token(with({{"X-Goog-Api-Key", "t2"}}), "") == "t2");
  CHECK(presented_token(with({{"x-api-key", "t3"}}), "") == "t3");
  CHECK(presented_token({}, "alt=sse&key=t%204&x=1") == "t 4");
  CHECK(presented_token({}, "key=&%6bey=t5") == "t5");
}

TEST_CASE("a client that presents nothing has no token") {
  CHECK(presented_token({}, "alt=sse").empty());
  CHECK(presented_token(with({{"Authorization", "Basic abc"}}), "").empty());
  CHECK(presented_token({}, "apikey=1&keys=2").empty());
}

TEST_CASE("credentials leave the query and the rest stays byte for byte") {
  CHECK(without_credentials("alt=sse&key=secret&fields=a%2Cb") == "alt=sse&fields=a%2Cb");
  CHECK(without_credentials("key=secret").empty());
  CHECK(without_credentials("access_token=x&pageSize=5") == "pageSize=5");
  CHECK(without_credentials("keys=1") == "keys=1");
  CHECK(without_credentials("%6bey=a&k%65y=b&access%5Ftoken=c&key&x=%6b") == "x=%6b");
}

TEST_CASE("nothing that identifies the client is forwarded") {
  const auto headers = forwardable(with({{"Host", "pollux"},
                                         {"Authorization", "Bearer t"},
                                         {"x-api-key", "t"},
                                         {"x-goog-api-key", "t"},
                                         {"Cookie", "a=b"},
                                         {"x-goog-user-project", "p"},
                                         {"X-Forwarded-For", "10.0.0.1"},
                                         {"Origin", "https://a"},
                                         {"Referer", "https://a/b"},
                                         {"Connection", "keep-alive, X-Secret"},
                                         {"X-Secret", "1"},
                                         {"Transfer-Encoding", "chunked"},
                                         {"Content-Type", "application/json"},
                                         {"x-goog-api-client", "genai"}}));

  CHECK(headers.size() == 2);
  CHECK(headers.get("content-type") == "application/json");
  CHECK(headers.get("X-Goog-Api-Client") == "genai");
}

TEST_CASE("nothing makes Google read another method or other headers than Pollux has") {
  const auto headers = forwardable(
      with({{"X-HTTP-Method-Override", "POST"}, {"x-http-method", "POST"}, {"X-Method-Override", "POST"}}));
  CHECK(headers.size() == 0);
  CHECK(without_credentials("$httpMethod=POST&a=1&%24httpHeaders=x&$key=k") == "a=1");
}

TEST_CASE("what would lead a browser past Pollux does not reach it") {
  CHECK(stays_behind("Alt-Svc"));
  CHECK(stays_behind("Access-Control-Allow-Origin"));
  CHECK(stays_behind("Transfer-Encoding"));
  CHECK_FALSE(stays_behind("Content-Encoding"));
  CHECK_FALSE(stays_behind("Server-Timing"));
}
