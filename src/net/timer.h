// A deadline on a loop. Destroying it cancels it.
#pragma once

#include <chrono>
#include <functional>

#include "net/loop.h"

namespace pollux {

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_due);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // (Re)starts it; on_due is called once, `after` from now, and may destroy the timer. Cheap to call for
  // every byte that arrives: a later deadline is only noted, and the timer re-armed when the earlier one
  // fires.
  void start(std::chrono::milliseconds after);
  void stop();
  bool running() const noexcept { return due_at_.count() != 0; }

 private:
  void arm(std::chrono::milliseconds after);
  void on_fired();

  Loop& loop_;
  std::function<void()> on_due_;
  Handle<uv_timer_t> timer_;                // Made at the first start: many timers never run.
  std::chrono::milliseconds due_at_{0};     // In the loop's time; 0: not running.
  std::chrono::milliseconds armed_for_{0};  // When libuv will call; 0: it will not.
};

}  // namespace pollux
