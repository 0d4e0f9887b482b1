// Looks after keys that are put away or at rest: every CHECK_INTERVAL_HOURS each of them is checked, and
// comes back by itself once it is well. On the loop of one worker.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "gateway/gateway.h"
#include "net/timer.h"
#include "script/health_check.h"

namespace pollux {

class HealthClock {
 public:
  // The first round is within a minute, or the interval where that is shorter: a restart delays nothing, and
  // many of them ask no more than one. Does nothing where the interval is 0.
  explicit HealthClock(Gateway& gateway);

  // Follows a new CHECK_INTERVAL_HOURS, as if it began then.
  void settings_changed();

 private:
  static constexpr std::size_t most_at_once = 3;
  // So many checks in a row without any answer: Google cannot be reached, and the others can wait for the
  // next round.
  static constexpr int most_without_answer = 3;

  void begin();
  void wait(Milliseconds most, double least_share);
  void begin_round();
  void go_on();
  void check(const KeyRef& key);
  void on_found(const KeyRef& key, const HealthFinding& finding);

  Gateway& gateway_;
  double interval_hours_ = 0;
  Timer timer_;
  std::minstd_rand random_;
  std::deque<KeyRef> left_;  // Of this round.
  struct Running {
    KeyRef key;
    std::unique_ptr<HealthCheck> check;
  };
  std::vector<Running> running_;
  int without_answer_ = 0;
  bool going_on_ = false;  // A check may be over before it has begun to wait.
};

}  // namespace pollux
