// How all keys fare, at a glance.
#include <atomic>
#include <set>
#include <thread>

#include "catch.h"
#include "pool/key_pool.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  ManualClock clock{WallTime(1795262400000ms)};
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);

  KeyRef add(const std::string& name) { return pool->add({.secret = "secret-" + name, .name = name})->key; }
  std::string standings() const {
    std::string text;
    for (const auto& [key, standing] : pool->standings())
      text += key->name() + ":" + std::string(name_of(standing)) + " ";
    return text;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "each key has one standing, the one that its status names") {
  CHECK(pool->standings().empty());
  const auto resting = add("b"), disabled = add("a"), probing = add("d");
  add("c");
  pool->cool_down(*resting, "", 60s, "for a test");
  pool->cool_down(*disabled, "", 60s);
  pool->disable(*disabled, "for a test");
  pool->disable(*probing, "for a test");
  pool->bring_back(*probing);

  CHECK(standings() == "b:resting a:disabled d:probing c:ready ");
  for (const auto& [key, standing] : pool->standings())
    CHECK(pool->status(key->id())->state == name_of(standing));

  clock.advance(61s);
  CHECK(standings() == "b:ready a:disabled d:probing c:ready ");
}

TEST_CASE_METHOD(Fixture, "keys that stay keep their order, and one that comes again is a new one") {
  std::vector<KeyRef> keys;
  for (const auto* name : {"a", "b", "c"}) keys.push_back(add(name));
  pool->remove(keys[1]->id());
  CHECK(standings() == "a:ready c:ready ");
  const auto again = add("b");
  CHECK(standings() == "a:ready c:ready b:ready ");
  CHECK(again->id() == keys[1]->id());
  CHECK(again != keys[1]);
}

TEST_CASE_METHOD(Fixture, "no key is missed or seen twice while others are removed") {
  constexpr std::size_t staying = 700;
  for (std::size_t i = 0; i < staying; ++i) add("stays-" + std::to_string(i));
  std::atomic<bool> over{false};
  std::thread remover([&] {
    for (int i = 0; i < 2000 && !over; ++i) {
      const auto passing = pool->add({.secret = "passes-" + std::to_string(i)})->key;
      pool->remove(passing->id());
    }
  });
  for (int i = 0; i < 100; ++i) {
    std::set<std::string> seen;
    const auto all = pool->standings();
    for (const auto& [key, standing] : all) seen.insert(key->id());
    REQUIRE(seen.size() == all.size());
    REQUIRE(seen.size() >= staying);
  }
  over = true;
  remover.join();
}
