#include "admin/metrics.h"

#include <thread>

#include "catch.h"

using namespace pollux;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

ExchangeRecord exchange(std::string model, int status, std::vector<AttemptRecord> attempts) {
  ExchangeRecord record;
  record.dialect = "gemini", record.endpoint = "generate";
  record.model = record.upstream_model = std::move(model);
  record.status = status;
  record.outcome = status == 0 ? "client_gone" : status < 400 ? "answered" : "failed";
  record.attempts = std::move(attempts);
  record.duration = milliseconds(100);
  return record;
}

AttemptRecord attempt(int status, std::string reason = {}) {
  return {.key_id = "id", .key_name = "name", .status = status, .reason = std::move(reason)};
}

ExchangeRecord good(std::string model) {
  return exchange(std::move(model), 200, {attempt(200)});
}

void count(Metrics& metrics, const ExchangeRecord& record) {
  metrics.exchange_begun();
  metrics.exchange_over(record);
}

std::uint64_t requests_of(const ExchangeCounts& counts, std::string_view model, int status) {
  std::uint64_t sum = 0;
  for (const auto& [labels, requests] : counts.requests) {
    if (counts.models[labels.model] == model && labels.status == status) sum += requests;
  }
  return sum;
}

}  // namespace

TEST_CASE("a histogram counts each value in the first bucket that holds it") {
  Histogram histogram;
  for (const auto value : {0, 50'000, 50'001, 1'000'000, 300'000'000, 300'000'001})
    histogram.observe(microseconds(value));
  Histogram::Buckets expected{};
  expected[0] = 2;      // 0 and 0.05 s
  expected[1] = 1;      // just beyond
  expected[4] = 1;      // 1 s
  expected[12] = 1;     // 300 s
  expected.back() = 1;  // longer
  CHECK(histogram.buckets() == expected);
  CHECK(histogram.sum() == microseconds(601'100'002));
}

TEST_CASE("exchanges are counted by what they asked for and got") {
  Metrics metrics;
  count(metrics, good("flash"));
  count(metrics, exchange("flash", 200, {attempt(429, "http"), attempt(0, "connect"), attempt(200)}));
  count(metrics, exchange("flash", 503, {attempt(503, "http")}));
  count(metrics, exchange("flash", 0, {attempt(0)}));
  count(metrics, exchange("", 401, {}));
  const auto counts = metrics.counts();

  CHECK(requests_of(counts, "flash", 200) == 2);
  CHECK(requests_of(counts, "flash", 503) == 1);
  CHECK(requests_of(counts, "flash", 0) == 1);
  CHECK(requests_of(counts, "", 401) == 1);
  CHECK(counts.outcomes == decltype(counts.outcomes){{"answered", 2}, {"client_gone", 1}, {"failed", 2}});
  CHECK(counts.attempts ==
        decltype(counts.attempts){
            {"abandoned", 1}, {"connect", 1}, {"http_429", 1}, {"http_503", 1}, {"ok", 2}});
  REQUIRE(counts.latencies.size() == 1);
  CHECK(counts.latencies[0].second.duration.sum() == milliseconds(500));
}

TEST_CASE("tokens are counted by model, and together") {
  Metrics metrics;
  auto record = good("flash");
  record.tokens = TokenCounts{.input = 10, .cached = 4, .output = 20, .thoughts = 30};
  count(metrics, record);
  count(metrics, record);
  record = exchange("unheard-of", 404, {attempt(404, "http")});
  record.tokens = TokenCounts{.input = 1};
  count(metrics, record);
  const auto counts = metrics.counts();
  REQUIRE(counts.models == std::vector<std::string>{"", "other", "flash"});
  CHECK(counts.tokens[2] == TokenCounts{.input = 20, .cached = 8, .output = 40, .thoughts = 60});
  CHECK(counts.tokens[ExchangeCounts::other_models] == TokenCounts{.input = 1});
  const auto totals = metrics.totals();
  CHECK(totals.requests == 3);
  CHECK(totals.failed == 1);
  CHECK(totals.tokens == 121);
  CHECK(totals.duration == milliseconds(300));
}

TEST_CASE("a model has a label of its own only once Google has answered well for it") {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i)
    count(metrics, exchange("made-up-" + std::to_string(i), 404, {attempt(404, "http")}));
  count(metrics, exchange("refused", 429, {attempt(429, "http")}));
  count(metrics, exchange("never-sent", 200, {}));
  CHECK(metrics.counts().models == std::vector<std::string>{"", "other"});
  CHECK(requests_of(metrics.counts(), "other", 404) == 1000);

  count(metrics, good("real"));
  count(metrics, exchange("real", 429, {attempt(429, "http")}));
  CHECK(requests_of(metrics.counts(), "real", 200) == 1);
  CHECK(requests_of(metrics.counts(), "real", 429) == 1);
}

TEST_CASE("labels are bounded, and fit to be shown") {
  Metrics metrics;
  count(metrics, good(std::string(Metrics::longest_model + 1, 'x')));
  count(metrics, good("line\nbreak"));
  count(metrics, good("\xff\xfe"));
  CHECK(metrics.counts().models.size() == 2);
  for (std::size_t i = 0; i < Metrics::most_models + 100; ++i)
    count(metrics, good("model-" + std::to_string(i)));
  CHECK(metrics.counts().models.size() == Metrics::most_models + 2);
  CHECK(requests_of(metrics.counts(), "other", 200) == 103);

  for (int status = 100; status < 600; ++status) {
    for (int i = 0; i < 20; ++i)
      count(metrics, exchange("model-" + std::to_string(i), status, {attempt(status, "http")}));
  }
  const auto counts = metrics.counts();
  CHECK(counts.requests.size() <= Metrics::most_requests + 500);
  CHECK(counts.attempts.size() <= Metrics::most_results + 1);
  std::uint64_t all = 0;
  for (const auto& [labels, requests] : counts.requests) all += requests;
  CHECK(all == 10'000 + Metrics::most_models + 103);
}

TEST_CASE("what is under way is counted from any thread, and nothing is lost") {
  Metrics metrics;
  metrics.exchange_begun();
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&metrics, worker] {
      for (int i = 0; i < 2000; ++i) count(metrics, good("model-" + std::to_string((worker + i) % 8)));
    });
  }
  for (int i = 0; i < 50; ++i) CHECK(metrics.counts().models.size() <= 10);
  for (auto& worker : workers) worker.join();
  CHECK(metrics.in_flight() == 1);
  CHECK(metrics.totals().requests == 8000);
}
