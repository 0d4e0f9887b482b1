// Passes a stream on in whole events: of what has come, everything up to the last event's end.
//
// A client that was given half an event could not be told of an error afterwards: the error event would be
// read as the rest of the broken one. Google writes an event at a time, so as a rule nothing waits here.
#pragma once

#include <string>
#include <string_view>

namespace pollux {

class WholeEvents {
 public:
  // What may be passed on now; valid until the next call.
  std::string_view take(std::string_view bytes);
  // What is left at the stream's proper end: a last event without its separator.
  std::string_view rest() const noexcept { return waiting_; }

 private:
  std::string waiting_, passed_;
};

}  // namespace pollux
