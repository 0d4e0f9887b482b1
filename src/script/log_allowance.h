// How many lines policies may log: so many a second, the rest are counted.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace pollux {

class LogAllowance {
 public:
  static constexpr int lines_per_second = 100;

  bool take(Milliseconds now) {
    if (!begun_ || now - second_began_ >= Milliseconds(1000)) {
      begun_ = true;
      second_began_ = now;
      left_ = lines_per_second;
    }
    if (left_ > 0) {
      --left_;
      return true;
    }
    ++withheld_;
    return false;
  }

  // Lines that were not written since the last call.
  std::int64_t take_withheld() {
    const std::int64_t count = withheld_;
    withheld_ = 0;
    return count;
  }

 private:
  bool begun_ = false;
  Milliseconds second_began_{0};
  int left_ = 0;
  std::int64_t withheld_ = 0;
};

}  // namespace pollux
