// What an answer says of the tokens that it cost, read from its bytes as they pass.
//
// The answer is not decoded: this searches for the property that holds the counts ("usageMetadata", or
// "usage" in Google's OpenAI dialect and of an interaction), keeps the object behind it, and decodes the last
// one when it is asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pool/token_counts.h"

namespace pollux {

class UsageReader {
 public:
  // The bytes as they come, decoded, split anywhere.
  void look_at(std::string_view bytes);

  // Of the last object that held counts, for those of a stream grow from event to event; nothing if there was
  // none. What the object leaves out, and numbers that cannot be counts, are 0.
  std::optional<TokenCounts> counts() const;

 private:
  // Where a reader of the object stands, behind its first brace.
  struct Nesting {
    int depth = 1;  // Of braces.
    bool in_string = false, escaped = false;
    bool ends_with(char letter) noexcept;  // The object ends with this letter; else it is counted in.
  };
  enum class Stage { searching, in_name, before_colon, before_object, in_object };

  std::size_t search(std::string_view bytes, std::size_t at);
  bool step(char letter);
  std::size_t collect(std::string_view bytes, std::size_t at);
  void keep();

  Stage stage_ = Stage::searching;
  char last_byte_ = '\0';    // Of the bytes before.
  std::size_t matched_ = 0;  // Letters of the name.
  bool native_ = false;      // The name is "usageMetadata".
  Nesting nesting_;
  std::string object_;           // What has come of it.
  std::string kept_;             // The last whole one that holds counts.
  bool kept_is_native_ = false;  // Then a "usage" is something else.
};

}  // namespace pollux
