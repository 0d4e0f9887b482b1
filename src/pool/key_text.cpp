#include "pool/key_text.h"

#include <algorithm>
#include <cstddef>
#include <unordered_set>
#include <utility>

#include "pool/key_pool.h"

namespace pollux {
namespace {

constexpr std::size_t longest_secret = 1024;
constexpr std::size_t longest_label = 100;
constexpr std::size_t shortest_guess = 8;  // Of a word that is taken for a key only because it may be one.

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

// The length of a key of a known form at the start of `text`, or 0.
std::size_t known_form(std::string_view text) {
  text = text.substr(0, longest_secret);
  const auto run = [&](std::size_t from, auto belongs) {
    return static_cast<std::size_t>(
        std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), belongs) -
        text.begin());
  };
  constexpr std::size_t standard_size = 39, shortest_auth_tail = 20;
  if (text.starts_with("AIza")) return run(4, is_word) >= standard_size ? standard_size : 0;
  if (!text.starts_with("AQ.")) return 0;
  auto size = run(3, [](char c) { return is_word(c) || c == '.'; });
  while (text[size - 1] == '.' && size > 3) --size;  // The full stop of a sentence.
  return size - 3 >= shortest_auth_tail ? size : 0;
}

// Words of a text in their order, each once.
class DistinctWords {
 public:
  void add(std::string_view word) {
    if (seen_.insert(word).second) words_.emplace_back(word);
  }
  std::vector<std::string> take() { return std::move(words_); }
  bool empty() const { return words_.empty(); }

 private:
  std::unordered_set<std::string_view> seen_;
  std::vector<std::string> words_;
};

std::string_view stripped(std::string_view word) {
  constexpr std::string_view wrapping = " \t\r\"'`[](){}<>";
  const auto begin = word.find_first_not_of(wrapping);
  if (begin == std::string_view::npos) return {};
  return word.substr(begin, word.find_last_not_of(wrapping) - begin + 1);
}

}  // namespace

Result<void> check_secret(std::string_view secret) {
  if (secret.empty()) return invalid_input("key: empty");
  if (secret.size() > longest_secret) return invalid_input("key: longer than 1024 characters");
  for (const char c : secret) {
    if (c == ' ' || c == '\t') return invalid_input("key: contains a blank");
    if (c < 0x21 || c > 0x7E) return invalid_input("key: contains a character that no key has");
  }
  if (secret.starts_with("ya29.")) return invalid_input("key: this is an OAuth access token, not an API key");
  if (secret.starts_with("eyJ")) return invalid_input("key: this is a JSON web token, not an API key");
  if (secret.starts_with("auth_tokens/"))
    return invalid_input("key: this is a short-lived token, not an API key");
  return {};
}

Result<void> check_label(std::string_view field, std::string_view label) {
  const auto wrong = [&](std::string_view what) {
    return invalid_input(std::string(field) + ": " + std::string(what));
  };
  if (label.size() > longest_label) return wrong("longer than 100 bytes");
  if (label.find_first_not_of(' ') == std::string_view::npos) return wrong("empty");
  for (const char c : label) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return wrong("contains a control character");
  }
  return {};
}

std::vector<std::string> find_keys(std::string_view text) {
  DistinctWords keys;
  for (std::size_t at = 0; at < text.size();) {
    const bool in_word = at > 0 && is_word(text[at - 1]);
    const bool may_begin = text[at] == 'A' && (!in_word || text.substr(at).starts_with("AIza"));
    const auto size = may_begin ? known_form(text.substr(at)) : 0;
    if (size > 0) keys.add(text.substr(at, size));
    at += std::max<std::size_t>(size, 1);
  }
  if (!keys.empty()) return keys.take();

  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find_first_of("\n,|;", begin), text.size());
    const auto word = stripped(text.substr(begin, end - begin));
    if (word.size() >= shortest_guess && !word.starts_with('#') && check_secret(word)) keys.add(word);
    begin = end + 1;
  }
  return keys.take();
}

std::string cut_to(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return std::string(text.substr(0, bytes));
}

}  // namespace pollux
