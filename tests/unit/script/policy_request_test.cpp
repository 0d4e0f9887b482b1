// What policies see of a request, and what they may change.
#include "policy_world.h"

using namespace pollux;

namespace {

// The policy's function body sees `request`; what it returns as text is read back.
std::string seen(const std::string& body, const std::function<void(Asking&)>& prepare = {}) {
  PolicyWorld world(Modules{{"auth", "local function see(request) " + body +
                                         "\nend\nreturn {identify = function(request) "
                                         "return deny(499, tostring(see(request))) end}"}});
  Asking asking(world);
  if (prepare) prepare(asking);
  return seen_by_policy(world, asking);
}

// Runs as transform.request.
std::string transformed(Asking& asking) {
  return asking.transform();
}
PolicyWorld transforming(const std::string& body) {
  return PolicyWorld(Modules{{"transform", "return {request = function(request) " + body + "\nend}"}});
}

constexpr const char* some_body =
    R"({"contents":[{"parts":[{"text":"hi"}]}],  "big":12345678901234567890,"none":null})";

}  // namespace

TEST_CASE("a policy reads what the request is") {
  CHECK(seen("return request.method .. ' ' .. request.path") ==
        "POST /v1beta/models/gemini-2.5-flash:generateContent");
  CHECK(seen("return request.dialect .. ' ' .. request.endpoint .. ' ' .. request.model") ==
        "gemini generate gemini-2.5-flash");
  CHECK(seen("return request.upstream_model") == "nil");
  CHECK(seen("return request.streaming") == "false");
  CHECK(seen("return request.remote_address", [](Asking& a) { a.request.remote_address = "::1"; }) == "::1");
  CHECK(seen("return request.token", [](Asking& a) { a.request.token = "abc"; }) == "abc");
  CHECK(seen("return request.client") == "nil");
}

TEST_CASE("a wrong name is told, with the line") {
  CHECK(seen("return request.modle") == "failure: auth.lua:1: a request has no field modle");
  CHECK(seen("request.modle = 1") == "failure: auth.lua:1: a request has no field modle to set");
  CHECK(seen("request.model = 'x'") == "failure: auth.lua:1: request.model is read-only");
  CHECK(seen("request.upstream_model = 'x'") ==
        "failure: auth.lua:1: request.upstream_model can be set in transform.request only");
  CHECK(seen("request.body = 7") == "failure: auth.lua:1: request.body is a number, expected a table");
  CHECK(seen("return getmetatable(request)") == "request");
}

TEST_CASE("headers are found in any case, set and removed") {
  const auto with_headers = [](Asking& a) {
    a.request.headers.add("X-One", "1");
    a.request.headers.add("x-two", "2");
  };
  CHECK(seen("return request.headers['x-one']", with_headers) == "1");
  CHECK(seen("return request.headers['x-three']", with_headers) == "nil");
  CHECK(seen("request.headers['x-one'] = 'new' return request.headers['x-one']", with_headers) == "new");
  CHECK(seen("request.headers['x-one'] = nil return request.headers['x-one']", with_headers) == "nil");
  CHECK(seen("request.headers['x-number'] = 7 return request.headers['x-number']", with_headers) == "7");
  CHECK(seen("local all = '' for name, value in request.headers:each() do all = all .. name .. '=' .. value "
             ".. ' ' end "
             "return all",
             with_headers) == "x-one=1 x-two=2 ");
}

TEST_CASE("a header cannot smuggle a line") {
  CHECK(seen("request.headers['x-one'] = 'a\\r\\nx-evil: 1'") ==
        "failure: auth.lua:1: headers[\"x-one\"] holds a control character");
  CHECK(seen("request.headers['x one'] = 'a'") ==
        "failure: auth.lua:1: headers: \"x one\" is no name of a header");
  CHECK(seen("request.headers['x'] = {}") ==
        "failure: auth.lua:1: headers[\"x\"] is a table, expected a string or nil");
}

TEST_CASE("the query is a table of decoded values") {
  const auto with_query = [](Asking& a) { a.request.query = "alt=sse&name=a%20b+c&alt=json&flag"; };
  CHECK(seen("return request.query.alt", with_query) == "sse");
  CHECK(seen("return request.query.name", with_query) == "a b c");
  CHECK(seen("return request.query.flag", with_query) == "");
  CHECK(seen("return request.query.other", with_query) == "nil");
}

TEST_CASE("a query that was changed is written back, the rest of it byte for byte") {
  auto world = transforming(
      "request.query.alt = nil request.query.page = 5 request.query.name = 'x y' request.query.on = true");
  Asking asking(world);
  asking.request.query = "a=%7E%7e&alt=sse&name=z&b";

  CHECK(transformed(asking) == "done");

  CHECK(asking.request.query == "a=%7E%7e&name=x%20y&b&on=true&page=5");
}

TEST_CASE("a query that was only looked at stays as it was") {
  auto world = transforming("local _ = request.query.alt");
  Asking asking(world);
  asking.request.query = "&&alt=s%73e&alt=2&&x=";

  CHECK(transformed(asking) == "done");

  CHECK(asking.request.query == "&&alt=s%73e&alt=2&&x=");
}

TEST_CASE("a query with a table in it is refused by name") {
  auto world = transforming("request.query.alt = {}");
  Asking asking(world);
  CHECK(transformed(asking) ==
        "failure: transform.lua: request: request.query.alt is a table, expected a string");
}

TEST_CASE("the body is decoded JSON, or nil") {
  const auto with = [](std::string text) { return [text](Asking& a) { a.give_body(text); }; };
  CHECK(seen("return request.body.contents[1].parts[1].text", with(some_body)) == "hi");
  CHECK(seen("return request.body", with("no json")) == "nil");
  CHECK(seen("return request.body") == "nil");
  CHECK(seen("return request.text") == "nil");
  CHECK(seen("return request.text", with("no json")) == "no json");
}

