// What has become of all exchanges since the start: counters, and histograms of their times, for GET /metrics
// and the live feed.
//
// Every exchange is counted under one lock, in a few lookups: some hundred nanoseconds. What clients can make
// up is bounded: a model has a label of its own once Google has answered well for it, and only the first
// `most_models` have.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pool/token_counts.h"
#include "store/exchange_record.h"

namespace pollux {

class Histogram {
 public:
  // Upper bounds in seconds; beyond the last one lies one more bucket.
  static constexpr std::array bounds{0.05, 0.1,  0.25, 0.5,  1.0,   2.5,  5.0,
                                     10.0, 20.0, 30.0, 60.0, 120.0, 300.0};
  using Buckets = std::array<std::uint64_t, bounds.size() + 1>;

  void observe(std::chrono::microseconds value) noexcept;
  const Buckets& buckets() const noexcept { return buckets_; }  // Each by itself, not summed up.
  std::chrono::microseconds sum() const noexcept { return sum_; }

 private:
  Buckets buckets_{};
  std::chrono::microseconds sum_{0};
};

// A place in ExchangeCounts::models.
using ModelNumber = std::uint16_t;

struct RequestLabels {
  std::string_view dialect, endpoint;  // Literals.
  ModelNumber model = 0;
  int status = 0;  // 0: the client left before an answer.
  bool operator==(const RequestLabels&) const = default;
};

struct LatencyLabels {
  std::string_view dialect, endpoint;
  bool operator==(const LatencyLabels&) const = default;
};

struct Latency {
  Histogram duration, first_byte;
};

// All that is counted; a copy can be looked at without the lock.
struct ExchangeCounts {
  static constexpr ModelNumber no_model = 0;      // Of requests that name none: "".
  static constexpr ModelNumber other_models = 1;  // "other".
  std::vector<std::string> models = {"", "other"};

  std::vector<std::pair<RequestLabels, std::uint64_t>> requests;
  std::vector<std::pair<LatencyLabels, Latency>> latencies;
  std::vector<TokenCounts> tokens = std::vector<TokenCounts>(2);  // By model.
  std::map<std::string, std::uint64_t, std::less<>> outcomes;     // answered, failed, client_gone
  std::map<std::string, std::uint64_t, std::less<>> attempts;     // By result: ok, http_429, connect, ...
};

class Metrics {
 public:
  static constexpr std::size_t most_models = 200;
  static constexpr std::size_t longest_model = 100;    // Bytes of a name.
  static constexpr std::size_t most_requests = 4'000;  // Sets of labels; beyond, the model is "other".
  static constexpr std::size_t most_results = 100;

  void exchange_begun() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void exchange_over(const ExchangeRecord& record);

  std::int64_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  ExchangeCounts counts() const;

  // The sums that the live feed takes its rates from.
  struct Totals {
    std::int64_t requests = 0, failed = 0, tokens = 0;
    std::chrono::microseconds duration{0};
  };
  Totals totals() const;

 private:
  struct LabelsHash {
    std::size_t operator()(const RequestLabels& labels) const noexcept;
    std::size_t operator()(const LatencyLabels& labels) const noexcept;
  };
  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  // -- REQUIRES that the caller holds the lock
  ModelNumber model_of(const ExchangeRecord& record);
  void count_request(const ExchangeRecord& record, ModelNumber model);
  void count_attempts(const std::vector<AttemptRecord>& attempts);

  std::atomic<std::int64_t> in_flight_{0};
  mutable std::mutex mutex_;  // Guards all below.
  ExchangeCounts counts_;
  Totals totals_;
  // Places in counts_.
  std::unordered_map<std::string, ModelNumber, NameHash, std::equal_to<>> model_numbers_;
  std::unordered_map<RequestLabels, std::size_t, LabelsHash> request_places_;
  std::unordered_map<LatencyLabels, std::size_t, LabelsHash> latency_places_;
};

}  // namespace pollux
