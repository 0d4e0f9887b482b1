// What a sliding minute held, as it is stored.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace pollux {

struct StoredUse {
  WallTime at;  // Counts for the 60 seconds from then.
  std::int64_t requests = 0, tokens = 0;
};

}  // namespace pollux