TEST_CASE("a body that no policy changes is sent byte for byte") {
  auto world =
      transforming("local _ = request.body.contents request.body.extra = 1 request.body.extra = nil");
  Asking asking(world);
  asking.give_body(some_body);

  CHECK(asking.body() == some_body);
  CHECK(transformed(asking) == "done");
  CHECK(asking.body() == some_body);
  CHECK(asking.exchange->body_to_send()->data() == asking.request.body_text.data());
}

TEST_CASE("an edited body keeps the order of its properties and the look of its numbers") {
  auto world =
      transforming("request.body.zeta = nil request.body.alpha.x = 'new' request.body.last = json.array()");
  Asking asking(world);
  asking.give_body(
      R"({"zeta":1,"omega":12345678901234567890,"empty":[],"none":{},"alpha":{"y":1.50,"x":null}})");

  CHECK(transformed(asking) == "done");

  CHECK(asking.body() ==
        R"({"omega":12345678901234567890,"empty":[],"none":{},"alpha":{"y":1.5,"x":"new"},"last":[]})");
}

TEST_CASE("a body may be replaced, and its text as well") {
  auto world = transforming("request.body = {a = 1} ");
  Asking asking(world);
  asking.give_body("old");
  CHECK(transformed(asking) == "done");
  CHECK(asking.body() == R"({"a":1})");

  auto other = transforming("request.body.a = 2 request.text = 'plain' assert(request.text == 'plain')");
  Asking asked(other);
  asked.give_body(R"({"a":1})");
  CHECK(transformed(asked) == "done");
  CHECK(asked.body() == "plain");
}

TEST_CASE("the text follows the changes of the body") {
  CHECK(seen("request.body.a = 2 return request.text", [](Asking& a) { a.give_body(R"({"a":1})"); }) ==
        R"({"a":2})");
}

TEST_CASE("a body that cannot be written is an error and not a wrong request") {
  auto world = transforming("request.body.f = function() end");
  Asking asking(world);
  asking.give_body("{}");
  CHECK(transformed(asking) == "done");
  CHECK_THAT(asking.body(), Catch::Matchers::StartsWith("error: request.body: "));
}

TEST_CASE("a body too large for the memory of policies is told, and passes where none looks at it") {
  PolicyLimits limits;
  limits.memory_bytes = 4 * 1024 * 1024;
  PolicyWorld world;
  const Modules modules{
      {"auth", "return {identify = function(request) local _ = request.body return deny(403, 'x') end}"}};
  auto loaded = PolicyState::load(policy_sources(modules), world.host, limits);
  REQUIRE(loaded);
  world.state = *loaded;
  Asking asking(world);
  asking.give_body("[\"" + std::string(8 * 1024 * 1024, ' ') + "\"]");
  CHECK(asking.identify() ==
        "failure: auth.lua:1: this body is too large to be decoded: policies have not the memory for it");
  CHECK(asking.exchange->body_to_send()->size() == asking.request.body_text.size());
}

TEST_CASE("the state goes from hook to hook") {
  PolicyWorld world(Modules{
      {"auth", "return {identify = function(request) request.state.seen = 'yes' return deny(403, 'x') end}"},
      {"models", "return {resolve = function(request, name) return name .. request.state.seen end}"}});
  Asking asking(world);
  asking.identify();
  CHECK(asking.resolve() == "gemini-2.5-flashyes");
  Asking another(world);
  CHECK(another.resolve() == "failure: models.lua:1: attempt to concatenate field 'seen' (a nil value)");
}

TEST_CASE("path and upstream model may be set before sending") {
  auto world =
      transforming("request.path = '/v1beta/models/other:generateContent' request.upstream_model = 'other'");
  Asking asking(world);
  CHECK(transformed(asking) == "done");
  CHECK(asking.request.path == "/v1beta/models/other:generateContent");
  CHECK(asking.request.upstream_model == "other");

  auto bad = transforming("request.path = '/a b'");
  Asking refused(bad);
  CHECK_THAT(transformed(refused),
             Catch::Matchers::StartsWith("failure: transform.lua:1: request.path: expected"));
}

TEST_CASE("a request that was kept says that it is over") {
  PolicyWorld world(Modules{{"auth",
                             "local kept, headers return {identify = function(request)\n"
                             "if kept then local _ = headers['x'] end\n"
                             "if kept then return kept.method end\n"
                             "kept, headers = request, request.headers return deny(403, 'first') end}"}});
  {
    Asking first(world);
    CHECK(first.identify() == "deny 403 first");
  }
  Asking second(world);
  CHECK(second.identify() == "failure: auth.lua:2: this request is over");
}

TEST_CASE("the client is there after identify") {
  PolicyWorld world(
      Modules{{"auth", "return {identify = function(request) return clients.find(request.token) end}"},
              {"models",
               "return {resolve = function(request) return request.client.name .. ' ' .. "
               "tostring(request.client:has_tag('friend')) .. table.concat(request.client.tags) end}"}});
  world.clients->restore({.id = "client-1", .name = "ann", .tags = {"friend"}});
  const auto bob = *world.clients->add("bobs-token", {.name = "bob"}, world.clock.wall());
  Asking asking(world);
  asking.request.token = "bobs-token";
  CHECK(asking.identify() == "the client bob");
  CHECK(asking.request.client == bob);
  CHECK(asking.resolve() == "bob false");

  Asking unknown(world);
  unknown.request.token = "nobody's";
  CHECK(unknown.identify() ==
        "failure: auth.lua: identify returned nothing, expected a client, own_key(...) or deny(...)");
}
