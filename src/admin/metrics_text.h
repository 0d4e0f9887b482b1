// What GET /metrics tells, and its form: Prometheus' text format 0.0.4.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/metrics.h"
#include "admin/process_facts.h"
#include "pool/key_pool.h"
#include "store/request_log_limits.h"

namespace pollux {

// How many keys are in each standing; by the number of KeyStanding.
using KeysByStanding = std::array<std::int64_t, 4>;
KeysByStanding count_by_standing(const std::vector<KeyPool::Standing>& keys);

struct MetricsReport {
  std::string_view version;
  ExchangeCounts traffic;
  std::int64_t in_flight = 0;
  std::size_t waiting = 0;  // For a key.
  KeysByStanding keys{};
  std::vector<std::chrono::nanoseconds> loop_lags;  // By worker.
  std::size_t listeners = 0;                        // Of the live feed.
  struct InTrouble {
    bool database = false, request_log = false;
    bool policies = false;  // The newest files did not load.
  } in_trouble;
  RequestLogCounts request_log;
  std::uint64_t log_lines_dropped = 0;
  ProcessFacts process;
};

std::string metrics_text(const MetricsReport& report);

}  // namespace pollux
