// Until when a key, or a key for one model, is left alone.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"

namespace pollux {

// Both of the machine's clocks, read once for a whole decision.
struct Moment {
  WallTime wall;
  Milliseconds monotonic{0};
};

// Kept on both clocks and over as soon as either says so: a wall clock that is set back cannot prolong a
// rest, and one that was wrong at start and is put right later ends it in time.
class Rest {
 public:
  static constexpr Milliseconds longest = std::chrono::hours(24 * 366);

  Milliseconds left(const Moment& now) const {
    return std::max(Milliseconds(0), std::min(deadline_ - now.monotonic, until_ - now.wall));
  }
  bool over(const Moment& now) const { return deadline_ <= now.monotonic || until_ <= now.wall; }
  std::optional<WallTime> until(const Moment& now) const {
    return over(now) ? std::nullopt : std::optional(until_);
  }

  // A shorter rest never shortens a longer one. False: it stays as it was.
  bool extend(Milliseconds duration, const Moment& now) {
    duration = std::min(duration, longest);
    if (duration <= left(now)) return false;
    deadline_ = now.monotonic + duration;
    until_ = now.wall + duration;
    return true;
  }
  // From a time that was stored.
  void restore(WallTime until, const Moment& now) {
    if (until > now.wall && until - now.wall <= longest) {
      deadline_ = now.monotonic + (until - now.wall), until_ = until;
    } else if (until > now.wall) {
      extend(longest, now),
          until_ = until;  // The wall clock is not set yet; it will end the rest once it is.
    }
  }

 private:
  Milliseconds deadline_{0};
  WallTime until_;
};

}  // namespace pollux
