// What the request log keeps, and how it fares.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pollux {

enum class KeptBodies { off, errors, all };

struct RequestLogLimits {
  int days = 14;  // 0: nothing is kept.
  std::int64_t rows = 200'000;
  std::uint64_t bytes = 256ULL << 20;  // Of the file.
  KeptBodies bodies = KeptBodies::off;
  std::size_t body_bytes = std::size_t{16} << 10;  // Of each; the rest is cut.

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
