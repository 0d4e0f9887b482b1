#include "pool/client_usage.h"

#include <atomic>
#include <thread>
#include <vector>

#include "catch.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400000ms};  // 2026-11-21 12:00 UTC, 04:00 in Los Angeles.
constexpr WallTime midnight = noon + 20h;  // In Los Angeles.
constexpr std::int64_t today = 20261121;

Moment at(Milliseconds after) {
  return {noon + after, 1'000'000ms + after};
}

}  // namespace

TEST_CASE("a limit of requests a minute holds for any 60 seconds") {
  ClientUsage usage;
  const ClientQuota quota{.rpm = 2, .daily_requests = {}, .daily_tokens = {}};
  CHECK_FALSE(usage.admit(quota, at(0s)));
  CHECK_FALSE(usage.admit(quota, at(30s)));

  const auto reached = usage.admit(quota, at(59s));

  REQUIRE(reached);
  CHECK(reached->limit == "rpm");
  CHECK(reached->allowed == 2);
  CHECK(reached->retry_after >= 1s);
  CHECK(reached->retry_after <= 1s + QuotaWindow::step);
  CHECK(usage.numbers(at(59s)).requests_this_minute == 2);
  CHECK_FALSE(usage.admit(quota, at(59s + reached->retry_after)));
  CHECK(usage.admit(quota, at(59s + reached->retry_after)));
  CHECK(usage.numbers(at(200s)).requests_this_minute == 0);
  CHECK(usage.numbers(at(200s)).requests_today == 3);
}

TEST_CASE("limits of the day hold until midnight in Los Angeles") {
  ClientUsage usage;
  const ClientQuota quota{.rpm = {}, .daily_requests = 2, .daily_tokens = 100};
  CHECK_FALSE(usage.admit(quota, at(0s)));
  CHECK_FALSE(usage.admit(quota, at(1s)));

  const auto reached = usage.admit(quota, at(2s));

  REQUIRE(reached);
  CHECK(reached->limit == "daily_requests");
  CHECK(reached->retry_after == 20h - 2s);
  CHECK(usage.numbers(at(2s)).resets_at == midnight);
  CHECK_FALSE(usage.admit(quota, at(20h)));
  CHECK(usage.numbers(at(20h)).requests_today == 1);
  CHECK(usage.numbers(at(20h)).resets_at == midnight + 24h);
}

TEST_CASE("tokens count once a request is over, and the one that goes beyond is the last") {
  ClientUsage usage;
  const ClientQuota quota{.rpm = {}, .daily_requests = {}, .daily_tokens = 100};
  CHECK_FALSE(usage.admit(quota, at(0s)));
  usage.used(99, noon, at(1s));
  CHECK_FALSE(usage.admit(quota, at(2s)));
  usage.used(50, noon + 2s, at(3s));

  const auto reached = usage.admit(quota, at(4s));

  REQUIRE(reached);
  CHECK(reached->limit == "daily_tokens");
  CHECK(reached->allowed == 100);
  CHECK(usage.numbers(at(4s)).tokens_today == 149);
  CHECK(usage.numbers(at(4s)).last_used == noon + 2s);
  CHECK_FALSE(usage.admit(quota, at(20h)));
}

TEST_CASE("of several limits the one that lasts longest is told") {
  ClientUsage usage;
  const ClientQuota quota{.rpm = 1, .daily_requests = 1, .daily_tokens = {}};
  CHECK_FALSE(usage.admit(quota, at(0s)));
  const auto reached = usage.admit(quota, at(1s));
  REQUIRE(reached);
  CHECK(reached->limit == "daily_requests");
}

TEST_CASE("a request that is given back was never there") {
  ClientUsage usage;
  const ClientQuota quota{.rpm = 1, .daily_requests = 1, .daily_tokens = {}};
  CHECK_FALSE(usage.admit(quota, at(0s)));
  usage.give_back(at(0s), at(5s));
  CHECK(usage.numbers(at(5s)).requests_this_minute == 0);
  CHECK(usage.numbers(at(5s)).requests_today == 0);
  CHECK_FALSE(usage.admit(quota, at(5s)));
}

