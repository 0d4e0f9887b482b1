// Policies that wait: sleep and http.fetch.
#include <deque>
#include <optional>

#include "http/client.h"
#include "net/timer.h"
#include "script_fixture.h"

using namespace pollux;

namespace {

// An HTTP client that answers as the test tells it, on the loop's next turn.
class FakeClient final : public HttpClient {
 public:
  struct Seen {
    std::string origin, method, target, body;
    Headers headers;
  };
  struct Script {
    std::vector<std::string> chunks;
    int status = 200;
    Headers headers;
    BodyLength length = BodyLength::unknown();
    std::optional<TransportError> error;
    bool hangs = false;
  };

  explicit FakeClient(Loop& loop) : loop_(loop) {}

  std::unique_ptr<ClientRequest> start(const Origin& origin, const std::optional<Proxy>&,
                                       const OutgoingRequest& request, ResponseEvents& events) override {
    seen.push_back({origin.text(), std::string(request.method), std::string(request.target),
                    std::string(request.body), *request.headers});
    ++open;
    auto alive = std::make_shared<bool>(true);
    if (!script.hangs) {
      loop_.post([this, alive, &events] { play(alive, events); });
    }
    return std::make_unique<Request>(*this, alive);
  }
  std::size_t idle_connections() const override { return 0; }

  std::vector<Seen> seen;
  Script script;
  int open = 0;

 private:
  class Request final : public ClientRequest {
   public:
    Request(FakeClient& client, std::shared_ptr<bool> alive) : client_(client), alive_(std::move(alive)) {}
    ~Request() override { *alive_ = false, --client_.open; }
    void send_body(std::string_view) override {}
    void end_body() override {}
    std::size_t queued_bytes() const override { return 0; }
    void pause() override {}
    void resume() override {}

   private:
    FakeClient& client_;
    std::shared_ptr<bool> alive_;
  };

  void play(const std::shared_ptr<bool>& alive, ResponseEvents& events) {
    if (!*alive) return;
    if (script.error) return events.on_response_error(*script.error);
    ResponseHead head;
    head.status = script.status;
    head.headers = script.headers;
    events.on_response_head(head, script.length);
    for (const std::string& chunk : script.chunks) {
      if (*alive) events.on_response_body(chunk);
    }
    if (*alive) events.on_response_end();
  }

  Loop& loop_;
};

// A world whose policies can wait. Members are destroyed from the last: the loop comes first.
struct WaitingWorld {
  explicit WaitingWorld(Modules modules, const PolicyLimits& limits = {})
      : client(loop), world(std::move(modules), limits) {
    PolicyHost host = world.host;
    host.loop = &loop;
    host.http = &client;
    world.script->attach(host);
  }

  // Runs "keys" and then the loop, until the outcome is there.
  std::string call() {
    outcome.reset();
    REQUIRE(world.script->require("keys"));
    world.run = world.script->run(0, [this](lua_State* results, const Error* error) {
      outcome = error ? error->message : "";
      for (int i = 1; !error && i <= lua_gettop(results); ++i)
        *outcome += (i > 1 ? " " : "") + World::shown(results, i);
      loop.stop();
    });
    if (!outcome) loop.run();
    return outcome.value_or("none");
  }

  Loop loop;
  FakeClient client;
  World world;
  std::optional<std::string> outcome;
};

std::string fetched(const std::string& arguments, FakeClient::Script script = {}) {
  WaitingWorld world({{"keys", "return function() return http.fetch" + arguments + "\nend"}});
  world.client.script = std::move(script);
  return world.call();
}

}  // namespace

TEST_CASE("a policy that sleeps goes on with what it had") {
  WaitingWorld world(
      {{"keys", "return function() local a = 1 sleep(0.01) local b = 2 sleep(0) return a + b end"}});
  CHECK(world.call() == "3");
  CHECK(world.call() == "3");
}

TEST_CASE("a policy sleeps within pcall, xpcall and iterators") {
  WaitingWorld world({{"keys",
                       "return function() local ok, n = pcall(function() sleep(0.001) return 5 end) "
                       "local ok2, why = pcall(function() sleep(0.001) error('late', 0) end) "
                       "local ok3, m = xpcall(function() sleep(0.001) return 6 end, print) "
                       "local sum = 0 for i in function(_, i) sleep(0.001) i = (i or 0) + 1 if i < 4 then "
                       "return i end end do "
                       "sum = sum + i end return ok, n, ok2, why, ok3, m, sum end"}});
  CHECK(world.call() == "true 5 false late true 6 6");
}

