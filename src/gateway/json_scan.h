// Finding one's way in JSON text without decoding it. Linear in what is passed over, whatever the text is.
#pragma once

#include <string_view>

namespace pollux {

constexpr bool is_json_blank(char letter) noexcept {
  return letter == ' ' || letter == '\n' || letter == '\r' || letter == '\t';
}

// The place of the quote that closes the string whose content begins at `at`; npos if nothing closes it.
std::size_t json_string_end(std::string_view text, std::size_t at) noexcept;

// The first place from `at` on that is no white space, or the size of the text.
std::size_t behind_blanks(std::string_view text, std::size_t at) noexcept;

// The place behind the value that begins at `at`; the size of the text if it does not end there. Brackets are
// counted, not checked for their kind.
std::size_t json_value_end(std::string_view text, std::size_t at) noexcept;

// Reads from token to token; any bytes may stand in its way.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text) noexcept : text_(text) {}

  bool stands_at(char token) noexcept {
    at_ = behind_blanks(text_, at_);
    return at_ < text_.size() && text_[at_] == token;
  }
  bool take(char token) noexcept {
    if (!stands_at(token)) return false;
    ++at_;
    return true;
  }
  // Of a string with its quotes.
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

// `use(name, value)` for the properties of an object, up to the first that is no JSON: the name as it is
// written within its quotes, the value as take_value() gives it.
template <typename Use>
void each_json_property(std::string_view object, Use&& use) {
  JsonWalk walk(object);
  if (!walk.take('{')) return;
  while (walk.stands_at('"')) {
    const auto name = walk.take_value();
    if (name.size() < 2 || !walk.take(':')) return;
    use(name.substr(1, name.size() - 2), walk.take_value());
    if (!walk.take(',')) return;
  }
}

}  // namespace pollux
