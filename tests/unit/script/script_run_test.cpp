// A state, its modules, and functions that run in it.
#include <chrono>
#include <stdexcept>

#include "script_fixture.h"

using namespace pollux;

namespace {

int explode(lua_State*) {
  throw std::runtime_error("boom");
}

}  // namespace

TEST_CASE("a module is run once and gives what it returned") {
  World world({{"keys", "return {answer = 42}"}, {"auth", "return require 'keys' == require 'keys'"}});
  CHECK(world.require("auth") == "true");
}

TEST_CASE("a required value lies on the stack of the state") {
  World world({{"keys", "return {answer = 42}"}});

  REQUIRE(world.script->require("keys"));

  CHECK(World::shown(world.script->lua(), -1) == R"({"answer":42})");
  CHECK(lua_gettop(world.script->lua()) == 1);
}

TEST_CASE("modules in folders are found by dots and by slashes") {
  World world({{"lib/thing", "return 'thing'"},
               {"keys", "return require 'lib.thing' .. require 'lib/thing'"},
               {"dialects/openai", "return 'mine'"},
               {"default.dialects/openai", "return 'shipped'"}});
  CHECK(world.require("keys") == "thingthing");
  CHECK(world.require("default.dialects.openai") == "shipped");
  CHECK(world.require("dialects.openai") == "mine");
}

TEST_CASE("a shipped module without an owner's before it has its plain name and the default one") {
  World world({{"keys", "return {}"}, {"auth", "return require 'default.keys' == require 'keys'"}});
  CHECK(world.require("auth") == "true");
}

TEST_CASE("a module that nobody wrote is named with the line that wants it") {
  World world({{"keys", "\nreturn require 'kyes'"}});
  CHECK(world.require("keys") == "keys.lua:2: require: there is no module \"kyes\" in the search path");
}

TEST_CASE("modules that need each other are refused and not run for ever") {
  World world({{"keys", "return require 'auth'"}, {"auth", "return require 'keys'"}});
  CHECK(world.require("keys") == "auth.lua:1: require: keys requires auth requires keys");
}

TEST_CASE("a module that failed can be required again") {
  World world(
      {{"keys", "local ok = pcall(require, 'bad'); local again, why = pcall(require, 'bad'); return why"},
       {"bad", "error('no')"}});
  CHECK(world.require("keys") == "bad.lua:1: no");
}

TEST_CASE("errors of modules name file and line") {
  CHECK(World({{"keys", "local x = \n= 3"}}).require("keys").starts_with("keys.lua:2: "));
  CHECK(World({{"keys", "\n\nlocal x = nil + 1"}}).require("keys").starts_with("keys.lua:3: "));
  CHECK(World({{"keys", "error({})"}}).require("keys") == "keys.lua:1: error object is a table");
  CHECK(World({{"keys", "error('plain', 0)"}}).require("keys") == "keys.lua:1: plain");
  CHECK(World({{"keys", "\x1bLJ\x02"}}).require("keys").starts_with("keys.lua:1: "));
}

TEST_CASE("a function runs with its arguments and gives its results") {
  World world({{"keys", "return function(a, b) return b, a, #a end"}});
  REQUIRE(world.script->require("keys"));
  lua_State* lua = world.script->lua();
  lua_pushliteral(lua, "one");
  lua_pushnumber(lua, 2);
  std::string outcome;

  auto run = world.script->run(2, [&](lua_State* results, const Error* error) {
    REQUIRE(!error);
    for (int i = 1; i <= lua_gettop(results); ++i) outcome += World::shown(results, i) + ";";
  });

  CHECK(!run);
  CHECK(outcome == "2;one;3;");
  CHECK(lua_gettop(lua) == 0);
}

TEST_CASE("a coroutine that has ended serves the next run") {
  World world({{"keys", "local n = 0; return function() n = n + 1; local a, b, c = 1, 2, 3; return n end"}});
  std::string outcomes;
  for (int i = 0; i < 5; ++i) outcomes += world.call("keys") + " ";
  CHECK(outcomes == "1 2 3 4 5 ");
  lua_gc(world.script->lua(), LUA_GCCOLLECT, 0);
  lua_pop(world.script->lua(), lua_gettop(world.script->lua()));
  const std::size_t before = world.script->memory_in_use();
  for (int i = 0; i < 1000; ++i) world.call("keys");
  lua_gc(world.script->lua(), LUA_GCCOLLECT, 0);
  CHECK(world.script->memory_in_use() < before + 1000);
}

