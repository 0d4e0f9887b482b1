// http.fetch.
#include "base/base64.h"
#include "script/blob.h"
#include "waiting_world.h"

using namespace pollux;

namespace {

std::string fetched(const std::string& arguments, FakeClient::Script script = {}) {
  WaitingWorld world({{"keys", "return function() return http.fetch" + arguments + "\nend"}});
  world.client.script = std::move(script);
  return world.call();
}

}  // namespace

TEST_CASE("a fetch gives status, headers in lower case and body") {
  FakeClient::Script script;
  script.status = 201;
  script.headers.add("Content-Type", "text/plain");
  script.headers.add("X-Two", "a");
  script.headers.add("x-two", "b");
  script.chunks = {"hel", "lo"};
  CHECK(fetched("{url = 'https://example.org/path?q=1#part'}", std::move(script)) ==
        R"({"body":"hello","headers":{"content-type":"text/plain","x-two":"a, b"},"status":201})");
}

TEST_CASE("a fetch sends what it was told and little else") {
  WaitingWorld world(
      {{"keys",
        "return function() return http.fetch{url = 'http://example.org:8080/a%20b', "
        "method = 'POST', body = 'data', headers = {['X-Number'] = 5, ['user-agent'] = 'mine'}} end"}});
  CHECK(world.call() == R"({"body":"","headers":{},"status":200})");
  REQUIRE(world.client.seen.size() == 1);
  const FakeClient::Seen& seen = world.client.seen[0];
  CHECK(seen.origin == "http://example.org:8080");
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/a%20b");
  CHECK(seen.body == "data");
  CHECK(seen.headers.get("x-number") == "5");
  CHECK(seen.headers.get("User-Agent") == "mine");
  CHECK(seen.headers.size() == 4);
  CHECK(world.client.open == 0);
}

TEST_CASE("a fetch without a path asks for the root") {
  WaitingWorld world(
      {{"keys", "return function() return http.fetch{url = 'https://example.org?x=1'}.status end"}});
  CHECK(world.call() == "200");
  CHECK(world.client.seen[0].target == "/?x=1");
  CHECK(world.client.seen[0].method == "GET");
}

