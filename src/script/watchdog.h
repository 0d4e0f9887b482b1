// Cuts off Lua that runs for too long.
//
// A burst of Lua notes its beginning in a variable of its thread, and that is all it costs. Each thread that
// runs Lua has a timer on its own CPU time, which does not tick while the thread rests; its signal handler
// looks whether the same burst has been running for longer than its budget, and then sets a hook that raises
// an error at every instruction, so that a policy's own pcall cannot swallow it.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <lua.hpp>

namespace pollux {

// What runs on this thread now; written by CpuBurst, read by the signal handler on the same thread.
struct BurstSlot {
  volatile std::uint64_t sequence = 0;  // 0: nothing runs.
  lua_State* volatile state = nullptr;
  volatile std::int64_t budget_ns = 0;
  volatile std::sig_atomic_t stopped = 0;
  std::int64_t named_ms = 0;  // What the message names.
};

class CpuBurst {
 public:
  // `named`: the budget as messages name it, where only a rest of it is left.
  CpuBurst(lua_State* state, std::chrono::nanoseconds budget, std::chrono::milliseconds named) noexcept;
  ~CpuBurst();
  CpuBurst(const CpuBurst&) = delete;
  CpuBurst& operator=(const CpuBurst&) = delete;

  // Null unless the burst was stopped; else "keys.lua:7: stopped: it ran for more than 100 ms".
  const char* stopped_message() const noexcept;

 private:
  BurstSlot before_;  // A burst may begin within another: then the outer one's budget starts anew after it.
};

// Whether the burst on this thread has spent its budget: for long loops in C++, which no hook reaches.
bool burst_is_spent() noexcept;
// Raises the error of a spent burst.
int raise_spent(lua_State* state);

std::chrono::nanoseconds thread_cpu_time() noexcept;

}  // namespace pollux
