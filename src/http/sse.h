// Server-sent events taken from a stream of bytes, however it is cut into pieces (WHATWG HTML section 9.2).
//
// Lines end in CRLF, LF or CR; an event ends with an empty line, or with the stream.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pollux {

class SseScanner {
 public:
  explicit SseScanner(std::size_t max_event_bytes = std::size_t{64} * 1024 * 1024)
      : max_event_bytes_(max_event_bytes) {}

  // Calls on_event(std::string_view data) for each event that is complete; the lines of `data:` are joined by
  // LF. Events without data are passed over. The view is valid inside the call only: most often it points
  // into `bytes`, nothing having been copied. False: an event is larger than the bound; nothing more can be
  // read. on_event must not destroy the scanner.
  template <typename OnEvent>
  bool feed(std::string_view bytes, OnEvent&& on_event) {
    std::string_view line;
    while (next_line(bytes, line))
      if (end_line(line)) on_event(take_event());
    return keep(bytes);
  }

  // The stream is over: a last event without its empty line counts too.
  template <typename OnEvent>
  void finish(OnEvent&& on_event) {
    if (failed_) return;
    if (!partial_.empty()) {
      line_in_partial_ = true;
      end_line(partial_);
    }
    if (has_data_) on_event(take_event());
  }

 private:
  // Takes a whole line from the front of `bytes`, what was kept of it before included.
  bool next_line(std::string_view& bytes, std::string_view& line);
  // True if the line ends an event that has data.
  bool end_line(std::string_view line);
  std::string_view take_event();
  // Keeps what the next call will need.
  bool keep(std::string_view rest);
  void hold_data();

  const std::size_t max_event_bytes_;
  std::string partial_;           // The beginning of a line.
  std::string data_;              // Of an event begun in an earlier call, or of several lines.
  std::string_view data_here_;    // Of an event that has one line of data so far, in the bytes being read.
  bool line_in_partial_ = false;  // partial_ is a whole line now, and cleared next.
  bool has_data_ = false;
  bool data_is_held_ = false;  // In data_, not in data_here_.
  bool skip_line_feed_ = false;
  bool at_start_ = true;
  bool failed_ = false;
};

}  // namespace pollux
