// Catch2 of either major version: Debian 12 has 2, later systems have 3.
#pragma once

#ifdef CATCH2_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>

// As Catch2 3 calls it.
namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) {
  return Contains(text);
}
}  // namespace Catch::Matchers
#endif
