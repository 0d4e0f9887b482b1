#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "net/loop.h"
#include "script/script_state.h"
#include "script/watchdog.h"

namespace pollux {

namespace {

constexpr std::size_t max_idle_coroutines = 64;

int on_panic(lua_State* state) {
  const char* text = lua_tostring(state, -1);
  log_error("Lua failed outside of a protected call", {{"message", text ? text : "unknown"}});
  std::abort();
}

// Whether the text begins as "keys.lua:7: ".
bool has_position(std::string_view message) {
  constexpr std::string_view suffix = ".lua:";
  std::size_t at = message.find(suffix);
  if (at == std::string_view::npos) return false;
  at += suffix.size();
  const std::size_t digits = message.find_first_not_of("0123456789", at);
  return digits != at && digits != std::string_view::npos && message[digits] == ':';
}

// "keys.lua:7: ": where the thread stood when it ended, as far as that is known.
std::string position_of(lua_State* thread) {
  lua_Debug where;
  for (int level = 0; level < 200 && lua_getstack(thread, level, &where); ++level) {
    if (lua_getinfo(thread, "Sl", &where) && where.currentline > 0 && where.source[0] == '@') {
      return std::string(where.short_src) + ":" + std::to_string(where.currentline) + ": ";
    }
  }
  return {};
}

// The same of the first line of the function on top, which it pops.
std::string pop_begin_of_function(lua_State* state) {
  lua_Debug function;
  lua_getinfo(state, ">S", &function);
  if (function.linedefined < 0) return {};
  return std::string(function.short_src) + ":" + std::to_string(std::max(function.linedefined, 1)) + ": ";
}

}  // namespace

Result<std::unique_ptr<Script>> Script::create(PolicySources sources, const PolicyHost& host,
                                               const PolicyLimits& limits) {
  auto script = std::make_unique<ScriptState>(std::move(sources), host, limits);
  if (!script->open())
    return internal_error("LuaJIT makes no state here: it must be built with LUAJIT_ENABLE_GC64");
  return std::unique_ptr<Script>(std::move(script));
}

Script& Script::of(lua_State* state) {
  return ScriptState::of(state);
}

ScriptState& ScriptState::of(lua_State* state) {
  void* memory = nullptr;
  lua_getallocf(state, &memory);
  return static_cast<LuaMemory*>(memory)->owner();
}

ScriptState::ScriptState(PolicySources sources, const PolicyHost& host, const PolicyLimits& limits)
    : memory_(*this, limits.memory_bytes),
      sources_(std::move(sources)),
      host_(host),
      limits_(limits),
      collect_at_bytes_(limits.memory_bytes / 2) {}

ScriptState::~ScriptState() {
  if (destroyed_) *destroyed_ = true;
  if (main_) lua_close(main_);
}

bool ScriptState::open() {
  main_ = lua_newstate(&LuaMemory::allocate, &memory_);
  if (!main_) return false;
  lua_atpanic(main_, on_panic);
  json_.open(main_);
  blobs_.open(main_);
  open_sandbox(main_);
  return true;
}

const PolicySource* ScriptState::find_source(std::string_view module) const {
  const auto found = sources_.find(module);
  return found == sources_.end() ? nullptr : &found->second;
}

WallTime ScriptState::now() const {
  return host_.clock ? host_.clock->wall() : SystemClock().wall();
}

Milliseconds ScriptState::monotonic() const {
  return host_.clock ? host_.clock->monotonic() : SystemClock().monotonic();
}

Coroutine ScriptState::take_coroutine() {
  if (!idle_.empty()) {
    const Coroutine coroutine = idle_.back();
    idle_.pop_back();
    return coroutine;
  }
  Coroutine coroutine;
  coroutine.thread = lua_newthread(main_);
  coroutine.anchor = luaL_ref(main_, LUA_REGISTRYINDEX);
  return coroutine;
}

void ScriptState::give_back(Coroutine coroutine) {
  lua_settop(coroutine.thread, 0);
  if (idle_.size() < max_idle_coroutines) return idle_.push_back(coroutine);
  drop(coroutine);
}

void ScriptState::drop(Coroutine& coroutine) {
  luaL_unref(main_, LUA_REGISTRYINDEX, coroutine.anchor);
  coroutine = {};
}

int ScriptState::resume(Coroutine& coroutine, int argument_count, std::shared_ptr<Wait>& waiting) {
  lua_State* const outer = std::exchange(running_, coroutine.thread);
  const int outer_calls = std::exchange(nested_calls, 0);
  int status = 0;
  stop_message_.clear();
  {
    const LuaMemory::Enforced capped(memory_, coroutine.thread);
    const CpuBurst burst(main_, limits_.cpu_budget, limits_.cpu_budget);
    status = lua_resume(coroutine.thread, argument_count);
    if (status > LUA_YIELD) {
      if (const char* message = burst.stopped_message()) stop_message_ = message;
    }
  }
  running_ = outer;
  nested_calls = outer_calls;
  waiting = std::move(begun_wait_);
  return status;
}

std::unique_ptr<ScriptRun> ScriptState::run(int argument_count, Done done) {
  Coroutine coroutine = take_coroutine();
  lua_checkstack(coroutine.thread, argument_count + LUA_MINSTACK);
  lua_xmove(main_, coroutine.thread, argument_count + 1);
  lua_pushvalue(coroutine.thread, -argument_count - 1);
  lua_xmove(coroutine.thread, main_,
            1);  // The function stays known, should it fail without a trace of its line.

  std::shared_ptr<Wait> waiting;
  int status = resume(coroutine, argument_count, waiting);
  while (status == LUA_YIELD && waiting && waiting->early) {
    const int count = (*waiting->early)(coroutine.thread);
    status = resume(coroutine, count, waiting);
  }
  if (status == LUA_YIELD && waiting) {
    LuaRef function(main_, -1);
    lua_pop(main_, 1);
    tidy();
    return std::make_unique<WaitingRun>(*this, coroutine, std::move(function), std::move(done),
                                        std::move(waiting));
  }
  if (status == LUA_OK) {
    lua_pop(main_, 1);
    finish(coroutine, done, nullptr);
  } else {
    const Error error = describe(coroutine.thread, status, pop_begin_of_function(main_));
    finish(coroutine, done, &error);
  }
  return nullptr;
}

void ScriptState::finish(Coroutine coroutine, Done& done, const Error* error) {
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);
  done(coroutine.thread, error);
  if (destroyed) {
    if (outer) *outer = true;
    return;
  }
  destroyed_ = outer;
  if (error) {
    drop(coroutine);
  } else {
    give_back(coroutine);
  }
  tidy();
}

