#include "gateway/token_estimate.h"

#include <algorithm>
#include <cstring>

#include "gateway/json_scan.h"

namespace pollux {
namespace {

constexpr std::size_t shortest_media = 4096;  // In bytes of base64, as all sizes of media here.
constexpr std::size_t media_sample = 256;     // Read to tell base64 from text.
constexpr std::size_t largest_picture = std::size_t{512} << 10;
constexpr std::int64_t picture_tokens = 258;
constexpr std::size_t bytes_per_media_token =
    4096;  // Of what is longer than a picture: sound, video, documents.

std::size_t count_non_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t high_bits = 0x8080808080808080, ones = 0x0101010101010101;
  std::size_t count = 0, at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    count += static_cast<std::size_t>((((word & high_bits) >> 7) * ones) >> 56);  // Sums the eight bytes.
  }
  for (; at < text.size(); ++at) count += static_cast<unsigned char>(text[at]) >> 7;
  return count;
}

// Of either alphabet, also with escaped slashes or line ends.
bool is_base64(char letter) noexcept {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '+' || letter == '/' || letter == '-' ||
         letter == '_' || letter == '=' || letter == '\\';
}

bool is_media(std::string_view string) noexcept {
  if (string.size() < shortest_media) return false;
  auto sample = string.substr(0, media_sample);
  if (sample.starts_with("data:")) sample.remove_prefix(std::min(sample.find(',') + 1, sample.size()));
  return std::all_of(sample.begin(), sample.end(), is_base64);
}

std::int64_t media_tokens(std::size_t size) noexcept {
  const auto beyond = size - std::min(size, largest_picture);
  return picture_tokens + static_cast<std::int64_t>(beyond / bytes_per_media_token);
}

}  // namespace

std::int64_t estimate_input_tokens(std::string_view body) noexcept {
  std::size_t text = 0, other_text = 0;  // Bytes: all of it, and what of it is no ASCII.
  std::int64_t media = 0;
  const auto count_text = [&](std::string_view piece) {
    text += piece.size();
    other_text += count_non_ascii(piece);
  };
  for (std::size_t at = 0; at < body.size();) {
    const auto open = std::min(body.find('"', at), body.size());
    text += static_cast<std::size_t>(std::count_if(body.begin() + static_cast<std::ptrdiff_t>(at),
                                                   body.begin() + static_cast<std::ptrdiff_t>(open),
                                                   [](unsigned char letter) { return letter > ' '; }));
    if (open == body.size()) break;
    const auto close = std::min(json_string_end(body, open + 1), body.size());
    const auto string = body.substr(open + 1, close - open - 1);
    if (is_media(string)) {
      media += media_tokens(string.size());
    } else {
      count_text(string);
    }
    at = close + 1;
  }
  const auto twelfths = static_cast<std::int64_t>((text - other_text) * 3 + other_text * 4);
  return std::max<std::int64_t>(1, media + (twelfths + 11) / 12);
}

}  // namespace pollux
