#include "script/background.h"

#include "base/log.h"
#include "script/object_types.h"

namespace pollux {

bool BackgroundRuns::add(lua_State* state, int index) {
  if (waiting_.size() + going_on_.size() >= most) return false;
  LuaRef function(state, index);
  waiting_.push_back(std::move(function));
  if (!timer_) timer_.emplace(*script_.host().loop, [this] { run_waiting(); });
  timer_->start(std::chrono::milliseconds(0));
  return true;
}

void BackgroundRuns::abandon() {
  timer_.reset();
  waiting_.clear();
  going_on_.clear();
}

// What these add in turn runs on a later turn.
void BackgroundRuns::run_waiting() {
  timer_.reset();
  for (auto left = waiting_.size(); left > 0; --left) {
    const auto function = std::move(waiting_.front());
    waiting_.pop_front();
    run(function);
  }
}

void BackgroundRuns::run(const LuaRef& function) {
  const auto number = ++last_number_;
  function.push(script_.lua());
  auto run = script_.run(0, [this, number](lua_State*, const Error* error) {
    if (error) log_error("policy failed in the background", {{"error", error->message}});
    going_on_.erase(number);
  });
  if (run) going_on_.emplace(number, std::move(run));
}

int background(lua_State* state) {
  auto& policies = policies_of(state);
  luaL_checktype(state, 1, LUA_TFUNCTION);
  if (!policies.host().loop) return luaL_error(state, "background: only inside a hook");
  lua_pushboolean(state, policies.background().add(state, 1));
  return 1;
}

}  // namespace pollux
