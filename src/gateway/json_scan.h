// Finding one's way in JSON text without decoding it. Linear in what is passed over, whatever the text is.
#pragma once

#include <string_view>

namespace pollux {

constexpr bool is_json_blank(char letter) noexcept {
  return letter == ' ' || letter == '\n' || letter == '\r' || letter == '\t';
}

// The place of the quote that closes the string whose content begins at `at`; npos if nothing closes it.
std::size_t json_string_end(std::string_view text, std::size_t at) noexcept;

// The first place from `at` on that is no white space, or the size of the text.
std::size_t behind_blanks(std::string_view text, std::size_t at) noexcept;

// The place behind the value that begins at `at`; the size of the text if it does not end there. Brackets are
// counted, not checked for their kind.
std::size_t json_value_end(std::string_view text, std::size_t at) noexcept;

}  // namespace pollux
