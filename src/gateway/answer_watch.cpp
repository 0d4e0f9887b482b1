#include "gateway/answer_watch.h"

#include <algorithm>
#include <cstring>

namespace pollux {
namespace {

constexpr std::size_t longest_name = 32;  // "promptFeedback" with quotes, blanks and colon, and some room.

// Whether `text` holds the property `quoted` ("\"error\""): the name followed by a colon.
bool has_property(std::string_view text, std::string_view quoted) {
  for (auto at = text.find(quoted); at != std::string_view::npos; at = text.find(quoted, at + 1)) {
    auto behind = at + quoted.size();
    while (behind < text.size() && (text[behind] == ' ' || text[behind] == '\n' || text[behind] == '\r'))
      ++behind;
    if (behind < text.size() && text[behind] == ':') return true;
  }
  return false;
}

bool has_event_end(std::string_view text) {
  return text.find("\n\n") != std::string_view::npos || text.find("\r\n\r\n") != std::string_view::npos ||
         text.find("\r\r") != std::string_view::npos;
}

}  // namespace

void AnswerWatch::look_at(std::string_view bytes) {
  if (!saw_anything_) {
    saw_anything_ = bytes.find_first_not_of(" \t\r\n") != std::string_view::npos;
    if (!saw_anything_) return;
  }
  if (!tail_.empty()) {
    // Only the seam: the names that lie across the two reads.
    tail_.append(bytes.substr(0, longest_name));
    search(tail_);
  }
  search(bytes);
  if (bytes.size() >= longest_name) {
    tail_.assign(bytes.substr(bytes.size() - longest_name));
  } else {
    if (tail_.empty()) tail_.assign(bytes);
    if (tail_.size() > longest_name) tail_.erase(0, tail_.size() - longest_name);
  }
}

void AnswerWatch::search(std::string_view text) {
  if (!saw_content_) {
    saw_content_ = has_property(text, "\"candidates\"") || has_property(text, "\"promptFeedback\"");
  }
  if (!saw_finish_) {
    saw_finish_ = has_property(text, "\"finishReason\"") || has_property(text, "\"blockReason\"");
  }
  if (!saw_error_) saw_error_ = has_property(text, "\"error\"");
  if (!saw_event_) saw_event_ = has_event_end(text);
}

}  // namespace pollux
