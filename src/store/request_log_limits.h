// What the request log keeps, and how it fares.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/settings.h"

namespace pollux {

struct RequestLogLimits {
  int days = 14;  // 0: nothing is kept.
  std::int64_t rows = 200'000;
  std::uint64_t bytes = 256ULL << 20;  // Of the file.
  KeptBodies bodies = KeptBodies::off;
  std::size_t body_bytes = std::size_t{16} << 10;  // Of each; the rest is cut.

  static RequestLogLimits from(const Settings& settings) {
    return {settings.request_log_days, settings.request_log_rows, settings.request_log_bytes,
            settings.request_log_bodies, static_cast<std::size_t>(settings.request_log_body_bytes)};
  }
  bool keeps_nothing() const noexcept { return days == 0 || rows == 0 || bytes == 0; }
};

// Since the start.
struct RequestLogCounts {
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;  // Not recorded: the disk refused them, or they came faster than it takes them.
  std::size_t waiting = 0;    // To be written, now.
  std::size_t waiting_bytes = 0;  // In memory.
};

}  // namespace pollux
