// Policies that wait.
#include <deque>
#include <optional>

#include "net/timer.h"
#include "waiting_world.h"

using namespace pollux;

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
