#include "store/body_text.h"

#include <cstdint>

namespace pollux {
namespace {

// Bytes of the character that `text` begins with; 0: it begins with none that can be shown (RFC 3629).
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto first = byte(0);
  if (first < 0x80)
    return first >= 0x20 ? std::size_t{first != 0x7f}
                         : std::size_t{first == '\n' || first == '\r' || first == '\t'};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  // The second byte rules out overlong forms, surrogates and what lies beyond Unicode.
  const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > most) return 0;
  for (std::size_t at = 2; at < size; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

std::string readable_text(std::string_view bytes) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::string text;
  text.reserve(bytes.size());
  bool replaced = false;
  while (!bytes.empty()) {
    const auto size = character_size(bytes);
    if (size > 0) {
      text += bytes.substr(0, size);
    } else if (!replaced) {
      text += replacement;
    }
    replaced = size == 0;
    bytes.remove_prefix(size > 0 ? size : 1);
  }
  return text;
}

std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace pollux
