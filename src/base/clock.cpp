#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace pollux {

WallTime SystemClock::wall() const {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

Milliseconds SystemClock::monotonic() const {
  timespec now{};
#ifdef CLOCK_BOOTTIME
  clock_gettime(CLOCK_BOOTTIME, &now);  // Unlike CLOCK_MONOTONIC it counts the time a laptop slept.
#else
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  return std::chrono::seconds(now.tv_sec) + Milliseconds(now.tv_nsec / 1'000'000);
}

std::string iso_time(WallTime time) {
  const auto milliseconds = time.time_since_epoch().count();
  auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  auto rest = static_cast<int>(milliseconds % 1000);
  if (rest < 0) --seconds, rest += 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", rest);
  return text;
}

}  // namespace pollux
