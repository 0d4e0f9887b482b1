// What was asked of a model in the last 60 seconds, as Google counts it: never less.
//
// Google counts a request somewhere between its sending and the first byte of its answer. So it counts here
// from its sending (as a reservation, kept elsewhere) until 60 s after its answer has begun, which is when
// add() is called: then no 60 seconds of Google's hold more than this window ever held at once. Uses are
// gathered in steps and leave with the end of their step, up to `step` late, never early.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace pollux {

class QuotaWindow {
 public:
  static constexpr Milliseconds length{60'000}, step{250};

  struct Use {
    std::int64_t requests = 0, tokens = 0;
    bool operator==(const Use&) const = default;
  };
  struct Entry {
    Milliseconds at{0};  // When its step began.
    Use use;
  };

  // Times are monotonic and, but for what is restored, never before the last one.
  void add(Milliseconds at, Use use);
  // Changes what was added at that time, if it still counts now: tokens that turned out to be others, a
  // request that Google refused to count.
  void correct(Milliseconds at, Use change, Milliseconds now);
  Use used(Milliseconds now);
  // How long until no more than these are left.
  Milliseconds until_at_most(Milliseconds now, Use left);
  // All that still counts, oldest first.
  std::vector<Entry> entries(Milliseconds now);
  bool empty() const noexcept { return entries_.size() == first_; }

 private:
  static Milliseconds step_of(Milliseconds at) {
    return Milliseconds(at.count() - at.count() % step.count());
  }
  static Milliseconds leaves_at(const Entry& entry) { return entry.at + step + length; }
  void forget(Milliseconds now);

  std::vector<Entry> entries_;  // From first_ on.
  std::size_t first_ = 0;
  Use sum_;
};

}  // namespace pollux
