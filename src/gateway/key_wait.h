// An exchange's wait for a key that can pay: in line, on its own loop, and for no longer than
// MAX_WAIT_SECONDS in all.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "net/timer.h"
#include "script/policy_exchange.h"

namespace pollux {

class KeyWait {
 public:
  // `on_turn` is called from the loop whenever it is worth asking for a key again, and when the time is over.
  KeyWait(Loop& loop, KeyPool& pool, Milliseconds most, std::function<void()> on_turn);

  enum class Outcome {
    waits,
    in_vain,  // No key will be free in time, or by itself.
    crowded,  // Too many wait already.
  };
  Outcome wait_for(const Selection& selection);
  // A key was found, or is no longer wanted.
  void leave();

  // Null while it does not wait.
  const WaitingPlace* place() const noexcept { return place_.get(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  Milliseconds left() const;
  Milliseconds ask_again_in(const Selection& selection, bool has_just_come, Milliseconds left);
  void ask_again();
  void notified();

  Loop& loop_;
  KeyPool& pool_;
  const std::function<void()> on_turn_;
  Timer timer_;
  Milliseconds left_;  // Less what the wait that goes on has taken.
  Time began_;
  bool asks_ = false;      // On its turn; until the next wait.
  bool was_told_ = false;  // That a key may have become free, while it was asking.
  // Calls from other threads find the wait by this, if it is still there.
  std::shared_ptr<KeyWait*> name_ = std::make_shared<KeyWait*>(this);
  std::unique_ptr<WaitingPlace> place_;
};

}  // namespace pollux
