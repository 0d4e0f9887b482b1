#include "gateway/conversation.h"

#include "base/digest.h"
#include "gateway/json_scan.h"

namespace pollux {
namespace {

constexpr std::size_t most_looked_at = std::size_t{1} << 20;

// Reads JSON from token to token; any bytes may stand in its way.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  bool stands_at(char token) noexcept {
    at_ = behind_blanks(text_, at_);
    return at_ < text_.size() && text_[at_] == token;
  }
  bool take(char token) noexcept {
    if (!stands_at(token)) return false;
    ++at_;
    return true;
  }
  std::string_view take_value() noexcept {
    at_ = behind_blanks(text_, at_);
    const auto start = at_;
    at_ = json_value_end(text_, start);
    return text_.substr(start, at_ - start);
  }
  bool at_end() const noexcept { return at_ == text_.size(); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// An element that is longer than what is looked at is as good with its beginning alone; one that just ends is
// no JSON.
std::string_view first_content(std::string_view body) noexcept {
  const bool goes_on = body.size() > most_looked_at;
  Walk walk(body.substr(0, most_looked_at));
  if (!walk.take('{')) return {};
  while (walk.stands_at('"')) {
    const auto name = walk.take_value();
    if (!walk.take(':')) return {};
    if (name == "\"contents\"") {
      if (!walk.take('[') || !walk.stands_at('{')) return {};
      const auto element = walk.take_value();
      return walk.at_end() && !goes_on ? std::string_view() : element;
    }
    walk.take_value();
    if (!walk.take(',')) return {};
  }
  return {};
}

}  // namespace

std::string conversation_of(std::string_view body, std::string_view client_id) {
  const auto content = first_content(body);
  if (content.empty()) return {};
  std::string text;
  text.reserve(client_id.size() + 1 + content.size());
  text.append(client_id).append(1, '\0').append(content);
  auto digits = hex(sha256(text));
  digits.resize(16);
  return digits;
}

bool continues_conversation(std::string_view body) noexcept {
  constexpr std::string_view name = "\"role\"", value = "\"model\"";
  for (auto at = body.find(name); at != std::string_view::npos; at = body.find(name, at)) {
    at = behind_blanks(body, at + name.size());
    if (at == body.size() || body[at] != ':') continue;
    at = behind_blanks(body, at + 1);
    if (body.substr(at).starts_with(value)) return true;
  }
  return false;
}

}  // namespace pollux