TEST_CASE("a fetch that fails gives nil and why") {
  FakeClient::Script script;
  script.error = TransportError{TransportError::Kind::connect, "https://example.org: connection refused"};
  CHECK(fetched("{url = 'https://example.org/'}", script) == "null https://example.org: connection refused");
  FakeClient::Script large;
  large.chunks.assign(5, std::string(1024 * 1024, 'x'));
  CHECK(fetched("{url = 'https://example.org/'}", large) == "null the answer is larger than 4 MiB");
  FakeClient::Script announced;
  announced.length = BodyLength::of(5'000'000'000);
  CHECK(fetched("{url = 'https://example.org/'}", announced) == "null the answer is larger than 4 MiB");
}

TEST_CASE("a fetch ends when its time is over") {
  FakeClient::Script script;
  script.hangs = true;
  WaitingWorld world(
      {{"keys", "return function() return http.fetch{url = 'https://example.org/', timeout = 1} end"}});
  world.client.script = script;
  CHECK(world.call() == "null no whole answer in time");
  CHECK(world.client.open == 0);
}

TEST_CASE("a fetch that is given up is cancelled") {
  WaitingWorld world({{"keys", "return function() return http.fetch{url = 'https://example.org/'} end"}});
  world.client.script.hangs = true;
  REQUIRE(world.world.script->require("keys"));
  auto run = world.world.script->run(0, [](lua_State*, const Error*) { FAIL("it goes on"); });
  CHECK(world.client.open == 1);
  run.reset();
  CHECK(world.client.open == 0);
}

TEST_CASE("a malformed fetch is refused with its line") {
  const auto refused = [](const std::string& arguments) {
    return fetched(arguments).starts_with("keys.lua:1: http.fetch: ");
  };
  CHECK(refused("{}"));
  CHECK(refused("{url = 5}"));
  CHECK(refused("{url = 'ftp://example.org/'}"));
  CHECK(refused("{url = 'https://example.org/a b'}"));
  CHECK(refused("{url = 'https://example.org/\\r\\nX: y'}"));
  CHECK(refused("{url = 'https://example.org/', method = 'G T'}"));
  CHECK(refused("{url = 'https://example.org/', timeout = 0.5}"));
  CHECK(refused("{url = 'https://example.org/', timeout = 301}"));
  CHECK(refused("{url = 'https://example.org/', timeout = 'x'}"));
  CHECK(refused("{url = 'https://example.org/', headers = 'x'}"));
  CHECK(refused("{url = 'https://example.org/', headers = {['a b'] = 'x'}}"));
  CHECK(refused("{url = 'https://example.org/', headers = {a = 'x\\r\\ny: z'}}"));
  CHECK(refused("{url = 'https://example.org/', headers = {a = {}}}"));
  CHECK(refused("{url = 'https://example.org/', body = {}}"));
  CHECK(refused("{url = 'https://example.org/', max_bytes = '1'}"));
  CHECK(refused("{url = 'https://example.org/', max_bytes = 0}"));
  CHECK(refused("{url = 'https://example.org/', max_bytes = 0/0}"));
  CHECK(refused("{url = 'https://example.org/', max_bytes = 5e6}"));
  CHECK(refused("{url = 'https://example.org/', max_bytes = 1e9, base64 = true}"));
  CHECK(refused("{url = 'https://example.org/', base64 = 1}"));
  CHECK(refused("{url = 'https://example.org/', public_only = 'yes'}"));
}

TEST_CASE("a fetch takes as many bytes as it was told") {
  FakeClient::Script ten;
  ten.chunks = {"12345", "67890"};
  CHECK(fetched("{url = 'https://example.org/', max_bytes = 10}.body", ten) == "1234567890");
  CHECK(fetched("{url = 'https://example.org/', max_bytes = 9}", ten) ==
        "null the answer is larger than 9 bytes");
  FakeClient::Script announced;
  announced.length = BodyLength::of(2 * 1024 * 1024 + 1);
  CHECK(fetched("{url = 'https://example.org/', max_bytes = 2 * 1024 * 1024}", announced) ==
        "null the answer is larger than 2 MiB");
}

TEST_CASE("a fetch may be for public addresses alone") {
  WaitingWorld world({{"keys",
                       "return function() http.fetch{url = 'http://a.org/'} "
                       "http.fetch{url = 'http://a.org/', public_only = true} end"}});
  world.call();
  REQUIRE(world.client.seen.size() == 2);
  CHECK_FALSE(world.client.seen[0].public_only);
  CHECK(world.client.seen[1].public_only);
}

TEST_CASE("an answer is given in base64, a large one as a blob") {
  FakeClient::Script script;
  script.chunks = {"hello"};
  CHECK(fetched("{url = 'https://example.org/', base64 = true}.body", script) == "aGVsbG8=");
  script.chunks.assign(5, std::string(1024 * 1024, '\xff'));
  const std::string whole(5 * 1024 * 1024, '\xff');
  const std::string arguments = "{url = 'https://example.org/', base64 = true, max_bytes = 6 * 1024 * 1024}";
  CHECK(fetched(arguments + ".body", script) == "\"" + base64_encode(whole) + "\"");
  WaitingWorld world({{"keys", "return function() local body = http.fetch" + arguments +
                                   ".body\nlocal piece = bytes.sub(body, 100001) body = nil\n"
                                   "for _ = 1, 100 do local garbage = ('x'):rep(1e6) end\n"
                                   "return #piece .. bytes.sub(piece, -4), #bytes.from_base64(piece) end"}});
  world.client.script = script;
  CHECK(world.call() == "6890508//8= 5167880");
}

TEST_CASE("what was fetched goes when nobody holds it any more, and has a bound") {
  const std::string arguments = "{url = 'https://example.org/', base64 = true, max_bytes = 40 * 1024 * 1024}";
  FakeClient::Script script;
  script.chunks.assign(40, std::string(1024 * 1024, 'x'));
  WaitingWorld passing({{"keys", "return function() local all = 0 for _ = 1, 10 do all = all + #http.fetch" +
                                     arguments + ".body end return all end"}});
  passing.client.script = script;
  CHECK(passing.call() == std::to_string(10 * base64_size(40 * 1024 * 1024)));
  WaitingWorld keeping(
      {{"keys",
        "return function() local kept = {} for i = 1, 5 do "
        "local answer, why = http.fetch" +
            arguments + "\nif not answer then return i, why end kept[i] = answer.body end end"}});
  keeping.client.script = script;
  CHECK(keeping.call() == "4 there is no room for it: policies hold too much that they fetched");
  CHECK(keeping.call() == "4 there is no room for it: policies hold too much that they fetched");
}
