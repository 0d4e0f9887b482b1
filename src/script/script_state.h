// The Lua state behind Script: what the files of this folder share about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "script/blob.h"
#include "script/json_shapes.h"
#include "script/lent_text.h"
#include "script/log_allowance.h"
#include "script/lua_memory.h"
#include "script/script_run.h"

namespace pollux {

class WaitingRun;

// What a coroutine waits for. `run` is null before it has yielded, and after it was abandoned.
struct Wait {
  WaitingRun* run = nullptr;
  std::shared_ptr<void> work;
  bool resumed = false;
  std::optional<std::function<int(lua_State*)>> early;  // What came before the coroutine had yielded.
};

// A Lua thread, anchored in the registry.
struct Coroutine {
  lua_State* thread = nullptr;
  int anchor = LUA_NOREF;
};

class ScriptState final : public Script {
 public:
  ScriptState(PolicySources sources, const PolicyHost& host, const PolicyLimits& limits);
  ~ScriptState() override;
  // Makes the state itself; false where LuaJIT cannot.
  bool open();
  static ScriptState& of(lua_State* state);

  lua_State* lua() noexcept override { return main_; }
  const PolicyHost& host() const noexcept override { return host_; }
  void attach(const PolicyHost& host) override { host_ = host; }
  const PolicyLimits& limits() const noexcept override { return limits_; }
  std::size_t memory_in_use() const noexcept override { return memory_.in_use(); }
  void define(const char* name) override;
  void push_environment(std::string_view module) override;
  Result<void> require(std::string_view module) override;
  bool has_loaded(std::string_view module) override;
  std::unique_ptr<ScriptRun> run(int argument_count, Done done) override;
  void require_waitable(lua_State* state, const char* function_name) override;
  int wait(lua_State* state, std::function<std::shared_ptr<void>(Resume)> start) override;

  LuaMemory& memory() noexcept { return memory_; }
  JsonShapes& json() noexcept { return json_; }
  LentTexts& lent_texts() noexcept { return lent_texts_; }
  Blobs& blobs() noexcept { return blobs_; }
  LogAllowance& log_allowance() noexcept { return log_allowance_; }
  // Text on its way to Lua: an error while it is pushed leaves nothing behind.
  std::string& scratch() noexcept { return scratch_; }
  // The modules that are being loaded, each required by the one before it.
  std::vector<const PolicySource*>& loading() noexcept { return loading_; }
  // How many of them C++ required: 1 while it loads a module, else 0.
  std::size_t loading_roots() const noexcept { return loading_roots_; }
  // "keys.lua:7: ": the last line with a `return` of the module that is being loaded, if there is one.
  std::string position_of_loading() const;
  const PolicySource* find_source(std::string_view module) const;
  WallTime now() const;
  Milliseconds monotonic() const;

  // Calls to Lua within Lua within ... that go by way of C++ take C++'s stack.
  static constexpr int max_nested_calls = 100;
  int nested_calls = 0;

  // One burst: resumes until the end or the next wait, which it gives to `waiting`.
  int resume(Coroutine& coroutine, int argument_count, std::shared_ptr<Wait>& waiting);
  // Why a coroutine ended with this status; `position` stands first if nothing better is known.
  Error describe(lua_State* thread, int status, const std::string& position) const;
  // Tells `done` of the end of a run, and keeps the coroutine for the next. The state may be gone after it.
  void finish(Coroutine coroutine, Done& done, const Error* error);
  void drop(Coroutine& coroutine);

 private:
  Coroutine take_coroutine();
  void give_back(Coroutine coroutine);
  // One burst of a coroutine that must not wait, within what is left of the budget for loading.
  int load(Coroutine& coroutine, int argument_count);
  void tidy();

  LuaMemory memory_;
  PolicySources sources_;
  PolicyHost host_;
  PolicyLimits limits_;
  lua_State* main_ = nullptr;
  JsonShapes json_;
  LentTexts lent_texts_;
  Blobs blobs_;
  LogAllowance log_allowance_;
  std::string scratch_;
  std::vector<Coroutine> idle_;
  lua_State* running_ = nullptr;      // The coroutine of the burst that goes on now.
  std::shared_ptr<Wait> begun_wait_;  // What it has begun to wait for.
  std::string stop_message_;          // Of the last burst, where it was cut off.
  std::chrono::nanoseconds load_spent_{0};
  std::vector<const PolicySource*> loading_;
  std::size_t loading_roots_ = 0;
  static constexpr std::size_t kept_bytes_step = std::size_t{16} * 1024 * 1024;
  std::size_t collect_at_bytes_;                         // Past it, the garbage is collected after a burst.
  std::size_t collect_at_kept_bytes_ = kept_bytes_step;  // The same of texts that blobs keep.
  bool collects_often_ = false;
  bool* destroyed_ = nullptr;  // Told by the destructor: a run's `done` may destroy the state.
};

// A run that has waited at least once.
class WaitingRun final : public ScriptRun {
 public:
  WaitingRun(ScriptState& state, Coroutine coroutine, LuaRef function, Script::Done done,
             std::shared_ptr<Wait> wait);
  ~WaitingRun() override;
  void proceed(const std::function<int(lua_State*)>& push_results);

 private:
  ScriptState& state_;
  Coroutine coroutine_;
  LuaRef function_;
  Script::Done done_;
  std::shared_ptr<Wait> wait_;
};

// lua_call for functions of ours that call Lua: an error where such calls are nested too deeply.
int call_nested(lua_State* state, int argument_count, int result_count);

// Before a large allocation: collects the garbage if it would not fit else.
void make_room(lua_State* state, std::size_t bytes);

// The environment of policies (sandbox.cpp).
void open_sandbox(lua_State* state);
// Replaces the table on top by one that shows the same and cannot be changed. Metatables of both are hidden.
void make_read_only(lua_State* state, const char* name);
// Raises an error for a table that policies must not change.
void require_writable(lua_State* state, int index);
int lua_require(lua_State* state);
// Of a module's name: what it returned and a null light userdata; or its text as a function, and its source.
int lua_prepare_module(lua_State* state);
// Remembers the value on top as what the module returned.
void keep_loaded(lua_State* state, const PolicySource& source);

}  // namespace pollux
