// What it costs to count an exchange, to tell of it, and to watch: build/tests/bench/told
#include <chrono>
#include <cstdio>
#include <string>

#include "admin/live_feed.h"
#include "admin/metrics.h"
#include "admin/metrics_text.h"
#include "pool/key_pool.h"

using namespace pollux;

namespace {

// Nanoseconds for one, CPU and wall alike: nothing here waits.
template <typename Task>
double measure(int times, Task&& task) {
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) task(i);
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - began;
  return spent.count() / times;
}

ExchangeRecord exchange(int model) {
  ExchangeRecord record;
  record.client_id = "client-1a2b3c4d5e6f", record.client_name = "phone";
  record.remote_address = "192.0.2.7";
  record.dialect = "gemini", record.endpoint = "generate";
  record.method = "POST";
  record.model = record.upstream_model = "gemini-3.5-flash-" + std::to_string(model);
  record.path = "/v1beta/models/" + record.model + ":generateContent";
  record.key_id = "3f9a2c41d07e", record.key_name = "work", record.masked_key = "AIza…x9Qk";
  record.status = 200;
  record.outcome = "answered";
  record.attempts.push_back({.key_id = "3f9a2c41d07e", .key_name = "work", .status = 200});
  record.duration = record.first_byte.emplace(std::chrono::milliseconds(900));
  record.tokens = TokenCounts{.input = 100, .cached = 0, .output = 200, .thoughts = 300};
  return record;
}

void measure_exchanges() {
  Metrics metrics;
  std::vector<ExchangeRecord> records;
  for (int model = 0; model < 200; ++model) records.push_back(exchange(model));
  const auto record = [&](int i) -> const ExchangeRecord& {
    return records[static_cast<std::size_t>(i) % records.size()];
  };
  std::printf("count an exchange                  %8.0f ns\n", measure(1'000'000, [&](int i) {
                metrics.exchange_begun();
                metrics.exchange_over(record(i));
              }));
  LiveFeed feed;
  std::printf("tell of it, nobody listens         %8.1f ns\n",
              measure(10'000'000, [&](int i) { feed.publish_request(record(i)); }));
  const auto listener = feed.listen([] {});
  std::printf("tell of it to one                  %8.0f ns\n", measure(100'000, [&](int i) {
                if (i % 50 == 0) feed.publish_traffic("{}"), listener->take();
                feed.publish_request(record(i));
              }));
  std::printf("beyond 50 a second                 %8.1f ns\n",
              measure(10'000'000, [&](int i) { feed.publish_request(record(i)); }));
  std::printf("a scrape's text, 200 models        %8.0f ns\n",
              measure(200, [&](int) { (void)metrics_text({.version = "1", .traffic = metrics.counts()}); }));
}

void measure_pool(int keys) {
  const SystemClock clock;
  const auto pool = KeyPool::create(clock);
  for (int i = 0; i < keys; ++i) (void)pool->add({.secret = "AIzaSy-" + std::to_string(i)});
  std::printf("how %6d keys fare               %8.0f ns\n", keys,
              measure(200, [&](int) { (void)pool->standings(); }));
}

}  // namespace

int main() {
  measure_exchanges();
  measure_pool(20);
  measure_pool(10'000);
}
