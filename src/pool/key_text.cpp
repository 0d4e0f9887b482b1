#include "pool/key_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <unordered_set>
#include <utility>

#include "base/redact.h"

namespace pollux {
namespace {

constexpr std::size_t longest_secret = 1024;
constexpr std::size_t longest_label = 100;
constexpr std::size_t shortest_guess = 8;  // Of a word that is taken for a key only because it may be one.

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

bool is_word_or_dot(char c) {
  return is_word(c) || c == '.';
}

// How much of the start of `text` belongs; the full stop of a sentence does not.
template <typename Belongs>
std::size_t run(std::string_view text, std::size_t most, Belongs belongs) {
  text = text.substr(0, most);
  auto size = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
  while (size > 0 && text[size - 1] == '.') --size;
  return size;
}

// What stands at the start of a text: a key, or what is taken for one and is none.
struct Sighting {
  std::size_t size = 0;    // 0: nothing of the kind.
  std::string_view fault;  // Why it is no key; empty: it is one.
};

Sighting standard_key(std::string_view text) {
  constexpr std::size_t whole = 39, worth_telling = 12;
  const auto size = run(text, whole, is_word);
  if (size == whole) return {size, {}};
  if (size >= worth_telling) return {size, "too short: a key that begins with AIza has 39 characters"};
  return {};
}

Sighting auth_key(std::string_view text) {
  constexpr std::size_t shortest = 23, worth_telling = 12;
  const auto size = run(text, longest_secret, is_word_or_dot);
  if (size >= shortest) return {size, {}};
  if (size >= worth_telling) return {size, "too short: a key that begins with AQ. is longer"};
  return {};
}

// Secrets that stand beside keys in the same files.
struct OtherSecret {
  std::string_view beginning;
  std::size_t shortest;
  std::string_view fault;
};
constexpr std::array other_secrets{
    OtherSecret{"ya29.", 15, "an OAuth access token, not an API key"},
    OtherSecret{"eyJ", 40, "a JSON web token, not an API key"},
    OtherSecret{"sk-ant-", 20, "a key of Anthropic's, not of Google's"},
    OtherSecret{"sk-", 20, "a key of OpenAI's or the like, not of Google's"},
};

Sighting look_at(std::string_view text) {
  if (text.starts_with("AIza")) return standard_key(text);
  if (text.starts_with("AQ.")) return auth_key(text);
  for (const auto& other : other_secrets) {
    if (!text.starts_with(other.beginning)) continue;
    const auto size = run(text, 4 * longest_secret, is_word_or_dot);
    if (size >= other.shortest) return {size, other.fault};
  }
  return {};
}

// Words of a text in their order, each once.
class DistinctWords {
 public:
  bool add(std::string_view word) {
    const bool is_new = seen_.insert(word).second;
    if (is_new) words_.emplace_back(word);
    return is_new;
  }
  std::vector<std::string> take() { return std::move(words_); }

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

// What a piece of text names: the value of ?key=VALUE, NAME=VALUE or "name": "VALUE", else the piece itself.
std::string_view value_in(std::string_view piece) {
  for (const std::string_view mark : {"?key=", "&key="}) {
    const auto at = piece.find(mark);
    if (at == std::string_view::npos) continue;
    const auto value = piece.substr(at + mark.size());
    return value.substr(0, value.find_first_of("&#"));
  }
  const auto sign = piece.find_first_of("=:");
  if (sign == std::string_view::npos || sign == 0) return piece;
  const auto value = stripped(piece.substr(sign + 1));
  return value.size() < shortest_guess ? piece : value;
}

bool may_be_in_key(char c) {
  return is_word_or_dot(c) || c == '~' || c == '+' || c == '=';
}

// In a text without any known form: every line, or word between commas, that may be a key.
std::vector<std::string> guess_keys(std::string_view text) {
  DistinctWords keys;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find_first_of("\n,|;", begin), text.size());
    const auto piece = stripped(text.substr(begin, end - begin));
    const auto word = stripped(value_in(piece));
    if (word.size() >= shortest_guess && !piece.starts_with('#') &&
        std::ranges::all_of(word, may_be_in_key) && check_secret(word))
      keys.add(word);
    begin = end + 1;
  }
  return keys.take();
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

FoundKeys look_for_keys(std::string_view text) {
  FoundKeys found;
  DistinctWords keys, faulty;
  for (std::size_t at = 0; at < text.size();) {
    const bool may_begin = text[at] == 'A' || text[at] == 'y' || text[at] == 'e' || text[at] == 's';
    const bool in_word = at > 0 && is_word(text[at - 1]);
    // Only a standard key is told from the word that it is glued to.
    const bool looks = may_begin && (!in_word || text.substr(at, 4) == "AIza");
    const auto sighting = looks ? look_at(text.substr(at)) : Sighting{};
    const auto word = text.substr(at, sighting.size);
    if (sighting.size > 0 && sighting.fault.empty()) {
      keys.add(word);
    } else if (sighting.size > 0 && !in_word && faulty.add(word)) {
      found.refused.push_back({mask_secret(word), std::string(sighting.fault)});
    }
    at += std::max<std::size_t>(sighting.size, 1);
  }
  found.keys = keys.take();
  if (found.keys.empty() && found.refused.empty()) found.keys = guess_keys(text);
  return found;
}

std::string cut_to(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return std::string(text.substr(0, bytes));
}

}  // namespace pollux
