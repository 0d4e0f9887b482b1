#include "pool/pacific_day.h"

#include <ctime>
#include <string>

#include "catch.h"
#include "pool/key_pool.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

// "2026-11-21 12:00", UTC.
WallTime utc(const std::string& text) {
  std::tm parts{};
  REQUIRE(::strptime(text.c_str(), "%Y-%m-%d %H:%M", &parts) != nullptr);
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

struct Row {
  const char* now;
  const char* reset;
};

constexpr Row rows[] = {
    {"2026-09-17 12:00", "2026-09-18 07:00"}, {"2026-09-17 06:30", "2026-09-17 07:00"},
    {"2026-01-15 12:00", "2026-01-16 08:00"}, {"2026-03-08 09:00", "2026-03-09 07:00"},
    {"2026-11-01 08:30", "2026-11-02 08:00"}, {"2026-11-21 12:00", "2026-11-22 08:00"},
    {"2027-03-14 09:00", "2027-03-15 07:00"}, {"2027-11-07 08:00", "2027-11-08 08:00"},
};

}  // namespace

TEST_CASE("Google's day ends at midnight in Los Angeles, daylight saving included") {
  for (const auto& row : rows) {
    INFO(row.now);
    CHECK(next_pacific_midnight(utc(row.now)) == utc(row.reset));
  }
}

TEST_CASE("without a time zone database the law gives the same midnights") {
  for (const auto& row : rows) {
    INFO(row.now);
    CHECK(pacific_day_by_law(utc(row.now)).end == utc(row.reset));
  }
}

TEST_CASE("law and database agree on every day for thirty years") {
  for (auto now = utc("2007-01-01 00:30"); now < utc("2037-01-01 00:00"); now += 7h) {
    const auto law = pacific_day_by_law(now), database = pacific_day_at(now);
    if (law.begin == database.begin && law.end == database.end && law.date == database.date) continue;
    FAIL(iso_time(now) << ": " << law.date << " and " << database.date);
  }
}

TEST_CASE("a day has its Pacific date") {
  CHECK(pacific_day(utc("2026-11-21 07:59")) == 20261120);
  CHECK(pacific_day(utc("2026-11-21 08:00")) == 20261121);
  CHECK(pacific_day(utc("2026-07-01 06:59")) == 20260630);
  CHECK(pacific_day(utc("2026-07-01 07:00")) == 20260701);
}

TEST_CASE("a day of change has 23 or 25 hours") {
  const auto spring = pacific_day_at(utc("2026-03-08 20:00")),
             autumn = pacific_day_at(utc("2026-11-01 20:00"));
  CHECK(spring.end - spring.begin == 23h);
  CHECK(autumn.end - autumn.begin == 25h);
}

TEST_CASE("a calendar follows a clock that jumps both ways") {
  PacificCalendar calendar;
  for (const char* now : {"2026-11-21 12:00", "2026-11-22 12:00", "2026-01-01 12:00", "2031-06-01 12:00"}) {
    CHECK(calendar.at(utc(now)).date == pacific_day(utc(now)));
  }
}
