// Base64 (RFC 4648). Read are the standard and the URL-safe alphabet, with or without padding; written is the
// standard one, padded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pollux {

constexpr std::size_t base64_size(std::size_t bytes) noexcept {
  return (bytes + 2) / 3 * 4;
}
void append_base64(std::string& out, std::string_view bytes);
std::string base64_encode(std::string_view bytes);

// How many bytes the text stands for; nothing if it is no base64.
std::optional<std::size_t> base64_decoded_size(std::string_view text) noexcept;
// REQUIRES: the text is base64.
void append_base64_decoded(std::string& out, std::string_view text);
// False, and no bytes, if the text is no base64.
bool base64_decode(std::string_view text, std::string& bytes);

}  // namespace pollux
