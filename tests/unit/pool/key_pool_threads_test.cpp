// Many threads on one pool; worth its time under ThreadSanitizer.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "pool/clients.h"
#include "pool/key_pool.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

class CountingObserver final : public PoolObserver {
 public:
  void on_key_changed(const KeyRecord&) override { ++changes; }
  void on_key_removed(const std::string&) override { ++changes; }
  std::atomic<int> changes = 0;
};

void serve(KeyPool& pool, int thread) {
  using Way = KeyRef (KeyPool::*)(const KeyQuery&);
  constexpr Way ways[] = {&KeyPool::round_robin, &KeyPool::least_busy, &KeyPool::most_remaining,
                          &KeyPool::best, &KeyPool::weighted};
  for (int i = 0; i < 400; ++i) {
    const auto model = "model-" + std::to_string(i % 80);
    const auto key = (pool.*ways[i % 5])({.model = model});
    if (!key) continue;
    const auto in_flight = pool.begin(key, model);
    if (i % 7 == thread % 7) {
      pool.failed(*key, model, 429, "quota");
      pool.cool_down(*key, model, 1ms);
      pool.strike(*key, 50, "too many failures");
    } else {
      pool.succeeded(*key, model);
    }
  }
}

void administrate(KeyPool& pool) {
  for (int i = 0; i < 60; ++i) {
    const auto added = pool.add({.secret = "passing-" + std::to_string(i % 5)});
    (void)pool.change(added->key->id(), {.tags = {{"new"}}, .weight = i});
    (void)pool.statuses();
    (void)pool.take_changed_states();
    (void)pool.next_free_in({});
    pool.disable(*added->key, "for a change");
    pool.reset(std::nullopt);
    pool.remove(added->key->id());
    (void)added->key->profile();
    (void)added->key->requests_today();
  }
}

}  // namespace

TEST_CASE("eight threads serve and administrate one pool, and no request stays in flight") {
  const SystemClock clock;
  const auto pool = KeyPool::create(clock);
  CountingObserver observer;
  pool->set_observer(&observer);
  for (int i = 0; i < 20; ++i) REQUIRE(pool->add({.secret = "secret-" + std::to_string(i)}));

  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) threads.emplace_back([&, t] { serve(*pool, t); });
  for (int t = 0; t < 2; ++t) threads.emplace_back([&] { administrate(*pool); });
  for (auto& thread : threads) thread.join();

  for (const auto& status : pool->statuses()) CHECK(status.in_flight == 0);
  CHECK(observer.changes > 0);
}

TEST_CASE("clients are found while others come and go") {
  const auto clients = Clients::create();
  const WallTime now{1ms};
  clients->add("steady", "steady-token", now);
  std::vector<std::thread> threads;
  std::atomic<int> missed = 0;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) missed += clients->find("steady-token", now) == nullptr;
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 100; ++i) clients->set_from_settings({"token-" + std::to_string(i)}, now);
  });
  for (auto& thread : threads) thread.join();
  CHECK(missed == 0);
}
