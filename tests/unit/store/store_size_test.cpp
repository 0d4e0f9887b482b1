// A large pool in the store. Apart, for it is too slow where every access is watched.
#include <chrono>
#include <iostream>
#include <string>

#include "catch.h"
#include "store/store.h"
#include "store/stored_things.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;

TEST_CASE("ten thousand keys are loaded at start") {
  const TemporaryFolder folder;
  const std::string model = "gemini-3.5-flash";
  {
    const auto store = opened(folder.path("data"));
    PoolState states;
    for (int i = 0; i < 10'000; ++i) {
      const auto id = std::to_string(i);
      auto key = a_key(id);
      key.profile.project.clear();
      store->save_key(key);
      states.keys.emplace_back(id, KeyState{});
      states.keys.back().second.models.push_back({.model = model, .day = 20261121, .requests_today = i});
      QuotaState quota{.project = "key:" + id, .model = model, .day = 20261121, .requests_today = i};
      quota.minute = {{noon, 1, 1000}, {noon + 10s, 1, 1000}};
      states.quotas.push_back(std::move(quota));
    }
    store->gather_states([states] { return states; });
  }
  const auto start = std::chrono::steady_clock::now();
  const SystemClock clock;
  const auto pool = KeyPool::create(clock);
  const auto store = opened(folder.path("data"));
  for (auto& [key, state] : store->load_keys()) pool->restore(std::move(key), std::move(state));
  for (auto& quota : store->load_quotas()) pool->restore(std::move(quota));
  const auto time = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start);
  CHECK(pool->size() == 10'000);
  CHECK(pool->take_changes().forgotten_quotas.empty());
  std::cout << "10,000 keys with their quotas opened and restored in " << time.count() << " ms\n";
}