TEST_CASE("errors of functions name file and line") {
  CHECK(evaluate("\nlocal t = nil; return t.x") == "keys.lua:2: attempt to index local 't' (a nil value)");
  CHECK(evaluate("error('no')") == "keys.lua:1: no");
  CHECK(evaluate("\n\nerror({code = 1})") == "keys.lua:3: error object is a table");
  CHECK(evaluate("error()") == "keys.lua:1: error object is a nil");
  CHECK(evaluate("error(setmetatable({}, {__tostring = function() while true do end end}))") ==
        "keys.lua:1: error object is a table");
  CHECK(evaluate("return ('x'):rep(-1) .. nil").starts_with("keys.lua:1: attempt to concatenate"));
  CHECK(evaluate("return table.concat({{}})").starts_with("keys.lua:1: "));
  CHECK(evaluate("return string.rep()").starts_with("keys.lua:1: bad argument #1"));
}

TEST_CASE("after an error the state runs on") {
  World world(
      {{"keys",
        "local n = 0; return function() n = n + 1; if n % 2 == 1 then error('odd') end return n end"}});
  CHECK(world.call("keys") == "keys.lua:1: odd");
  CHECK(world.call("keys") == "2");
  CHECK(world.call("keys") == "keys.lua:1: odd");
  CHECK(world.call("keys") == "4");
}

TEST_CASE("what the program defines is seen by all policies and changed by none") {
  World world({{"keys", "return deny.status"}, {"auth", "deny.status = 1"}, {"models", "deny = 1"}});
  lua_State* lua = world.script->lua();
  lua_newtable(lua);
  lua_pushnumber(lua, 403);
  lua_setfield(lua, -2, "status");
  world.script->define("deny");

  CHECK(lua_gettop(lua) == 0);
  CHECK(world.require("keys") == "403");
  CHECK(world.require("auth") == "auth.lua:1: deny is read-only: its 'status' cannot be set");
  CHECK(world.require("models") == "models.lua:1: policies have no globals: deny");
}

TEST_CASE("a module's own names are not seen by another") {
  World world({{"keys", "return settings"}, {"auth", "return settings"}});
  lua_State* lua = world.script->lua();
  world.script->push_environment("keys");
  lua_pushliteral(lua, "of keys");
  lua_pushliteral(lua, "settings");
  lua_insert(lua, -2);
  lua_rawset(lua, -3);
  lua_pop(lua, 1);

  CHECK(world.require("keys") == "of keys");
  CHECK(world.require("auth") == "true");
}

TEST_CASE("references hold values until they are gone") {
  World world;
  lua_State* lua = world.script->lua();
  lua_newtable(lua);
  LuaRef reference(lua, -1);
  lua_pop(lua, 1);
  lua_gc(lua, LUA_GCCOLLECT, 0);

  LuaRef moved = std::move(reference);
  moved.push(lua);

  CHECK(lua_istable(lua, -1));
  CHECK(!reference);
  CHECK(&Script::of(lua) == world.script.get());
}

TEST_CASE("a state may be destroyed by the end of a run") {
  auto world = std::make_unique<World>(Modules{{"keys", "return function() end"}});
  REQUIRE(world->script->require("keys"));
  Script* script = world->script.get();

  auto run = script->run(0, [&](lua_State*, const Error*) { world.reset(); });

  CHECK(!run);
  CHECK(!world);
}

TEST_CASE("a C++ exception in a function of C++ is an error of the policy's line") {
  World world({{"keys", "\nreturn explode()"}});
  lua_State* lua = world.script->lua();
  lua_pushcfunction(lua, &lua_entry<explode>);
  world.script->define("explode");
  CHECK(world.require("keys") == "keys.lua:2: boom");
}

TEST_CASE("a call costs less than a microsecond", "[.measure]") {
  World world({{"keys", "return function(a) return a end"}});
  REQUIRE(world.script->require("keys"));
  lua_State* lua = world.script->lua();
  constexpr int rounds = 1'000'000;
  int ended = 0;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) {
    lua_pushvalue(lua, 1);
    lua_pushinteger(lua, i);
    world.script->run(1, [&ended](lua_State*, const Error*) { ++ended; });
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  WARN(took.count() / rounds << " ns a call");
  CHECK(ended == rounds);
}
