#include "script/json_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace pollux {

namespace {

constexpr double largest_integer = 9007199254740992.0;  // 2^53: up to it a double holds every integer.

bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

// Eight bytes at once: whether one of them is not plain.
bool any_special(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t v) { return (v - ones) & ~v & highs; };
  const std::uint64_t below_blank = (bytes - ones * 0x20) & ~bytes & highs;
  return (below_blank | has_zero(bytes ^ (ones * '"')) | has_zero(bytes ^ (ones * '\\')) | (bytes & highs)) !=
         0;
}

// A decimal number as its digits, without zeros at either end, and the exponent of the first: 0.0120 is "12",
// -2.
class Decimal {
 public:
  explicit Decimal(std::string_view text) : text_(text) {
    std::size_t at = 0;
    if (at < text.size() && text[at] == '-') negative_ = true, ++at;
    mantissa_ = at;
    at = std::min(text.find_first_of("eE", at), text.size());
    mantissa_end_ = at;
    if (at < text.size()) read_exponent(at + 1);
    const std::size_t point = std::min(text.find('.', mantissa_), mantissa_end_);
    while (mantissa_ < mantissa_end_ && !is_digit(mantissa_, '1')) ++mantissa_;
    while (mantissa_end_ > mantissa_ && !is_digit(mantissa_end_ - 1, '1')) --mantissa_end_;
    is_zero_ = mantissa_ == mantissa_end_;
    const auto first = static_cast<long>(mantissa_), dot = static_cast<long>(point);
    exponent_ += first < dot ? dot - first - 1 : dot - first;
  }

  bool operator==(const Decimal& other) const {
    if (is_zero_ || other.is_zero_) return is_zero_ && other.is_zero_;
    if (negative_ != other.negative_ || exponent_ != other.exponent_) return false;
    std::size_t one = mantissa_, two = other.mantissa_;
    while (true) {
      if (one < mantissa_end_ && text_[one] == '.') ++one;
      if (two < other.mantissa_end_ && other.text_[two] == '.') ++two;
      if (one == mantissa_end_ || two == other.mantissa_end_) break;
      if (text_[one++] != other.text_[two++]) return false;
    }
    return one == mantissa_end_ && two == other.mantissa_end_;
  }

 private:
  bool is_digit(std::size_t at, char least) const { return text_[at] >= least && text_[at] <= '9'; }

  void read_exponent(std::size_t at) {
    constexpr long most = 1'000'000'000;  // Beyond it they are all the same to us.
    const bool minus = at < text_.size() && text_[at] == '-';
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    for (; at < text_.size(); ++at) exponent_ = std::min(most, exponent_ * 10 + (text_[at] - '0'));
    if (minus) exponent_ = -exponent_;
  }

  std::string_view text_;
  std::size_t mantissa_ = 0, mantissa_end_ = 0;
  long exponent_ = 0;
  bool negative_ = false, is_zero_ = false;
};

}  // namespace

std::size_t plain_run(const char* at, const char* end) noexcept {
  const char* const start = at;
  while (end - at >= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    if (any_special(bytes)) break;
    at += 8;
  }
  while (at < end && is_plain(*at)) ++at;
  return static_cast<std::size_t>(at - start);
}

std::size_t utf8_length(const char* at, const char* end) noexcept {
  const auto byte = [at](int i) { return static_cast<unsigned char>(at[i]); };
  const auto follows = [&](int i, unsigned char least, unsigned char most) {
    return end - at > i && byte(i) >= least && byte(i) <= most;
  };
  const unsigned char first = byte(0);
  if (first >= 0xC2 && first <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {  // Neither longer than needed nor a surrogate.
    const bool second = follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return second && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool second = follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F)), put(0x80 | ((c >> 6) & 0x3F)),
      put(0x80 | (c & 0x3F));
}

bool append_json_text(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const std::size_t run = plain_run(at, end);
    out.append(at, run);
    at += run;
    if (at == end) break;
    const auto byte = static_cast<unsigned char>(*at);
    if (byte >= 0x80) {
      const std::size_t length = utf8_length(at, end);
      if (length == 0) return false;
      out.append(at, length);
      at += length;
      continue;
    }
    ++at;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
  }
  out += '"';
  return true;
}

bool append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) return false;
  char digits[32];
  const bool whole = std::abs(number) <= largest_integer && number == std::floor(number);
  const bool minus_zero = number == 0 && std::signbit(number);
  const auto written = whole && !minus_zero
                           ? std::to_chars(digits, digits + sizeof digits, static_cast<std::int64_t>(number))
                           : std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, written.ptr);
  return true;
}

double number_of(std::string_view text) noexcept {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc::result_out_of_range) return number;
  // Too large or too small to hold: which, says the exponent.
  const bool small = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos ||
                     text.starts_with("0.") || text.starts_with("-0.");
  const double size = small ? 0 : std::numeric_limits<double>::infinity();
  return text.starts_with('-') ? -size : size;
}

bool is_held_by_double(std::string_view text) noexcept {
  const bool is_integer = text.find_first_of(".eE") == std::string_view::npos;
  const double number = number_of(text);
  if (is_integer)
    return std::abs(number) < largest_integer || is_same_number(text, "9007199254740992") ||
           is_same_number(text, "-9007199254740992");
  if (!std::isfinite(number)) return false;
  char shortest[32];
  const auto written = std::to_chars(shortest, shortest + sizeof shortest, number);
  return is_same_number(text, {shortest, static_cast<std::size_t>(written.ptr - shortest)});
}

bool is_same_number(std::string_view one, std::string_view other) noexcept {
  return Decimal(one) == Decimal(other);
}

}  // namespace pollux