Error ScriptState::describe(lua_State* thread, int status, const std::string& position) const {
  std::string message;
  if (status == LUA_YIELD) {
    message = "a function gave up control without waiting for anything";
  } else if (!stop_message_.empty()) {
    message = stop_message_;
  } else if (const char* text = lua_tostring(thread, -1)) {
    message = text;
    if (message == "not enough memory") {
      message.insert(0, memory_.failed_at());
      message += ": policies may use " + std::to_string(memory_.cap() / 1024 / 1024) + " MiB";
    }
  } else {
    message = std::string("error object is a ") + luaL_typename(thread, -1);
  }
  if (!has_position(message)) {
    const std::string known = position_of(thread);
    message.insert(0, known.empty() ? position : known);
  }
  if (log_enabled(LogLevel::debug)) {
    luaL_traceback(main_, thread, nullptr, 0);
    log_debug("a policy failed", {{"message", message}, {"traceback", lua_tostring(main_, -1)}});
    lua_pop(main_, 1);
  }
  return internal_error(std::move(message));
}

// Lua collects garbage when its memory has doubled, and knows neither of a cap nor of what blobs keep: near
// the cap, and when they keep much more than before, it has to be told.
void ScriptState::tidy() {
  const bool much = memory_.in_use() > memory_.cap() / 4;
  if (much != collects_often_) {
    collects_often_ = much;
    lua_gc(main_, LUA_GCSETPAUSE, much ? 120 : 250);
  }
  if (memory_.in_use() < collect_at_bytes_ && lent_texts_.kept_bytes() < collect_at_kept_bytes_) return;
  lua_gc(main_, LUA_GCCOLLECT, 0);
  const std::size_t usual = memory_.cap() / 2;
  collect_at_bytes_ = std::max(usual, memory_.in_use() + memory_.cap() / 8);
  collect_at_kept_bytes_ = lent_texts_.kept_bytes() + kept_bytes_step;
}

