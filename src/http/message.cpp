#include "http/message.h"

#include <algorithm>
#include <array>

namespace pollux {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_decoded(std::string& out, std::string_view text, bool plus_is_blank) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '%' && at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[at + 1]) * 16 + hex_digit(text[at + 2]));
      at += 2;
    } else {
      out += plus_is_blank && c == '+' ? ' ' : c;
    }
  }
}

}  // namespace

bool equals_ignoring_case(std::string_view one, std::string_view other) noexcept {
  return one.size() == other.size() && std::equal(one.begin(), one.end(), other.begin(),
                                                  [](char a, char b) { return lower(a) == lower(b); });
}

bool comma_list_has(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), word)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

Headers::Field Headers::operator[](std::size_t index) const noexcept {
  const auto& span = spans_[index];
  return {std::string_view(text_).substr(span.name_at, span.name_size),
          std::string_view(text_).substr(span.value_at, span.value_size)};
}

void Headers::make_room(std::size_t bytes) {
  const auto needed = text_.size() + bytes;
  if (needed <= text_.capacity()) return;
  text_.reserve(std::max({needed, text_.capacity() * 2, std::size_t{256}}));
}

void Headers::add(std::string_view name, std::string_view value) {
  // A view of these Headers' own text would die with the old buffer.
  const auto inside = [this](std::string_view view) {
    return view.data() >= text_.data() && view.data() < text_.data() + text_.size();
  };
  if (inside(name) || inside(value)) {
    const std::string own_name(name);
    const std::string own_value(value);
    return add(own_name, own_value);
  }
  make_room(name.size() + value.size());
  begin_field();
  append_to_name(name);
  append_to_value(value);
}

void Headers::set(std::string_view name, std::string_view value) {
  const std::string own_name(name);
  const std::string own_value(value);
  const auto same = [&](const Span& span) {
    return equals_ignoring_case(std::string_view(text_).substr(span.name_at, span.name_size), own_name);
  };
  const auto first = std::find_if(spans_.begin(), spans_.end(), same);
  if (first == spans_.end()) return add(own_name, own_value);
  spans_.erase(std::remove_if(first + 1, spans_.end(), same), spans_.end());
  if (own_value.size() > first->value_size) {
    first->value_at = static_cast<std::uint32_t>(text_.size());
    text_ += own_value;
  } else {
    text_.replace(first->value_at, own_value.size(), own_value);
  }
  first->value_size = static_cast<std::uint32_t>(own_value.size());
}

void Headers::remove(std::string_view name) {
  std::erase_if(spans_, [&](const Span& span) {
    return equals_ignoring_case(std::string_view(text_).substr(span.name_at, span.name_size), name);
  });
}

