// What it costs to choose a key, by the number of keys: build/tests/bench/choose_key
//
// A choice here is what a request pays: choose among those that can pay, reserve, answer, succeed, end. Keys
// have the limits of a free tier where it says so; a tenth of them rests, a tenth is disabled.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "pool/key_pool.h"

using namespace pollux;

namespace {

const std::string model = "gemini-3.5-flash";
using Way = Choice (KeyPool::*)(const KeyQuery&);
struct Named {
  const char* name;
  Way way;
};
constexpr Named ways[] = {{"round_robin", &KeyPool::round_robin},
                          {"least_busy", &KeyPool::least_busy},
                          {"most_remaining", &KeyPool::most_remaining},
                          {"best", &KeyPool::best},
                          {"weighted", &KeyPool::weighted}};

std::size_t heap_bytes() {
  return mallinfo2().uordblks;
}

std::unique_ptr<KeyPool> make_pool(const Clock& clock, int keys, bool limited) {
  auto pool = KeyPool::create(clock);
  if (limited) {
    pool->set_limits(
        std::make_shared<const LimitTable>(std::vector<std::string>{}, std::vector<LimitTable::Row>{},
                                           Limits{.rpm = 1'000'000, .tpm = 1'000'000'000, .rpd = 1'000'000}));
  }
  for (int i = 0; i < keys; ++i) {
    const auto added =
        pool->add({.secret = "AIzaSy-" + std::to_string(i), .name = "", .project = "", .tags = {}});
    if (i % 10 == 3) pool->cool_down(*added->key, model, std::chrono::hours(1));
    if (i % 10 == 7) pool->disable(*added->key, "for the measurement");
  }
  return pool;
}

// Nanoseconds for one.
double measure(KeyPool& pool, Way way, int under_way_at_once) {
  constexpr int times = 200'000;
  KeyQuery query;
  query.model = model;
  query.tokens = 100;
  std::vector<KeyPool::Reservation> under_way(static_cast<std::size_t>(under_way_at_once));
  const auto once = [&](int i) {
    const auto chosen = (pool.*way)(query);
    auto& place = under_way[static_cast<std::size_t>(i % under_way_at_once)];
    if (place) {
      place.answered();
      pool.succeeded(*place.key(), model);
    }
    place = pool.reserve(chosen.key, model, 100);
  };
  for (int i = 0; i < 1000; ++i) once(i);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) once(i);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / times;
}

}  // namespace

int main() {
  const SystemClock clock;
  std::printf("%-16s %10s %10s %10s %16s\n", "ns a request", "20 keys", "1,000", "10,000", "10,000 : 20");
  for (const bool limited : {false, true}) {
    for (const auto& [name, way] : ways) {
      double of_20 = 0, last = 0;
      std::printf("%-16s", name);
      for (const int keys : {20, 1'000, 10'000}) {
        const auto pool = make_pool(clock, keys, limited);
        last = measure(*pool, way, 16);
        if (keys == 20) of_20 = last;
        std::printf(" %10.0f", last);
      }
      std::printf(" %16.2f%s\n", last / of_20, limited ? "  with limits" : "");
    }
  }
  const auto before = heap_bytes();
  const auto began = std::chrono::steady_clock::now();
  const auto pool = make_pool(clock, 10'000, true);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  KeyQuery query;
  query.model = model;
  (void)pool->least_busy(query);
  std::printf("10,000 keys: added in %.0f ms, %.1f MiB\n", took.count(),
              static_cast<double>(heap_bytes() - before) / (1 << 20));
}
