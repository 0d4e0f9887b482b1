#include "gateway/usage.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "gateway/json_scan.h"

namespace pollux {
namespace {

using nlohmann::json;

constexpr std::size_t most_object_bytes = 8192;  // Google's are of a few hundred.
constexpr double largest_count = static_cast<double>(std::int64_t{1} << 40);
constexpr std::string_view native_name = "usageMetadata\"";  // Behind its opening quote.
constexpr std::size_t openai_name_size = 5;                  // "usage"

std::optional<std::int64_t> count_in(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  double number = -1;
  if (found->is_number()) {
    number = found->get<double>();
  } else if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (error == std::errc() && end == text.data() + text.size()) number = static_cast<double>(parsed);
  }
  if (!(number >= 0 && number <= largest_count)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

// Adds up what is counted under some names; remembers whether there was anything.
class Counter {
 public:
  explicit Counter(const json& object) : object_(object) {}
  std::int64_t operator[](const char* name) { return in(object_, name); }
  std::int64_t in(const json& object, const char* name) {
    const auto count = count_in(object, name);
    found_ |= count.has_value();
    return count.value_or(0);
  }
  std::int64_t within(const char* part, const char* name) {
    const auto details = object_.find(part);
    return details != object_.end() && details->is_object() ? in(*details, name) : 0;
  }
  bool found() const noexcept { return found_; }

 private:
  const json& object_;
  bool found_ = false;
};

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
  const auto usage = json::parse(kept_, nullptr, false);
  if (!usage.is_object()) return std::nullopt;
  Counter count(usage);
  TokenCounts tokens;
  if (kept_is_native_) {
    tokens.input = count["promptTokenCount"] + count["toolUsePromptTokenCount"];
    tokens.cached = count["cachedContentTokenCount"];
    tokens.output = count["candidatesTokenCount"];
    tokens.thoughts = count["thoughtsTokenCount"];
  } else {
    tokens.input = count["prompt_tokens"];
    tokens.cached = count.within("prompt_tokens_details", "cached_tokens");
    tokens.thoughts = count.within("completion_tokens_details", "reasoning_tokens");
    tokens.output = std::max<std::int64_t>(0, count["completion_tokens"] - tokens.thoughts);
    // Of an interaction, which has none of these names.
    tokens.input += count["total_input_tokens"] + count["total_tool_use_tokens"];
    tokens.cached += count["total_cached_tokens"];
    tokens.thoughts += count["total_thought_tokens"];
    tokens.output += count["total_output_tokens"];
  }
  if (!count.found()) return std::nullopt;
  return tokens;
}

}  // namespace pollux
