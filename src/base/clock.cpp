#include "base/clock.h"

#include <cctype>
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

namespace {

// Takes the parts of a time off the front of a text.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : left_(text) {}

  bool at_end() const { return left_.empty(); }
  bool take(char letter) {
    if (!left_.starts_with(letter)) return false;
    left_.remove_prefix(1);
    return true;
  }
  // Exactly so many digits.
  bool take(std::size_t digits, int& number) {
    if (left_.size() < digits) return false;
    number = 0;
    for (const char c : left_.substr(0, digits)) {
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
      number = number * 10 + (c - '0');
    }
    left_.remove_prefix(digits);
    return true;
  }
  // Any number of digits behind the point; those beyond a millisecond are dropped.
  bool take_fraction(int& milliseconds) {
    int digit = 0, weight = 100;
    if (!take(1, digit)) return false;
    do milliseconds += digit * weight, weight /= 10;
    while (take(1, digit));
    return true;
  }

 private:
  std::string_view left_;
};

bool take_time_of_day(TimeReader& reader, Milliseconds& since_midnight) {
  int hour = 0, minute = 0, second = 0, milliseconds = 0;
  if (!reader.take(2, hour) || !reader.take(':') || !reader.take(2, minute)) return false;
  if (reader.take(':')) {
    if (!reader.take(2, second)) return false;
    if (reader.take('.') && !reader.take_fraction(milliseconds)) return false;
  }
  since_midnight = std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) +
                   Milliseconds(milliseconds);
  return hour < 24 && minute < 60 && second < 60;
}

bool take_offset(TimeReader& reader, std::chrono::minutes& offset) {
  if (reader.take('Z') || reader.take('z')) return true;
  const bool behind = reader.take('-');
  int hours = 0, minutes = 0;
  if (!behind && !reader.take('+')) return false;
  if (!reader.take(2, hours) || !reader.take(':') || !reader.take(2, minutes)) return false;
  offset = (std::chrono::hours(hours) + std::chrono::minutes(minutes)) * (behind ? -1 : 1);
  return hours < 24 && minutes < 60;
}

}  // namespace

std::optional<WallTime> parse_iso_time(std::string_view text) {
  TimeReader reader(text);
  int year = 0, month = 0, day = 0;
  if (!reader.take(4, year) || !reader.take('-') || !reader.take(2, month) || !reader.take('-') ||
      !reader.take(2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970) return std::nullopt;
  Milliseconds since_midnight{0};
  std::chrono::minutes offset{0};
  if (!reader.at_end()) {
    const bool good = (reader.take('T') || reader.take('t') || reader.take(' ')) &&
                      take_time_of_day(reader, since_midnight) && take_offset(reader, offset) &&
                      reader.at_end();
    if (!good) return std::nullopt;
  }
  return std::chrono::sys_days(date) + since_midnight - offset;
}

}  // namespace pollux
