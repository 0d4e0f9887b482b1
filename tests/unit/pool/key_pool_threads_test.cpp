// Many threads on one pool; worth its time under ThreadSanitizer.
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <span>
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
  using Way = Choice (KeyPool::*)(const KeyQuery&);
  constexpr Way ways[] = {&KeyPool::round_robin, &KeyPool::least_busy, &KeyPool::most_remaining,
                          &KeyPool::best, &KeyPool::weighted};
  for (int i = 0; i < 400; ++i) {
    const auto model = "model-" + std::to_string(i % 80);
    const auto key = (pool.*ways[i % 5])({.model = model}).key;
    if (!key) continue;
    const auto in_flight = pool.reserve(key, model, 1);
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
    (void)pool.standings();
    (void)pool.take_changes();
    (void)pool.next_free_in({});
    pool.disable(*added->key, "for a change");
    pool.reset(std::nullopt);
    pool.remove(added->key->id());
    (void)added->key->profile();
    (void)added->key->requests_today();
  }
}

// Counts what reaches it as Google would: what was sent and not refused, by project and model.
class Upstream {
 public:
  void count(const std::string& project) {
    const std::lock_guard lock(mutex_);
    ++counted_[project];
  }
  std::map<std::string, int> counted() {
    const std::lock_guard lock(mutex_);
    return counted_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> counted_;
};

constexpr const char* shared_model = "gemini-3.5-flash";
constexpr std::int64_t most_a_minute = 40, most_a_day = 60;

// Asks as an exchange does: for a place in line where no key can pay, and a key once it is told.
class Asker {
 public:
  Asker(KeyPool& pool, Upstream& upstream, unsigned seed) : pool_(pool), upstream_(upstream), random_(seed) {}

  void ask(int times) {
    for (int i = 0; i < times; ++i) ask_once();
  }

 private:
  void ask_once() {
    KeyQuery query{.model = shared_model, .conditions = {}, .tokens = 1 + dice(50)};
    if (dice(3) == 0) query.conditions.push_back({KeyQuery::Condition::Kind::tagged, "free"});
    std::unique_ptr<WaitingPlace> place;
    const auto told = std::make_shared<std::atomic<int>>(0);
    for (int tries = 0; tries < 8; ++tries) {
      query.place = place.get();
      const auto choice = dice(2) == 0 ? pool_.least_busy(query) : pool_.most_remaining(query);
      if (choice.key && send(choice.key, query.tokens)) return;
      if (!choice.key && !choice.free_in) return;
      if (!place) place = pool_.wait_in_line(std::span(&query, 1), [told] { ++*told; });
      if (place && pool_.is_first(*place)) (void)pool_.next_free_in(query);
      std::this_thread::yield();
    }
  }

  bool send(const KeyRef& key, std::int64_t tokens) {
    auto request = pool_.reserve(key, shared_model, tokens, false);
    if (!request) return false;
    const auto project = key->profile().project;
    switch (dice(6)) {
      case 0:  // It never got there.
        request.give_back();
        break;
      case 1:  // Refused, and told whose it is.
        request.answered();
        pool_.learn_limit(*key, shared_model, "rpm", most_a_minute - dice(2));
        pool_.learn_project(*key, "project-0");
        request.give_back();
        break;
      default:
        upstream_.count(project.empty() ? "project-0" : project);
        request.answered();
        request.used({.input = tokens - dice(3), .output = 5});
        pool_.succeeded(*key, shared_model);
    }
    return true;
  }

  int dice(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }

  KeyPool& pool_;
  Upstream& upstream_;
  std::minstd_rand random_;
};

}  // namespace

TEST_CASE("eight threads that wait, reserve, give back and learn never overrun a limit") {
  const ManualClock clock{WallTime{1795262400000ms}};  // The minute never ends.
  const auto pool = KeyPool::create(clock);
  pool->set_limits(
      std::make_shared<const LimitTable>(std::vector<std::string>{}, std::vector<LimitTable::Row>{},
                                         Limits{.rpm = most_a_minute, .tpm = 1'000'000, .rpd = most_a_day}));
  for (int i = 0; i < 24; ++i) {
    // Those without a project are of the first one, as will turn out.
    const auto project = i % 4 == 3 ? std::string() : "project-" + std::to_string(i % 4);
    const std::vector<std::string> tags =
        i % 2 == 0 ? std::vector<std::string>{"free"} : std::vector<std::string>{};
    const auto added =
        pool->add({.secret = "secret-" + std::to_string(i), .name = "", .project = project, .tags = tags});
    REQUIRE(added);
    if (project.empty()) pool->learn_project(*added->key, "project-0");
  }
  Upstream upstream;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] { Asker(*pool, upstream, t + 1).ask(300); });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 40; ++i) {
      (void)pool->take_changes();
      (void)pool->statuses();
      (void)pool->add(
          {.secret = "late-" + std::to_string(i), .name = "", .project = "project-1", .tags = {}});
    }
  });
  for (auto& thread : threads) thread.join();

  for (const auto& [project, requests] : upstream.counted()) {
    INFO(project);
    CHECK(requests <= most_a_minute);
    CHECK(requests >= most_a_minute - 2);  // And used up to what was learned.
  }
  CHECK(upstream.counted().size() == 3);
  CHECK(pool->waiting() == 0);
  const auto counted = upstream.counted();
  for (const auto& status : pool->statuses()) {
    CHECK(status.in_flight == 0);
    for (const auto& of_model : status.models) {
      const auto project = counted.find(status.profile.project);
      REQUIRE(project != counted.end());
      CHECK(of_model.requests_this_minute == project->second);  // Nothing under way, nothing lost.
      CHECK(of_model.project_requests_today == project->second);
    }
  }
}

TEST_CASE("keys that turn out to be of one project are counted together while they are asked") {
  const ManualClock clock{WallTime{1795262400000ms}};
  const auto pool = KeyPool::create(clock);
  pool->set_limits(std::make_shared<const LimitTable>(std::vector<std::string>{},
                                                      std::vector<LimitTable::Row>{}, Limits{.rpm = 100}));
  std::vector<KeyRef> keys;
  for (int i = 0; i < 8; ++i)
    keys.push_back(
        pool->add({.secret = "secret-" + std::to_string(i), .name = "", .project = "", .tags = {}})->key);
  std::atomic<int> sent = 0;
  std::vector<std::thread> threads;
  for (const auto& key : keys) {
    threads.emplace_back([&, key] {
      for (int i = 0; i < 200; ++i) {
        auto request = pool->reserve(key, shared_model, 1, false);
        if (i == 5) pool->learn_project(*key, "one");
        if (!request) continue;
        if (i % 3 == 0) {
          request.give_back();
        } else {
          ++sent;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();

  const auto status = pool->status(keys.front()->id());
  CHECK(status->models.front().requests_this_minute == sent);
  CHECK(status->models.front().project_requests_today == sent);
  CHECK(pool->remaining(*keys.front(), "rpm", shared_model) == 0);
}

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
  REQUIRE(clients->add("steady-token", {.name = "steady"}, now));
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
