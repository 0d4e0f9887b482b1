#include "base/glob.h"

namespace pollux {

// Only the last * is ever taken up again: what an earlier one could still take, the later one can as well.
bool matches_glob(std::string_view pattern, std::string_view text) noexcept {
  constexpr auto none = std::string_view::npos;
  std::size_t at = 0, star = none, star_ends = 0;
  for (std::size_t here = 0; here < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++, star_ends = here;
    } else if (at < pattern.size() && pattern[at] == text[here]) {
      ++at, ++here;
    } else if (star != none) {
      at = star + 1, here = ++star_ends;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace pollux
