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
