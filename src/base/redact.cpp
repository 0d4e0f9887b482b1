#include "base/redact.h"

#include <cstddef>

namespace pollux {
namespace {

constexpr std::size_t shown_of_each_end = 4;
constexpr std::size_t shortest_shown = 20;  // A shorter secret would be half told by its two ends.
constexpr std::size_t shortest_tail = 20;   // After "AIza" or "AQ.": cut-off keys are worth hiding, too.

bool is_key_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

struct Span {
  std::size_t begin = 0, end = 0;
  bool empty() const { return begin == end; }
};

// A key that begins right here, by its own look.
Span key_at(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  const bool standard = rest.starts_with("AIza");
  if (!standard && !rest.starts_with("AQ.")) return {};
  const std::size_t prefix = standard ? 4 : 3;
  auto end = prefix;
  while (end < rest.size() && (is_key_character(rest[end]) || (!standard && rest[end] == '.'))) ++end;
  while (rest[end - 1] == '.' && end > prefix) --end;  // The full stop of a sentence.
  if (end - prefix < shortest_tail) return {};
  return {at, at + end};
}

// Whatever stands where a key is expected.
Span named_value_at(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  const bool in_query = at > 0 && (text[at - 1] == '?' || text[at - 1] == '&');
  std::size_t prefix = 0;
  for (const std::string_view name : {"key=", "access_token="}) {
    if (in_query && rest.starts_with(name)) prefix = name.size();
  }
  if (rest.starts_with("api_key:")) prefix = 8;
  if (prefix == 0) return {};
  const auto value = rest.substr(prefix);
  const auto end = value.find_first_of("&#;,'\"<>(){}\\ \t\r\n");
  const auto size = end == std::string_view::npos ? value.size() : end;
  if (value.substr(0, size).find("…") != std::string_view::npos) return {};
  return {at + prefix, at + prefix + size};
}

Span next_secret(std::string_view text, std::size_t from) {
  for (auto at = from; at < text.size(); ++at) {
    const char c = text[at];
    if (c != 'A' && c != 'k' && c != 'a') continue;
    const auto found = c == 'A' ? key_at(text, at) : named_value_at(text, at);
    if (!found.empty()) return found;
  }
  return {text.size(), text.size()};
}

}  // namespace

std::string mask_secret(std::string_view secret) {
  if (secret.size() < shortest_shown) return "…";
  std::string shown(secret.substr(0, shown_of_each_end));
  return shown.append("…").append(secret.substr(secret.size() - shown_of_each_end));
}

void redact_keys_in(std::string& text, std::size_t from) {
  auto found = next_secret(text, from);
  if (found.empty()) return;
  std::string redacted(text, 0, from);
  for (; !found.empty(); found = next_secret(text, from)) {
    redacted.append(text, from, found.begin - from);
    redacted += mask_secret(std::string_view(text).substr(found.begin, found.end - found.begin));
    from = found.end;
  }
  redacted.append(text, from, std::string::npos);
  text = std::move(redacted);
}

std::string redact_keys(std::string_view text) {
  std::string redacted(text);
  redact_keys_in(redacted);
  return redacted;
}

std::string redact_keys(std::string_view text, std::string_view secret) {
  auto redacted = redact_keys(text);
  redact_secret_in(redacted, secret);
  return redacted;
}

void redact_secret_in(std::string& text, std::string_view secret) {
  auto at = text.find(secret);
  if (at == std::string::npos || secret.empty()) return;
  const auto mask = mask_secret(secret);
  std::string redacted;
  std::size_t from = 0;
  for (; at != std::string::npos; at = text.find(secret, from)) {
    redacted.append(text, from, at - from).append(mask);
    from = at + secret.size();
  }
  redacted.append(text, from, std::string::npos);
  text = std::move(redacted);
}

}  // namespace pollux