std::string ScriptState::position_of_loading() const {
  if (loading_.empty()) return {};
  const PolicySource& source = *loading_.back();
  const std::size_t last_return = source.text.rfind("return");
  const auto end = last_return == std::string::npos
                       ? source.text.begin()
                       : source.text.begin() + static_cast<std::ptrdiff_t>(last_return);
  return source.file + ":" + std::to_string(1 + std::count(source.text.begin(), end, '\n')) + ": ";
}

int ScriptState::load(Coroutine& coroutine, int argument_count) {
  const std::chrono::nanoseconds rest = limits_.load_budget - load_spent_;
  const auto began = thread_cpu_time();
  lua_State* const outer = std::exchange(running_, nullptr);  // Nobody can wait while a module is loaded.
  const int outer_calls = std::exchange(nested_calls, 0);
  int status = 0;
  stop_message_.clear();
  {
    const LuaMemory::Enforced capped(memory_, coroutine.thread);
    const CpuBurst burst(main_, std::max(rest, std::chrono::nanoseconds(0)), limits_.load_budget);
    status = lua_resume(coroutine.thread, argument_count);
    if (status > LUA_YIELD) {
      if (const char* message = burst.stopped_message()) stop_message_ = message;
    }
  }
  running_ = outer;
  nested_calls = outer_calls;
  load_spent_ += thread_cpu_time() - began;
  return status;
}

Result<void> ScriptState::require(std::string_view module) {
  std::vector<const PolicySource*> outer_loading = std::exchange(loading_, {});
  const std::size_t outer_roots = std::exchange(loading_roots_, 0);
  Coroutine coroutine = take_coroutine();
  lua_pushcfunction(coroutine.thread, &lua_entry<lua_prepare_module>);
  lua_pushlstring(coroutine.thread, module.data(), module.size());
  int status = load(coroutine, 1);
  if (status == LUA_OK) {
    const auto* source = static_cast<const PolicySource*>(lua_touserdata(coroutine.thread, 2));
    lua_pop(coroutine.thread, 1);
    if (source) {
      loading_.push_back(source);
      loading_roots_ = 1;
      lua_pushlstring(coroutine.thread, source->module.data(), source->module.size());
      status = load(coroutine, 1);
      if (status == LUA_OK) lua_settop(coroutine.thread, 1), keep_loaded(coroutine.thread, *source);
    }
  }
  Result<void> result;
  if (status == LUA_OK) {
    lua_xmove(coroutine.thread, main_, 1);
    give_back(coroutine);
  } else {
    result = describe(coroutine.thread, status, position_of_loading());
    drop(coroutine);
  }
  loading_ = std::move(outer_loading);
  loading_roots_ = outer_roots;
  tidy();
  return result;
}

void ScriptState::require_waitable(lua_State* state, const char* function_name) {
  if (state != running_ || !host_.loop) luaL_error(state, "%s: only inside a hook", function_name);
  if (!lua_isyieldable(state))
    luaL_error(state, "%s: not inside a function that C++ calls (of gsub or sort)", function_name);
}

int ScriptState::wait(lua_State* state, std::function<std::shared_ptr<void>(Resume)> start) {
  if (state != running_ || !lua_isyieldable(state)) throw std::runtime_error("nobody can wait here");
  auto waiting = std::make_shared<Wait>();
  auto work = start([weak = std::weak_ptr<Wait>(waiting)](std::function<int(lua_State*)> push_results) {
    const std::shared_ptr<Wait> wait = weak.lock();
    if (!wait || std::exchange(wait->resumed, true)) return;
    if (wait->run) {
      wait->run->proceed(push_results);
    } else {
      wait->early = std::move(push_results);
    }
  });
  waiting->work = std::move(work);
  begun_wait_ = std::move(waiting);
  return lua_yield(state, 0);
}

