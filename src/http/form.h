// Forms in request bodies: multipart/form-data (RFC 7578) and application/x-www-form-urlencoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pollux {

inline constexpr std::size_t most_form_parts = 1000;
inline constexpr std::size_t most_part_header_bytes = std::size_t{8} * 1024;

struct FormPart {
  std::string name;
  std::optional<std::string> filename, type;
  std::string_view in_place;           // The value where it lies in the body,
  std::optional<std::string> decoded;  // or what it stands for, if it is escaped there.
  std::string_view value() const { return decoded ? std::string_view(*decoded) : in_place; }
};

// The parts in their order; names come as often as they were sent. The body outlives them. An error says what
// is wrong with the form, or that there is none.
Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body);

}  // namespace pollux
