// Policies that run for too long.
#include <atomic>
#include <thread>
#include <vector>

#include "script/watchdog.h"
#include "script_fixture.h"

using namespace pollux;

namespace {

PolicyLimits brief() {
  PolicyLimits limits;
  limits.cpu_budget = std::chrono::milliseconds(40);
  limits.load_budget = std::chrono::milliseconds(60);
  return limits;
}

// CPU time of this thread, in milliseconds.
template <typename Work>
double cpu_ms(Work&& work) {
  const auto began = thread_cpu_time();
  work();
  return std::chrono::duration<double, std::milli>(thread_cpu_time() - began).count();
}

void check_stopped(const std::string& body, const std::string& expected_line = "1") {
  INFO(body);
  World world(
      {{"keys", "local calls = 0; return function() calls = calls + 1; if calls > 1 then return 'well' end " +
                    body + "\nend"}},
      brief());
  std::string outcome;
  const double took = cpu_ms([&] { outcome = world.call("keys"); });
  CHECK(outcome == "keys.lua:" + expected_line + ": stopped: it ran for more than 40 ms");
  CHECK(took < 2000);
  CHECK(world.call("keys") == "well");
  CHECK(world.call("keys") == "well");
}

}  // namespace

TEST_CASE("an endless loop is stopped and the state runs on") {
  check_stopped("while true do end");
  check_stopped("\nlocal n = 0\nrepeat n = n + 1 until false", "3");
  check_stopped("local function f() return f() end f()");
  check_stopped("::again:: goto again");
}

TEST_CASE("a pcall in a loop does not swallow the stop") {
  check_stopped("while true do pcall(function() while true do end end) end");
  check_stopped("while true do pcall(pcall, pcall, function() while true do end end) end");
  check_stopped("while true do pcall(error) end");
  check_stopped("local function f() while true do pcall(f) end end f()");
  check_stopped(
      "while true do xpcall(function() while true do end end, function() while true do end end) end");
  check_stopped("xpcall(error, function() while true do end end)");
}

TEST_CASE("a loop of functions in C++ is stopped") {
  check_stopped("while true do ('x'):rep(10) end");
  check_stopped("local t = {} while true do t.x = tostring(#t) end");
  check_stopped("local s = ('x'):rep(1000) while true do s:gsub('x', function() end) end");
  check_stopped(
      "local t = {} for i = 1, 3e5 do t[i] = i % 1000 end table.sort(t, rawequal) while true do "
      "table.sort(t) end");
  check_stopped("while true do table.sort({3, 2, 1}, function(a, b) return a < b end) end");
  check_stopped(
      "local t = {} for i = 1, 1e5 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) "
      "end");
  check_stopped("while true do json.encode(json.decode('[1,2,3]')) end");
  check_stopped(
      "local t = setmetatable({}, {__index = function() return nil end}) while true do local x = t.y end");
}

TEST_CASE("an encoder is stopped within a table that stands in many places") {
  check_stopped("local t = {} for i = 1, 60 do t = {t, t} end json.encode(t) while true do end");
}

TEST_CASE("a pattern that backtracks without end is too expensive") {
  PolicyLimits patient;
  patient.cpu_budget = std::chrono::seconds(30);
  const auto outcome = [&patient](const std::string& body) { return evaluate(body, patient); };
  CHECK(outcome("return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(31))") ==
        "keys.lua:1: pattern is too expensive");
  CHECK(outcome("return ('a'):rep(60):find('.-.-.-.-.-.-.-.-b')") == "keys.lua:1: pattern is too expensive");
  CHECK(outcome("return (pcall(string.match, ('a'):rep(5000), '(.*)(.*)(.*)(.*)b'))") == "false");
  CHECK(outcome("return (pcall(string.gsub, ('a'):rep(5000), '(.*)(.*)(.*)(.*)b', ''))") == "false");
}

TEST_CASE("patterns that cost too much one after the other are stopped") {
  check_stopped("while true do pcall(string.find, ('a'):rep(60), '.-.-.-.-.-.-.-.-b') end");
}

TEST_CASE("a runaway while loading is stopped with its line") {
  World world({{"keys", "\nwhile true do pcall(function() while true do end end) end"},
               {"auth", "while true do end"},
               {"models", "return 'well'"}},
              brief());
  CHECK(world.require("keys") == "keys.lua:2: stopped: it ran for more than 60 ms");
  CHECK(world.require("auth") == "auth.lua:1: stopped: it ran for more than 60 ms");
}

TEST_CASE("a module that is required within a hook is stopped with the hook") {
  World world({{"keys", "return function() return require 'lib' end"}, {"lib", "\n\nwhile true do end"}},
              brief());
  CHECK(world.call("keys") == "lib.lua:3: stopped: it ran for more than 40 ms");
}

TEST_CASE("work within the budget is left alone") {
  PolicyLimits limits;
  limits.cpu_budget = std::chrono::seconds(30);
  World world({{"keys", "return function() local n = 0 for i = 1, 3e6 do n = n + i % 7 end return n end"}},
              limits);
  CHECK(world.call("keys") == "8999997");
}

TEST_CASE("many short runs are not taken for a long one") {
  World world({{"keys", "return function() local n = 0 for i = 1, 1000 do n = n + i end return n end"}},
              brief());
  bool all_well = true;
  const double took = cpu_ms([&] {
    for (int i = 0; i < 20'000; ++i) {
      all_well = all_well && world.call("keys") == "500500";
      lua_settop(world.script->lua(), 0);
    }
  });
  CHECK(took > 60);
  CHECK(all_well);
}

TEST_CASE("each thread stops its own runaways") {
  std::atomic<int> stopped = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stopped] {
      const SystemClock clock;
      PolicyHost host;
      host.clock = &clock;
      auto script = Script::create(
          Modules{{"keys", "return function() while true do pcall(error) end end"}}.sources, host, brief());
      for (int round = 0; round < 3; ++round) {
        if (!(*script)->require("keys")) return;
        (*script)->run(0, [&stopped](lua_State*, const Error* error) {
          if (error && error->message.find("stopped: it ran") != std::string::npos) ++stopped;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(stopped == 9);
}

TEST_CASE("a state that was made on one thread is watched on another") {
  World world({{"keys", "return function() while true do end end"}}, brief());
  REQUIRE(world.script->require("keys"));
  std::string outcome;
  std::thread([&] {
    world.script->run(
        0, [&outcome](lua_State*, const Error* error) { outcome = error ? error->message : "none"; });
  }).join();
  CHECK(outcome == "keys.lua:1: stopped: it ran for more than 40 ms");
}
