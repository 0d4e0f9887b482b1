#include "gateway/usage.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "gateway/json_scan.h"

namespace pollux {
namespace {

constexpr std::size_t most_object_bytes = 8192;  // Google's are of a few hundred.
constexpr double largest_count = static_cast<double>(std::int64_t{1} << 40);
constexpr std::string_view native_name = "usageMetadata\"";  // Behind its opening quote.
constexpr std::size_t openai_name_size = 5;                  // "usage"

struct CountName {
  std::string_view name;
  std::int64_t TokenCounts::*count;
};
constexpr CountName native_counts[] = {
    {"promptTokenCount", &TokenCounts::input},         {"toolUsePromptTokenCount", &TokenCounts::input},
    {"cachedContentTokenCount", &TokenCounts::cached}, {"candidatesTokenCount", &TokenCounts::output},
    {"thoughtsTokenCount", &TokenCounts::thoughts},
};
constexpr CountName chat_counts[] = {{"prompt_tokens", &TokenCounts::input},
                                     {"completion_tokens", &TokenCounts::output}};
constexpr CountName chat_details[] = {{"cached_tokens", &TokenCounts::cached},
                                      {"reasoning_tokens", &TokenCounts::thoughts}};
constexpr CountName interaction_counts[] = {
    {"total_input_tokens", &TokenCounts::input},   {"total_tool_use_tokens", &TokenCounts::input},
    {"total_cached_tokens", &TokenCounts::cached}, {"total_thought_tokens", &TokenCounts::thoughts},
    {"total_output_tokens", &TokenCounts::output},
};

// A number, or a string that holds one; nothing if that cannot be a count.
std::optional<std::int64_t> count_of(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
  while (!value.empty() && is_json_blank(value.back())) value.remove_suffix(1);
  double number = -1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool is_count =
      error == std::errc() && end == value.data() + value.size() && number >= 0 && number <= largest_count;
  return is_count ? std::optional(static_cast<std::int64_t>(number)) : std::nullopt;
}

// Adds what the object counts under these names. False: nothing.
bool add_counts(TokenCounts& counts, std::string_view object, std::span<const CountName> names) {
  bool found = false;
  each_json_property(object, [&](std::string_view name, std::string_view value) {
    const auto known = std::ranges::find(names, name, &CountName::name);
    const auto count = known == names.end() ? std::nullopt : count_of(value);
    if (!count) return;
    found = true;
    counts.*known->count += *count;
  });
  return found;
}

// Thoughts are a part of the output there.
bool add_chat_counts(TokenCounts& counts, std::string_view object) {
  bool found = add_counts(counts, object, chat_counts);
  each_json_property(object, [&](std::string_view name, std::string_view value) {
    if (name == "prompt_tokens_details" || name == "completion_tokens_details")
      found |= add_counts(counts, value, chat_details);
  });
  counts.output = std::max<std::int64_t>(0, counts.output - counts.thoughts);
  return found;
}

}  // namespace

void UsageReader::look_at(std::string_view bytes) {
  if (bytes.empty()) return;
  for (std::size_t at = 0; at < bytes.size();) {
    if (stage_ == Stage::searching) {
      at = search(bytes, at);
    } else if (stage_ == Stage::in_object) {
      at = collect(bytes, at);
    } else if (step(bytes[at])) {
      ++at;
    }
  }
  last_byte_ = bytes.back();
}

// To behind the next quote that may open the name.
std::size_t UsageReader::search(std::string_view bytes, std::size_t at) {
  for (at = bytes.find('"', at); at != std::string_view::npos; at = bytes.find('"', at + 1)) {
    if (at + 1 < bytes.size() && bytes[at + 1] != native_name.front()) continue;
    if ((at > 0 ? bytes[at - 1] : last_byte_) == '\\') continue;  // A quote within a text.
    stage_ = Stage::in_name;
    matched_ = 0;
    return at + 1;
  }
  return bytes.size();
}

// One letter of the name or between it and the object. False: it does not belong there, search again from it.
bool UsageReader::step(char letter) {
  if (stage_ == Stage::in_name) {
    if (letter == native_name[matched_]) {
      if (++matched_ < native_name.size()) return true;
      native_ = true;
      stage_ = Stage::before_colon;
      return true;
    }
    if (letter == '"' && matched_ == openai_name_size) {
      native_ = false;
      stage_ = Stage::before_colon;
      return true;
    }
  } else if (is_json_blank(letter)) {
    return true;
  } else if (stage_ == Stage::before_colon && letter == ':') {
    stage_ = Stage::before_object;
    return true;
  } else if (stage_ == Stage::before_object && letter == '{') {
    stage_ = Stage::in_object;
    object_.assign(1, letter);
    nesting_ = {};
    return true;
  }
  stage_ = Stage::searching;
  return false;
}

inline bool UsageReader::Nesting::ends_with(char letter) noexcept {
  if (escaped) {
    escaped = false;
  } else if (in_string) {
    escaped = letter == '\\';
    in_string = letter != '"';
  } else if (letter == '"') {
    in_string = true;
  } else if (letter == '{') {
    ++depth;
  } else if (letter == '}') {
    return --depth == 0;
  }
  return false;
}

std::size_t UsageReader::collect(std::string_view bytes, std::size_t at) {
  const auto piece = bytes.substr(at, most_object_bytes - object_.size());
  auto nesting = nesting_;  // A copy, which the compiler can keep in registers.
  const auto end =
      std::find_if(piece.begin(), piece.end(), [&](char letter) { return nesting.ends_with(letter); });
  nesting_ = nesting;
  const bool ended = end != piece.end();
  const auto size = static_cast<std::size_t>(end - piece.begin()) + (ended ? 1 : 0);
  object_.append(piece.substr(0, size));
  if (ended) keep();
  if (ended || object_.size() == most_object_bytes) stage_ = Stage::searching;
  return at + size;
}

// First chunks of a stream may name no counts, only the kind of traffic.
void UsageReader::keep() {
  if (kept_is_native_ && !native_) return;
  const std::string_view mark = native_ ? "TokenCount\"" : "_tokens\"";
  if (object_.find(mark) == std::string::npos) return;
  kept_.swap(object_);
  kept_is_native_ = native_;
}

std::optional<TokenCounts> UsageReader::counts() const {
  TokenCounts tokens;
  bool found = false;
  if (kept_is_native_) {
    found = add_counts(tokens, kept_, native_counts);
  } else {
    found = add_chat_counts(tokens, kept_);
    found |= add_counts(tokens, kept_, interaction_counts);
  }
  return found ? std::optional(tokens) : std::nullopt;
}

}  // namespace pollux