TEST_CASE("a request of yesterday is not given back to today") {
  ClientUsage usage;
  CHECK_FALSE(usage.admit({}, at(20h - 1s)));
  CHECK_FALSE(usage.admit({}, at(20h)));
  usage.give_back(at(20h - 1s), at(20h + 1s));
  CHECK(usage.numbers(at(20h + 1s)).requests_today == 1);
  CHECK(usage.numbers(at(20h + 1s)).requests_this_minute == 1);
}

TEST_CASE("whoever raises a limit lets the next request pass") {
  ClientUsage usage;
  CHECK_FALSE(usage.admit({.rpm = 1, .daily_requests = {}, .daily_tokens = {}}, at(0s)));
  CHECK(usage.admit({.rpm = 1, .daily_requests = {}, .daily_tokens = {}}, at(1s)));
  CHECK_FALSE(usage.admit({.rpm = 2, .daily_requests = {}, .daily_tokens = {}}, at(1s)));
  CHECK_FALSE(usage.admit({}, at(1s)));
}

TEST_CASE("usage outlives a restart") {
  ClientUsage before;
  CHECK_FALSE(before.admit({}, at(0s)));
  CHECK_FALSE(before.admit({}, at(30s)));
  before.used(7, noon + 31s, at(31s));
  const auto state = before.state(at(32s));
  CHECK(state.day == today);

  ClientUsage after;
  const Moment restarted{noon + 50s, 300ms};  // Soon after the machine's start.
  after.restore(state, restarted);

  const auto numbers = after.numbers(restarted);
  CHECK(numbers.requests_this_minute == 2);
  CHECK(numbers.requests_today == 2);
  CHECK(numbers.tokens_today == 7);
  CHECK(numbers.last_used == noon + 31s);
  const auto reached = after.admit({.rpm = 2, .daily_requests = {}, .daily_tokens = {}}, restarted);
  REQUIRE(reached);
  CHECK(reached->retry_after >= 10s);
  CHECK(reached->retry_after <= 10s + 3 * QuotaWindow::step);
}

TEST_CASE("what is restored on another day counts for nothing but the last use") {
  ClientUsage usage;
  usage.restore({.client_id = "x",
                 .day = today,
                 .requests_today = 5,
                 .tokens_today = 5,
                 .minute = {{noon, 5, 0}},
                 .last_used = noon},
                at(21h));
  const auto numbers = usage.numbers(at(21h));
  CHECK(numbers.requests_this_minute == 0);
  CHECK(numbers.requests_today == 0);
  CHECK(numbers.tokens_today == 0);
  CHECK(numbers.last_used == noon);
}

TEST_CASE("a change is told once until it is looked at") {
  int told = 0;
  ClientUsage usage([&told] { ++told; });
  CHECK_FALSE(usage.admit({}, at(0s)));
  CHECK_FALSE(usage.admit({}, at(0s)));
  usage.used(1, noon, at(0s));
  CHECK(told == 1);
  (void)usage.state(at(1s));
  usage.used(1, noon, at(1s));
  CHECK(told == 2);
  CHECK(usage.admit({.rpm = 1, .daily_requests = {}, .daily_tokens = {}}, at(1s)));
  CHECK(told == 2);
}

TEST_CASE("no number of threads together gets more than the limit") {
  ClientUsage usage;
  const ClientQuota quota{.rpm = 100, .daily_requests = 150, .daily_tokens = {}};
  std::atomic<int> admitted = 0;
  const auto ask = [&](Moment now) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, now] {
        for (int number = 0; number < 200; ++number) admitted += usage.admit(quota, now) ? 0 : 1;
      });
    }
    for (auto& thread : threads) thread.join();
  };
  ask(at(0s));
  CHECK(admitted == 100);
  ask(at(70s));
  CHECK(admitted == 150);
}
