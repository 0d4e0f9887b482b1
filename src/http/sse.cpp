#include "http/sse.h"

namespace pollux {

bool SseScanner::next_line(std::string_view& bytes, std::string_view& line) {
  if (line_in_partial_) partial_.clear();
  line_in_partial_ = false;
  if (failed_ || bytes.empty()) return false;
  if (skip_line_feed_ && bytes.front() == '\n') bytes.remove_prefix(1);
  skip_line_feed_ = false;

  auto end = bytes.find('\n');
  const auto carriage_return = bytes.substr(0, end).find('\r');
  if (carriage_return != std::string_view::npos) end = carriage_return;
  if (end == std::string_view::npos) return false;
  line = bytes.substr(0, end);
  if (!partial_.empty()) {
    line = partial_ += line;
    line_in_partial_ = true;
  }
  skip_line_feed_ = bytes[end] == '\r';
  bytes.remove_prefix(end + 1);
  return true;
}

bool SseScanner::end_line(std::string_view line) {
  if (at_start_ && line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);  // A byte order mark.
  at_start_ = false;
  if (line.empty()) return has_data_;

  const auto colon = line.find(':');
  if (line.substr(0, colon) != "data") return false;
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (has_data_) {
    hold_data();
    data_ += '\n';
    data_ += value;
  } else {
    has_data_ = true;
    data_here_ = value;
    if (line_in_partial_) hold_data();
  }
  failed_ = failed_ || (data_is_held_ ? data_.size() : data_here_.size()) > max_event_bytes_;
  return false;
}

std::string_view SseScanner::take_event() {
  const std::string_view event = data_is_held_ ? std::string_view(data_) : data_here_;
  has_data_ = data_is_held_ = false;
  return event;
}

bool SseScanner::keep(std::string_view rest) {
  hold_data();
  partial_ += rest;
  const auto held = partial_.size() + (has_data_ ? data_.size() : 0);
  failed_ = failed_ || held > max_event_bytes_ + 16;  // "data: " and the line's end do not count.
  return !failed_;
}

void SseScanner::hold_data() {
  if (!has_data_ || data_is_held_) return;
  data_ = data_here_;
  data_is_held_ = true;
}

}  // namespace pollux
