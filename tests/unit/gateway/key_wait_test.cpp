#include "gateway/key_wait.h"

#include "catch.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400000ms};
const std::string flash = "gemini-3.5-flash";

// One who waits for a key on a loop of its own; the pool's clock stands still.
struct Fixture {
  ManualClock clock{noon};
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);
  Loop loop;
  int asked = 0;
  std::function<void()> then = [this] { loop.stop(); };
  KeyWait wait{loop, *pool, 10s, [this] {
                 ++asked;
                 then();
               }};

  KeyRef add(const std::string& name, std::vector<std::string> tags = {}) {
    return pool->add({.secret = "secret-of-" + name, .name = name, .project = "", .tags = std::move(tags)})
        ->key;
  }
  static KeyQuery tagged(const std::string& tag) {
    KeyQuery query;
    query.model = flash;
    query.conditions = {{KeyQuery::Condition::Kind::tagged, tag}};
    return query;
  }
  static Selection in_vain(std::vector<KeyQuery> queries, Milliseconds free_in) {
    return {.key = {}, .asked = std::move(queries), .free_in = free_in};
  }
  // Until somebody stops it, at most so long.
  void run_for(Milliseconds most) {
    Timer guard(loop, [this] { loop.stop(); });
    guard.start(most);
    loop.run();
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "whoever is told while it asks does not ask twice at once, but once more") {
  const auto key = add("a", {"free"});
  pool->cool_down(*key, {}, 5s);
  REQUIRE(wait.wait_for(in_vain({tagged("free")}, 5s)) == KeyWait::Outcome::waits);
  pool->bring_back(*key);
  run_for(2s);
  REQUIRE(asked == 1);

  add("b", {"free"});  // Tells it again, and it still asks.
  run_for(100ms);
  CHECK(asked == 1);

  REQUIRE(wait.wait_for(in_vain({tagged("free")}, 5s)) == KeyWait::Outcome::waits);
  run_for(2s);
  CHECK(asked == 2);
}

TEST_CASE_METHOD(Fixture, "a key that became free before anybody stood in line is asked for at once") {
  add("a", {"free"});
  REQUIRE(wait.wait_for(in_vain({tagged("free")}, 5s)) == KeyWait::Outcome::waits);
  run_for(2s);
  CHECK(asked == 1);
}

TEST_CASE_METHOD(Fixture, "whoever is first in one line and not in another does not ask without end") {
  pool->cool_down(*add("a", {"free"}), {}, 5s);
  pool->cool_down(*add("b", {"paid"}), {}, 5s);
  const auto before = pool->wait_in_line(std::vector{tagged("free")}, [] {});
  const auto vain = in_vain({tagged("free"), tagged("paid")}, 0s);
  then = [&] { CHECK(wait.wait_for(vain) == KeyWait::Outcome::waits); };
  then();
  run_for(200ms);
  CHECK(asked == 0);
}

TEST_CASE_METHOD(Fixture, "nobody waits for longer than it may, nor for what comes too late") {
  pool->cool_down(*add("a", {"free"}), {}, 1h);
  CHECK(wait.wait_for(in_vain({tagged("free")}, 11s)) == KeyWait::Outcome::in_vain);
  CHECK(wait.wait_for({}) == KeyWait::Outcome::in_vain);
  CHECK(pool->waiting() == 0);
  REQUIRE(wait.wait_for(in_vain({tagged("free")}, 1s)) == KeyWait::Outcome::waits);
  CHECK(pool->waiting() == 1);
  wait.leave();
  CHECK(pool->waiting() == 0);
}
