#include "base/clock.h"

#include "catch.h"

using namespace pollux;
using namespace std::chrono_literals;

TEST_CASE("times are written in UTC with milliseconds") {
  CHECK(iso_time(WallTime(1795248000123ms)) == "2026-11-21T08:00:00.123Z");
  CHECK(iso_time(WallTime(0ms)) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(WallTime(1795248000007ms)) == "2026-11-21T08:00:00.007Z");
}

TEST_CASE("times before 1970 are written as well") {
  CHECK(iso_time(WallTime(-1ms)) == "1969-12-31T23:59:59.999Z");
  CHECK(iso_time(WallTime(-1000ms)) == "1969-12-31T23:59:59.000Z");
}

TEST_CASE("a manual clock moves by hand alone") {
  ManualClock clock(WallTime(1000ms));

  clock.advance(250ms);
  CHECK(clock.wall() == WallTime(1250ms));
  CHECK(clock.monotonic() == 250ms);

  clock.set_wall(WallTime(0ms));
  CHECK(clock.monotonic() == 250ms);
}

TEST_CASE("the machine's monotonic clock never goes back") {
  const SystemClock clock;
  const auto earlier = clock.monotonic();
  CHECK(clock.monotonic() >= earlier);
  CHECK(clock.wall() > WallTime(1600000000000ms));
}

TEST_CASE("a time that was written is read back") {
  for (const auto time : {WallTime(1795248000123ms), WallTime(0ms), WallTime(1795248000007ms)}) {
    CHECK(parse_iso_time(iso_time(time)) == time);
  }
}

TEST_CASE("times are read as people and programs write them") {
  const WallTime eight(1795248000000ms);
  for (const char* text : {"2026-11-21T08:00:00Z", "2026-11-21T08:00Z", "2026-11-21T08:00:00.000000Z",
                           "2026-11-21 08:00:00z", "2026-11-21T09:00:00+01:00", "2026-11-21T03:30-04:30"}) {
    INFO(text);
    CHECK(parse_iso_time(text) == eight);
  }
  CHECK(parse_iso_time("2026-11-21") == eight - 8h);
  CHECK(parse_iso_time("2026-11-21T08:00:00.5Z") == eight + 500ms);
  CHECK(parse_iso_time("2026-11-21T08:00:00.1239999Z") == eight + 123ms);
}

TEST_CASE("what is no time is not read as one") {
  for (const char* text : {"",
                           "2026",
                           "2026-11",
                           "2026-11-31",
                           "2026-13-01",
                           "2026-1-1",
                           "1969-12-31",
                           "2026-11-21T",
                           "2026-11-21T08",
                           "2026-11-21T08:00:00",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T08:60Z",
                           "2026-11-21T08:00:60Z",
                           "2026-11-21T08:00:00.Z",
                           "2026-11-21T08:00:00Z ",
                           "2026-11-21T08:00:00+1",
                           "2026-11-21T08:00:00+24:00",
                           "-026-11-21",
                           "21.11.2026",
                           "1795248000",
                           "2026-11-21T08:00:00ZZ"}) {
    INFO(text);
    CHECK_FALSE(parse_iso_time(text));
  }
}
