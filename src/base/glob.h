// Patterns in which a * stands for any characters, also none. Case counts.
#pragma once

#include <string_view>

namespace pollux {

// Never takes longer than both lengths multiplied.
bool matches_glob(std::string_view pattern, std::string_view text) noexcept;

}  // namespace pollux