WaitingRun::WaitingRun(ScriptState& state, Coroutine coroutine, LuaRef function, Script::Done done,
                       std::shared_ptr<Wait> wait)
    : state_(state),
      coroutine_(coroutine),
      function_(std::move(function)),
      done_(std::move(done)),
      wait_(std::move(wait)) {
  wait_->run = this;
}

WaitingRun::~WaitingRun() {
  if (wait_) {
    wait_->run = nullptr;
    wait_->resumed = true;
  }
  if (coroutine_.thread) state_.drop(coroutine_);
}

void WaitingRun::proceed(const std::function<int(lua_State*)>& push_results) {
  // The work may be what calls us: it ends on the loop's next turn.
  if (wait_->work && state_.host().loop) state_.host().loop->retire(std::move(wait_->work));
  wait_->run = nullptr;
  wait_.reset();

  lua_checkstack(coroutine_.thread, LUA_MINSTACK);
  int count = push_results(coroutine_.thread);
  std::shared_ptr<Wait> waiting;
  int status = state_.resume(coroutine_, count, waiting);
  while (status == LUA_YIELD && waiting && waiting->early) {
    count = (*waiting->early)(coroutine_.thread);
    status = state_.resume(coroutine_, count, waiting);
  }
  if (status == LUA_YIELD && waiting) {
    wait_ = std::move(waiting);
    wait_->run = this;
    return;
  }
  ScriptState& script = state_;
  const Coroutine coroutine = std::exchange(coroutine_, {});
  Script::Done done = std::move(done_);
  LuaRef function = std::move(function_);
  // From here on the owner may destroy this run, and with it the state: nothing of either may be held.
  if (status == LUA_OK) {
    function = {};
    return script.finish(coroutine, done, nullptr);
  }
  function.push(script.lua());
  function = {};
  const Error error = script.describe(coroutine.thread, status, pop_begin_of_function(script.lua()));
  script.finish(coroutine, done, &error);
}

void make_room(lua_State* state, std::size_t bytes) {
  const LuaMemory& memory = ScriptState::of(state).memory();
  if (memory.in_use() + bytes > memory.cap()) lua_gc(state, LUA_GCCOLLECT, 0);
}

int call_nested(lua_State* state, int argument_count, int result_count) {
  ScriptState& script = ScriptState::of(state);
  if (script.nested_calls >= ScriptState::max_nested_calls)
    return luaL_error(state, "calls are nested too deeply");
  ++script.nested_calls;
  const int status = lua_pcall(state, argument_count, result_count, 0);
  --script.nested_calls;
  return status == 0 ? 0 : lua_error(state);
}

LuaRef::LuaRef(lua_State* state, int index) {
  lua_pushvalue(state, index);
  reference_ = luaL_ref(state, LUA_REGISTRYINDEX);
  main_ = ScriptState::of(state).lua();
}

LuaRef::LuaRef(LuaRef&& other) noexcept
    : main_(std::exchange(other.main_, nullptr)), reference_(std::exchange(other.reference_, LUA_NOREF)) {}

LuaRef& LuaRef::operator=(LuaRef&& other) noexcept {
  if (this != &other) {
    if (main_) luaL_unref(main_, LUA_REGISTRYINDEX, reference_);
    main_ = std::exchange(other.main_, nullptr);
    reference_ = std::exchange(other.reference_, LUA_NOREF);
  }
  return *this;
}

LuaRef::~LuaRef() {
  if (main_) luaL_unref(main_, LUA_REGISTRYINDEX, reference_);
}

void LuaRef::push(lua_State* state) const {
  lua_rawgeti(state, LUA_REGISTRYINDEX, reference_);
}

}  // namespace pollux
