// State that outlives a reload.
#include <atomic>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "catch.h"
#include "script/policy_state.h"

using namespace pollux;
using Value = SharedTable::Value;

namespace {

constexpr Milliseconds for_ever{0};

struct Fixture {
  ManualClock clock{WallTime(Milliseconds(0))};
  std::unique_ptr<SharedTable> table = SharedTable::create(clock, 2000);
};

}  // namespace

TEST_CASE("a shared value is found by its name until it is removed") {
  Fixture f;
  REQUIRE(f.table->set("a", std::string("text"), for_ever));
  REQUIRE(f.table->set("b", 1.5, for_ever));
  REQUIRE(f.table->set("c", false, for_ever));
  CHECK(f.table->get("a") == Value(std::string("text")));
  CHECK(f.table->get("b") == Value(1.5));
  CHECK(f.table->get("c") == Value(false));
  CHECK(f.table->get("d") == Value());

  REQUIRE(f.table->set("a", Value(), for_ever));
  CHECK(f.table->get("a") == Value());
}

TEST_CASE("a shared value ends when its time is over") {
  Fixture f;
  REQUIRE(f.table->set("a", 1.0, Milliseconds(100)));
  f.clock.advance(Milliseconds(99));
  CHECK(f.table->get("a") == Value(1.0));
  f.clock.advance(Milliseconds(1));
  CHECK(f.table->get("a") == Value());
}

TEST_CASE("a shared counter counts from nothing and keeps its first time to live") {
  Fixture f;
  CHECK(*f.table->incr("n", 1, Milliseconds(100)) == 1);
  f.clock.advance(Milliseconds(60));
  CHECK(*f.table->incr("n", 2, Milliseconds(100)) == 3);
  f.clock.advance(Milliseconds(60));
  CHECK(*f.table->incr("n", 1, Milliseconds(100)) == 1);
}

TEST_CASE("a text cannot be counted") {
  Fixture f;
  REQUIRE(f.table->set("a", std::string("text"), for_ever));
  CHECK(!f.table->incr("a", 1, for_ever));
}

TEST_CASE("a full table gives up what ends first") {
  Fixture f;
  REQUIRE(f.table->set("late", std::string(500, 'x'), Milliseconds(2000)));
  REQUIRE(f.table->set("soon", std::string(500, 'x'), Milliseconds(1000)));
  REQUIRE(f.table->set("never", std::string(200, 'x'), for_ever));

  REQUIRE(f.table->set("new", std::string(200, 'x'), Milliseconds(5000)));

  CHECK(f.table->get("soon") == Value());
  CHECK(f.table->get("late") != Value());
  CHECK(f.table->get("never") != Value());
  CHECK(f.table->get("new") != Value());
}

TEST_CASE("a value larger than the table is refused and changes nothing") {
  Fixture f;
  REQUIRE(f.table->set("a", 1.0, for_ever));
  CHECK(!f.table->set("a", std::string(3000, 'x'), for_ever));
  CHECK(!f.table->incr(std::string(3000, 'x'), 1, for_ever));
  CHECK(f.table->get("a") == Value(1.0));
}

TEST_CASE("the table stays within its bounds whatever is put into it") {
  Fixture f;
  for (int i = 0; i < 1000; ++i)
    REQUIRE(f.table->set("name" + std::to_string(i), double(i), Milliseconds(1 + i % 7)));
  int found = 0;
  for (int i = 0; i < 1000; ++i) found += f.table->get("name" + std::to_string(i)) != Value() ? 1 : 0;
  CHECK(found > 0);
  CHECK(found < 10);
}

TEST_CASE("threads count together") {
  const SystemClock clock;
  const auto table = SharedTable::create(clock);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 5000; ++i) {
        if (!table->incr("n", 1, for_ever) || !table->set("x", double(i), Milliseconds(1))) return;
        table->get("x");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(table->get("n") == Value(20000.0));
}

TEST_CASE("in a cache the oldest gives way, and what is set again is new") {
  ManualClock clock{WallTime(Milliseconds(0))};
  const auto cache = SharedTable::create(clock, 2000, SharedTable::GivesWay::oldest);
  const std::string text(400, 'x');
  REQUIRE(cache->set("a", text, for_ever));
  REQUIRE(cache->set("b", text, Milliseconds(1)));
  REQUIRE(cache->set("c", text, Milliseconds(5)));
  REQUIRE(cache->set("a", text, Milliseconds(100)));
  REQUIRE(cache->set("d", text, for_ever));
  CHECK(cache->get("b") == Value());
  CHECK(cache->get("a") == Value(text));
  CHECK(cache->get("c") == Value(text));
  CHECK(cache->get("d") == Value(text));
  clock.advance(Milliseconds(5));
  CHECK(cache->get("c") == Value());
  CHECK_FALSE(cache->set("e", std::string(2000, 'x'), for_ever));
}
