#include "pool/pacific_day.h"

#include <date/date.h>
#include <date/tz.h>

#include <exception>

#include "base/log.h"
#include "pool/key_pool.h"

namespace pollux {
namespace {

using std::chrono::hours;

const date::time_zone* los_angeles() {
  static const date::time_zone* zone = []() -> const date::time_zone* {
    try {
      return date::locate_zone("America/Los_Angeles");
    } catch (const std::exception& failure) {
      log_error(
          "no time zone database, daylight saving in Los Angeles is reckoned by the law of 2007: install "
          "tzdata",
          {{"error", failure.what()}});
      return nullptr;
    }
  }();
  return zone;
}

std::int64_t as_number(date::local_days day) {
  const date::year_month_day date(day);
  return std::int64_t{int{date.year()}} * 10'000 + std::int64_t{unsigned{date.month()}} * 100 +
         unsigned{date.day()};
}

// Of the midnight that begins this day; on the two days of change it is still the old one.
hours offset_at_midnight(date::local_days day) {
  using namespace date;
  const auto year = year_month_day(day).year();
  const local_days ahead_since(year / March / Sunday[2]), ahead_until(year / November / Sunday[1]);
  return day > ahead_since && day <= ahead_until ? hours(-7) : hours(-8);
}

WallTime midnight_by_law(date::local_days day) {
  return WallTime(day.time_since_epoch()) - offset_at_midnight(day);
}

}  // namespace

PacificDay pacific_day_by_law(WallTime now) {
  // An hour of doubt: what standard time calls yesterday may be today already.
  auto day = date::floor<date::days>(date::local_time<Milliseconds>((now - hours(8)).time_since_epoch()));
  if (now >= midnight_by_law(day + date::days(1))) day += date::days(1);
  return {midnight_by_law(day), midnight_by_law(day + date::days(1)), as_number(day)};
}

PacificDay pacific_day_at(WallTime now) {
  const auto* zone = los_angeles();
  if (zone == nullptr) return pacific_day_by_law(now);
  const auto day = date::floor<date::days>(zone->to_local(now));
  const auto midnight = [&](date::local_days of) {
    return WallTime(zone->to_sys(of, date::choose::earliest).time_since_epoch());
  };
  return {midnight(day), midnight(day + date::days(1)), as_number(day)};
}

WallTime next_pacific_midnight(WallTime now) {
  return pacific_day_at(now).end;
}
std::int64_t pacific_day(WallTime now) {
  return pacific_day_at(now).date;
}

}  // namespace pollux
