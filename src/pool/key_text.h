// What may be a key, and what a key may be called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pollux {

// Whether this could be an API key at all; Google judges the rest. The message does not repeat it.
Result<void> check_secret(std::string_view secret);
// Keys in anything that people paste: lines, lists, CSV, JSON, .env, code, addresses with ?key=. In the order
// in which they stand there, each once. Where no known form is found, every word between commas and line ends
// may be one.
struct FoundKeys {
  struct Refused {
    std::string masked, reason;
  };
  std::vector<std::string> keys;
  std::vector<Refused> refused;  // What looks like a key and is none.
};
FoundKeys look_for_keys(std::string_view text);

// Names, projects and tags: `field` is named in the message.
Result<void> check_label(std::string_view field, std::string_view label);

inline constexpr std::size_t longest_reason = 500;  // In bytes, of what is kept of a message.
// At most so many bytes of it, without half a character.
std::string cut_to(std::string_view text, std::size_t bytes);

}  // namespace pollux
