// background(function): what policies let run on its own, beside the exchange that asked for it. Internal to
// src/script.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "net/timer.h"
#include "script/script_run.h"

namespace pollux {

class BackgroundRuns {
 public:
  static constexpr std::size_t most = 16;  // Under way in one state.

  explicit BackgroundRuns(Script& script) : script_(script) {}

  // The function at `index` will run on the loop's next turn; false: too many are under way. REQUIRES: a
  // loop.
  bool add(lua_State* state, int index);
  // Gives up all of them.
  void abandon();

 private:
  void run_waiting();
  void run(const LuaRef& function);

  Script& script_;
  std::deque<LuaRef> waiting_;
  std::map<std::uint64_t, std::unique_ptr<ScriptRun>> going_on_;
  std::uint64_t last_number_ = 0;
  std::optional<Timer> timer_;
};

// Of LoadedPolicies: see push_function().
int background(lua_State* state);

}  // namespace pollux
