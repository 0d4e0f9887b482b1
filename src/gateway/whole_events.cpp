#include "gateway/whole_events.h"

#include <algorithm>

namespace pollux {
namespace {

// Of a large event (an image may be megabytes) no more than this waits: then its bytes pass as they come.
constexpr std::size_t most_waiting_bytes = std::size_t{256} * 1024;

// Behind the last empty line; 0: there is none.
std::size_t end_of_last_event(std::string_view text) {
  std::size_t end = 0;
  for (const std::string_view separator : {"\n\n", "\r\n\r\n", "\r\r"}) {
    const auto at = text.rfind(separator);
    if (at != std::string_view::npos) end = std::max(end, at + separator.size());
  }
  return end;
}

}  // namespace

std::string_view WholeEvents::take(std::string_view bytes) {
  if (waiting_.empty()) {
    const auto end =
        bytes.ends_with("\n\n") || bytes.ends_with("\r\n\r\n") ? bytes.size() : end_of_last_event(bytes);
    waiting_ = bytes.substr(end);
    if (waiting_.size() <= most_waiting_bytes) return bytes.substr(0, end);
    passed_ = bytes.substr(0, end);
  } else {
    waiting_.append(bytes);
    const auto end = end_of_last_event(waiting_);
    passed_ = waiting_.substr(0, end);
    waiting_.erase(0, end);
  }
  if (waiting_.size() > most_waiting_bytes) {
    passed_.append(waiting_);
    waiting_.clear();
  }
  return passed_;
}

}  // namespace pollux