void Headers::clear() noexcept {
  text_.clear();
  spans_.clear();
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
  spans_.reserve(fields);
  text_.reserve(bytes);
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (std::size_t at = 0; at < spans_.size(); ++at) {
    if (spans_[at].name_size != name.size()) continue;  // Most differ in that.
    const auto field = (*this)[at];
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

bool Headers::lists(std::string_view name, std::string_view word) const {
  for (const auto& field : *this)
    if (equals_ignoring_case(field.name, name) && comma_list_has(field.value, word)) return true;
  return false;
}

void Headers::begin_field() {
  const auto at = static_cast<std::uint32_t>(text_.size());
  spans_.push_back({at, 0, at, 0});
}

void Headers::append_to_name(std::string_view bytes) {
  text_ += bytes;
  auto& span = spans_.back();
  span.name_size += static_cast<std::uint32_t>(bytes.size());
  span.value_at = static_cast<std::uint32_t>(text_.size());
}

void Headers::append_to_value(std::string_view bytes) {
  text_ += bytes;
  spans_.back().value_size += static_cast<std::uint32_t>(bytes.size());
}

Headers::Field Headers::end_field() {
  auto& span = spans_.back();
  const auto value = trimmed(std::string_view(text_).substr(span.value_at, span.value_size));
  span.value_at = static_cast<std::uint32_t>(value.data() - text_.data());
  span.value_size = static_cast<std::uint32_t>(value.size());
  return (*this)[spans_.size() - 1];
}

std::string_view reason_phrase(int status) noexcept {
  struct Phrase {
    int status;
    std::string_view text;
  };
  // In ascending order. RFC 9110 section 15, and those of RFC 6585.
  static constexpr std::array phrases{
      Phrase{100, "Continue"},
      Phrase{101, "Switching Protocols"},
      Phrase{200, "OK"},
      Phrase{201, "Created"},
      Phrase{202, "Accepted"},
      Phrase{203, "Non-Authoritative Information"},
      Phrase{204, "No Content"},
      Phrase{205, "Reset Content"},
      Phrase{206, "Partial Content"},
      Phrase{300, "Multiple Choices"},
      Phrase{301, "Moved Permanently"},
      Phrase{302, "Found"},
      Phrase{303, "See Other"},
      Phrase{304, "Not Modified"},
      Phrase{307, "Temporary Redirect"},
      Phrase{308, "Permanent Redirect"},
      Phrase{400, "Bad Request"},
      Phrase{401, "Unauthorized"},
      Phrase{402, "Payment Required"},
      Phrase{403, "Forbidden"},
      Phrase{404, "Not Found"},
      Phrase{405, "Method Not Allowed"},
      Phrase{406, "Not Acceptable"},
      Phrase{407, "Proxy Authentication Required"},
      Phrase{408, "Request Timeout"},
      Phrase{409, "Conflict"},
      Phrase{410, "Gone"},
      Phrase{411, "Length Required"},
      Phrase{412, "Precondition Failed"},
      Phrase{413, "Content Too Large"},
      Phrase{414, "URI Too Long"},
      Phrase{415, "Unsupported Media Type"},
      Phrase{416, "Range Not Satisfiable"},
      Phrase{417, "Expectation Failed"},
      Phrase{421, "Misdirected Request"},
      Phrase{422, "Unprocessable Content"},
      Phrase{426, "Upgrade Required"},
      Phrase{428, "Precondition Required"},
      Phrase{429, "Too Many Requests"},
      Phrase{431, "Request Header Fields Too Large"},
      Phrase{499, "Client Closed Request"},
      Phrase{500, "Internal Server Error"},
      Phrase{501, "Not Implemented"},
      Phrase{502, "Bad Gateway"},
      Phrase{503, "Service Unavailable"},
      Phrase{504, "Gateway Timeout"},
      Phrase{505, "HTTP Version Not Supported"},
      Phrase{529, "Site Is Overloaded"},
  };
  const auto* found =
      std::lower_bound(phrases.begin(), phrases.end(), status,
                       [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  return found != phrases.end() && found->status == status ? found->text : "Unknown";
}

bool is_hop_by_hop(std::string_view name) noexcept {
  switch (name.size()) {
    case 2:
      return equals_ignoring_case(name, "TE");
    case 7:
      return equals_ignoring_case(name, "Trailer") || equals_ignoring_case(name, "Upgrade");
    case 10:
      return equals_ignoring_case(name, "Connection") || equals_ignoring_case(name, "Keep-Alive");
    case 17:
      if (equals_ignoring_case(name, "Transfer-Encoding")) return true;
      [[fallthrough]];
    default:
      return name.size() > 6 && equals_ignoring_case(name.substr(0, 6), "Proxy-");
  }
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    auto& pair = pairs.emplace_back();
    append_decoded(pair.first, part.substr(0, equals), true);
    if (equals != std::string_view::npos) append_decoded(pair.second, part.substr(equals + 1), true);
  }
  return pairs;
}

std::string percent_encode_path(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool alphanumeric =
        (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    if (alphanumeric || std::string_view("-._~/").find(letter) != std::string_view::npos) {
      encoded += letter;
    } else {
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  append_decoded(decoded, text, false);
  return decoded;
}

}  // namespace pollux
