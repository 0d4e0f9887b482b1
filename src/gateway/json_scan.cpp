#include "gateway/json_scan.h"

namespace pollux {

std::size_t json_string_end(std::string_view text, std::size_t at) noexcept {
  for (auto quote = text.find('"', at); quote != std::string_view::npos; quote = text.find('"', quote + 1)) {
    auto unescaped = quote;
    while (unescaped > at && text[unescaped - 1] == '\\') --unescaped;
    if ((quote - unescaped) % 2 == 0) return quote;
    at = quote + 1;  // So that no backslash is counted twice.
  }
  return std::string_view::npos;
}

std::size_t behind_blanks(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_json_blank(text[at])) ++at;
  return at;
}

std::size_t json_value_end(std::string_view text, std::size_t at) noexcept {
  for (std::size_t depth = 0; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
        at = json_string_end(text, at + 1);
        if (at == std::string_view::npos) return text.size();
        if (depth == 0) return at + 1;
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;  // Of what holds a number, true, false or null.
        if (--depth == 0) return at + 1;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
  }
  return text.size();
}

}  // namespace pollux
