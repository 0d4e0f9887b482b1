// How many tokens a request cost.
#pragma once

#include <cstdint>

namespace pollux {

// Tokens as an answer's usageMetadata counts them.
struct TokenCounts {
  std::int64_t input =
      0;  // Prompt and tool use; what the limit of tokens a minute counts. Cached ones included.
  std::int64_t cached = 0;  // Of the input.
  std::int64_t output = 0;  // Without thoughts.
  std::int64_t thoughts = 0;
  TokenCounts& operator+=(const TokenCounts& more) {
    input += more.input, cached += more.cached, output += more.output, thoughts += more.thoughts;
    return *this;
  }
  bool operator==(const TokenCounts&) const = default;
};

}  // namespace pollux
