// Where "now" comes from. The program asks the system; tests hold a clock that they move by hand.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pollux {

using Milliseconds = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<Milliseconds>;  // For people, files and Google's day.

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  // Since an arbitrary start; never jumps, and goes on while the machine sleeps. For waits and rests.
  virtual Milliseconds monotonic() const = 0;
};

// The machine's clocks. Safe for any thread.
class SystemClock final : public Clock {
 public:
  WallTime wall() const override;
  Milliseconds monotonic() const override;
};

class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start) : wall_(start) {}
  WallTime wall() const override { return wall_; }
  Milliseconds monotonic() const override { return monotonic_; }
  void advance(Milliseconds by) { wall_ += by, monotonic_ += by; }
  void set_wall(WallTime to) { wall_ = to; }  // As when somebody sets the machine's clock.

 private:
  WallTime wall_;
  Milliseconds monotonic_{0};
};

// "2026-11-21T08:00:00.123Z", the form of every time in the JSON that Pollux answers.
std::string iso_time(WallTime time);
// The same read back; also with fewer or more digits of a second, without the time of day, and with another
// offset than Z: "2026-11-21", "2026-11-21T09:00+01:00". Nothing: it is none, or not of the years 1970 to
// 9999.
std::optional<WallTime> parse_iso_time(std::string_view text);

}  // namespace pollux
