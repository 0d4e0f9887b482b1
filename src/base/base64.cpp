#include "base/base64.h"

#include <array>
#include <cstdint>

namespace pollux {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0x80;

constexpr std::array<std::uint8_t, 256> digit_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t at = 0; at < alphabet.size(); ++at) {
    values[static_cast<unsigned char>(alphabet[at])] = static_cast<std::uint8_t>(at);
  }
  values['-'] = values['+'];
  values['_'] = values['/'];
  return values;
}();

std::uint32_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

std::uint32_t digit_at(std::string_view text, std::size_t at) {
  return digit_values[static_cast<unsigned char>(text[at])];
}

char digit(std::uint32_t bits) {
  return alphabet[bits & 63];
}

char low_byte(std::uint32_t bits) {
  return static_cast<char>(bits & 0xff);
}

// Padding fills the last group of four; other '=' are no base64.
std::string_view without_padding(std::string_view text) {
  if (text.size() % 4 != 0) return text;
  for (int most = 2; most > 0 && text.ends_with('='); --most) text.remove_suffix(1);
  return text;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  auto at = out.size();
  out.resize(at + base64_size(bytes.size()));
  char* to = out.data() + at;
  for (at = 0; at + 3 <= bytes.size(); at += 3) {
    const auto bits = byte_at(bytes, at) << 16 | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2);
    *to++ = digit(bits >> 18);
    *to++ = digit(bits >> 12);
    *to++ = digit(bits >> 6);
    *to++ = digit(bits);
  }
  if (at == bytes.size()) return;
  const bool two = at + 2 == bytes.size();
  const auto bits = byte_at(bytes, at) << 16 | (two ? byte_at(bytes, at + 1) << 8 : 0);
  *to++ = digit(bits >> 18);
  *to++ = digit(bits >> 12);
  *to++ = two ? digit(bits >> 6) : '=';
  *to++ = '=';
}

std::string base64_encode(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

std::optional<std::size_t> base64_decoded_size(std::string_view text) noexcept {
  text = without_padding(text);
  if (text.size() % 4 == 1) return std::nullopt;
  std::uint32_t all = 0;
  for (std::size_t at = 0; at < text.size(); ++at) all |= digit_at(text, at);
  if ((all & no_digit) != 0) return std::nullopt;
  return text.size() / 4 * 3 + (text.size() % 4 == 0 ? 0 : text.size() % 4 - 1);
}

void append_base64_decoded(std::string& out, std::string_view text) {
  text = without_padding(text);
  auto at = out.size();
  const auto rest = text.size() % 4;
  out.resize(at + text.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1));
  char* to = out.data() + at;
  for (at = 0; at + 4 <= text.size(); at += 4) {
    const auto bits = digit_at(text, at) << 18 | digit_at(text, at + 1) << 12 | digit_at(text, at + 2) << 6 |
                      digit_at(text, at + 3);
    *to++ = low_byte(bits >> 16);
    *to++ = low_byte(bits >> 8);
    *to++ = low_byte(bits);
  }
  if (rest < 2) return;
  const auto bits =
      digit_at(text, at) << 18 | digit_at(text, at + 1) << 12 | (rest == 3 ? digit_at(text, at + 2) << 6 : 0);
  *to++ = low_byte(bits >> 16);
  if (rest == 3) *to++ = low_byte(bits >> 8);
}

bool base64_decode(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (!base64_decoded_size(text)) return false;
  append_base64_decoded(bytes, text);
  return true;
}

}  // namespace pollux
