// Google's day: from one midnight in Los Angeles to the next.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace pollux {

struct PacificDay {
  WallTime begin, end;
  std::int64_t date = 0;  // yyyymmdd
};

// From the system's time zone database; where that is missing, which is logged once, by today's law.
PacificDay pacific_day_at(WallTime now);

// Today's law, as it holds since 2007: one hour ahead from the second Sunday of March to the first of
// November.
PacificDay pacific_day_by_law(WallTime now);

// Answers from the last one asked about, nearly always without a look at the database. Not safe for threads.
class PacificCalendar {
 public:
  const PacificDay& at(WallTime now) {
    if (now < day_.begin || now >= day_.end) day_ = pacific_day_at(now);
    return day_;
  }

 private:
  PacificDay day_;
};

}  // namespace pollux
