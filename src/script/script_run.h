// The floor of the script layer: a sandboxed Lua state, and functions run in it as coroutines under a budget.
// Everything that touches the Lua stack stays inside src/script.
#pragma once

#include <cstddef>
#include <functional>
#include <lua.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "script/policy_state.h"

namespace pollux {

class LentText;

// A value kept in the registry of a state.
class LuaRef {
 public:
  LuaRef() = default;
  LuaRef(lua_State* state, int index);  // A reference to the value there.
  LuaRef(LuaRef&& other) noexcept;
  LuaRef& operator=(LuaRef&& other) noexcept;
  ~LuaRef();
  void push(lua_State* state) const;
  explicit operator bool() const noexcept { return main_ != nullptr; }

 private:
  lua_State* main_ = nullptr;  // The main thread of the state: coroutines die.
  int reference_ = LUA_NOREF;
};

// Restores the top of the stack at the end of a scope.
class LuaStackGuard {
 public:
  explicit LuaStackGuard(lua_State* state) : state_(state), top_(lua_gettop(state)) {}
  ~LuaStackGuard() { lua_settop(state_, top_); }
  LuaStackGuard(const LuaStackGuard&) = delete;
  LuaStackGuard& operator=(const LuaStackGuard&) = delete;

 private:
  lua_State* state_;
  int top_;
};

// As luaL_loadbufferx for text alone; of bytecode it says that, and where. `chunk`: "=FILE" or "@FILE".
int load_lua_text(lua_State* state, std::string_view text, const char* chunk);

// Every C function that Lua can call goes through here: a C++ exception becomes a Lua error
// with the policy's file and line. Never `catch (...)`: on LuaJIT that would eat Lua's own errors. Bodies
// must hold no object with a destructor across a call that may raise a Lua error.
template <int (*Body)(lua_State*)>
int lua_entry(lua_State* state) {
  try {
    return Body(state);
  } catch (const std::exception& error) {
    luaL_where(state, 1);
    lua_pushstring(state, error.what());
  }
  lua_concat(state, 2);
  return lua_error(state);
}

// A running or waiting call. Destroying it abandons the coroutine; a waiting timer or fetch is cancelled.
class ScriptRun {
 public:
  virtual ~ScriptRun() = default;
};

class Script {
 public:
  // A fresh state: sandboxed standard library, json, crypto, time, log, shared, http, sleep. JIT off, memory
  // capped while policies run (what C++ pushes between bursts never fails for the cap). `require` finds
  // modules in `sources`: "keys" (the owner's or the shipped), "default.keys" (the shipped one).
  static Result<std::unique_ptr<Script>> create(PolicySources sources, const PolicyHost& host,
                                                const PolicyLimits& limits);
  virtual ~Script() = default;

  virtual lua_State* lua() noexcept = 0;
  virtual const PolicyHost& host() const noexcept = 0;
  virtual void attach(const PolicyHost& host) = 0;
  virtual const PolicyLimits& limits() const noexcept = 0;
  virtual std::size_t memory_in_use() const noexcept = 0;
  static Script& of(lua_State* state);  // From any coroutine of the state.

  // Gives every policy the value on top of lua()'s stack under this name, and pops it. A table becomes
  // read-only to them: give it all its fields before.
  virtual void define(const char* name) = 0;
  // Pushes the table of the names that one module alone sees, made at the first call: lua_rawset what it
  // shall find there before it is required, `settings` for instance. Policies cannot write to it.
  virtual void push_environment(std::string_view module) = 0;

  // Runs and caches the module, as `require` does, and pushes what it returned. Under the load budget.
  // The error reads "FILE.lua:LINE: message".
  virtual Result<void> require(std::string_view module) = 0;
  // Whether anybody has required it, by the name that `sources` know it by.
  virtual bool has_loaded(std::string_view module) = 0;

  // Runs the function that lies under its `argument_count` arguments on lua()'s stack (they are popped).
  // `done(lua, error)` is called once, from within or later: without an error the results are on the stack it
  // is given, from index 1, and are gone when it returns; with one, the message reads "FILE.lua:LINE:
  // message". Returns null if it is over already.
  using Done = std::function<void(lua_State* results, const Error* error)>;
  virtual std::unique_ptr<ScriptRun> run(int argument_count, Done done) = 0;

  // For C functions that wait: call as `return script.wait(state, start);` where `start` begins the work and
  // keeps what it returns alive until `resume(push_results)` is called from the loop (once; later calls do
  // nothing, and none is needed after the run was abandoned). `push_results` raises no Lua error and pushes
  // at most 16 values. Call require_waitable() first, while no C++ object is held: it raises a Lua error
  // where nobody can wait.
  using Resume = std::function<void(std::function<int(lua_State*)> push_results)>;
  virtual void require_waitable(lua_State* state, const char* function_name) = 0;
  virtual int wait(lua_State* state, std::function<std::shared_ptr<void>(Resume)> start) = 0;
};

// JSON between bytes and the Lua stack, in a state made by Script. Objects keep the order of their properties
// (new ones go to the end), `[]` and `{}` stay distinct, null is json.null, numbers that a double cannot hold
// keep their text. Tables made in Lua: with the keys 1 to n alone they are arrays, else objects with their
// properties sorted by name; an empty one is `{}`. Depth is limited to 200.
// Neither raises a Lua error, "not enough memory" included.

// Pushes one value, or nothing on an error. Of a text that is lent, long strings without blanks become blobs,
// see script/blob.h.
Result<void> json_decode(lua_State* state, std::string_view text, const LentText* lent = nullptr);
// Appends; on an error the text is as it was.
Result<void> json_encode(lua_State* state, int index, std::string& text);
void json_push_null(lua_State* state);
bool json_is_null(lua_State* state, int index);

}  // namespace pollux
