// Slows down those who guess the administrator's password: a few wrong tries of an address are free, after
// each further one it waits, twice as long each time. A right one clears it. Safe from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace pollux {

class SignInThrottle {
 public:
  static constexpr int free_tries = 5;
  static constexpr Milliseconds first_wait{1'000}, longest_wait{60'000};
  static constexpr Milliseconds forgotten_after{3'600'000};  // Without a wrong try.
  static constexpr std::size_t most = 4096;                  // Addresses; beyond, the quietest is forgotten.

  explicit SignInThrottle(const Clock& clock) : clock_(clock) {}

  struct Verdict {
    bool right = false;
    std::optional<Milliseconds> wait;  // Too many wrong tries: this one was not looked at.
  };
  // Asks `is_right` unless the address has to wait. One try at a time, so that many at once gain nothing;
  // `is_right` must be quick.
  Verdict judge(const std::string& remote_address, const std::function<bool()>& is_right);

 private:
  struct Guesser {
    int wrong_tries = 0;
    Milliseconds last_try{0}, waits_until{0};  // On the monotonic clock.
  };

  void make_room(Milliseconds now);

  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Guesser> guessers_;  // By network; see the source.
};

}  // namespace pollux
