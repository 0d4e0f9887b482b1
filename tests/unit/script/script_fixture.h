// A small world for tests of the script layer: policies are given as texts, outcomes are read as texts.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "catch.h"
#include "script/script_run.h"

namespace pollux {

struct Module {
  std::string name, text;
};

// The sources of {{"keys", "return {}"}, ...}.
class Modules {
 public:
  Modules(std::initializer_list<Module> modules) {
    for (const Module& module : modules) {
      PolicySource source;
      source.module = module.name;
      source.file = module.name + ".lua";
      source.text = module.text;
      sources.emplace(module.name, std::move(source));
    }
  }
  PolicySources sources;
};

class World {
 public:
  explicit World(Modules modules = {}, const PolicyLimits& limits = {}) {
    host.clock = &clock;
    shared = SharedTable::create(clock);
    host.shared = shared.get();
    cache = SharedTable::create_cache(clock);
    host.cache = cache.get();
    auto created = Script::create(std::move(modules.sources), host, limits);
    REQUIRE(created);
    script = std::move(*created);
  }

  // What the value at `index` looks like: texts as they are, other values as JSON, or their type.
  static std::string shown(lua_State* state, int index) {
    if (lua_type(state, index) == LUA_TSTRING) {
      std::size_t size = 0;
      const char* text = lua_tolstring(state, index, &size);
      return {text, size};
    }
    std::string text;
    return json_encode(state, index, text) ? text : luaL_typename(state, index);
  }

  // The module's value, or the error.
  std::string require(std::string_view module) {
    const LuaStackGuard guard(script->lua());
    const Result<void> required = script->require(module);
    return required ? shown(script->lua(), -1) : required.error().message;
  }

  // Calls what the module returned, which is a function: its results with blanks between, or the error.
  std::string call(std::string_view module) {
    std::string outcome = "waiting";
    REQUIRE(script->require(module));
    run = script->run(0, [&outcome](lua_State* results, const Error* error) {
      outcome = error ? error->message : "";
      if (error) return;
      for (int i = 1; i <= lua_gettop(results); ++i) outcome += (i > 1 ? " " : "") + shown(results, i);
    });
    return outcome;
  }

  ManualClock clock{WallTime(Milliseconds(1'795'219'200'000))};
  std::unique_ptr<SharedTable> shared, cache;
  PolicyHost host;
  std::unique_ptr<Script> script;
  std::unique_ptr<ScriptRun> run;
};

// What the body of a function in "keys.lua" returns, or the error. Its text begins on the first line.
inline std::string evaluate(const std::string& body, const PolicyLimits& limits = {}) {
  World world({{"keys", "return function() " + body + "\nend"}}, limits);
  return world.call("keys");
}

}  // namespace pollux
