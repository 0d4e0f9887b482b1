// What the system says of this process.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace pollux {

struct ProcessFacts {
  std::uint64_t resident_bytes = 0;
  std::chrono::microseconds cpu{0};  // User's and system's.
  std::uint64_t open_files = 0, most_files = 0;
  WallTime started;
};

// Counts open files one by one where the system has no number for it: milliseconds where there are thousands.
ProcessFacts read_process_facts(WallTime started);

}  // namespace pollux