TEST_CASE("an error after a sleep names its line") {
  WaitingWorld world({{"keys", "return function()\n sleep(0.001)\n error('no') end"}});
  CHECK(world.call() == "keys.lua:3: no");
}

TEST_CASE("many sleep at the same time and each gets its own back") {
  WaitingWorld world({{"keys", "return function(n) sleep(0.001 * (n % 5)) return n end"}});
  REQUIRE(world.world.script->require("keys"));
  std::vector<std::unique_ptr<ScriptRun>> runs;
  int sum = 0, ended = 0;
  lua_State* lua = world.world.script->lua();
  for (int i = 1; i <= 100; ++i) {
    lua_pushvalue(lua, 1);
    lua_pushinteger(lua, i);
    runs.push_back(world.world.script->run(1, [&](lua_State* results, const Error* error) {
      REQUIRE(!error);
      sum += static_cast<int>(lua_tointeger(results, 1));
      if (++ended == 100) world.loop.stop();
    }));
  }
  world.loop.run();
  CHECK(sum == 5050);
}

TEST_CASE("a run that is given up is never heard of again") {
  WaitingWorld world({{"keys", "return function() sleep(0.02) end"}});
  REQUIRE(world.world.script->require("keys"));
  bool heard = false;
  auto run = world.world.script->run(0, [&](lua_State*, const Error*) { heard = true; });
  REQUIRE(run);

  run.reset();

  Timer later(world.loop, [&] { world.loop.stop(); });
  later.start(Milliseconds(60));
  world.loop.run();
  CHECK(!heard);
  CHECK(world.outcome.has_value() == false);
}

TEST_CASE("the end of a run that waited may destroy the run and the state") {
  Loop loop;
  auto world = std::make_unique<World>(Modules{{"keys", "return function() sleep(0.001) end"}});
  PolicyHost host = world->host;
  host.loop = &loop;
  world->script->attach(host);
  REQUIRE(world->script->require("keys"));
  world->run = world->script->run(0, [&](lua_State*, const Error*) {
    world.reset();
    loop.stop();
  });
  loop.run();
  CHECK(!world);
}

TEST_CASE("nobody waits while a module is loaded, or within a function that C++ calls") {
  CHECK(evaluate("sleep(1)") == "keys.lua:1: sleep: only inside a hook");
  CHECK(evaluate("local r = http.fetch{url = 'https://example.org/'}") ==
        "keys.lua:1: http.fetch: only inside a hook");
  WaitingWorld world({{"keys", "return function() ('x'):gsub('x', function() sleep(0.001) end) end"},
                      {"auth", "sleep(0.1) return 1"}});
  CHECK(world.call() == "keys.lua:1: sleep: not inside a function that C++ calls (of gsub or sort)");
  CHECK(world.world.require("auth") == "auth.lua:1: sleep: only inside a hook");
}

TEST_CASE("a sleep that is too long or no number is refused") {
  CHECK(evaluate("sleep(601)").find("0 to 600 seconds are possible") != std::string::npos);
  CHECK(evaluate("sleep(-1)").find("0 to 600 seconds are possible") != std::string::npos);
  CHECK(evaluate("sleep(0/0)").find("0 to 600 seconds are possible") != std::string::npos);
  CHECK(evaluate("sleep('x')").find("number expected") != std::string::npos);
}

TEST_CASE("the budget begins anew after a wait") {
  PolicyLimits limits;
  limits.cpu_budget = std::chrono::milliseconds(60);
  WaitingWorld world(
      {{"keys",
        "return function() local t = time.now() for i = 1, 20 do for j = 1, 2e5 do end sleep(0) end "
        "return 'well' end"}},
      limits);
  CHECK(world.call() == "well");
  WaitingWorld other({{"keys", "return function() sleep(0.001)\nwhile true do pcall(error) end end"}},
                     limits);
  CHECK(other.call() == "keys.lua:2: stopped: it ran for more than 60 ms");
}

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
}
