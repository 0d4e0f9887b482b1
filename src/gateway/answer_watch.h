// What the bytes of an answer tell without being decoded: has a stream ended properly, does it begin with an
// error, does an answer hold anything?
//
// Native answers pass byte for byte; this only looks on. It searches for the few property names that matter,
// unescaped and followed by a colon, which in JSON can only be a property's name.
#pragma once

#include <string>
#include <string_view>

namespace pollux {

class AnswerWatch {
 public:
  // The bytes as they come, decoded, split anywhere.
  void look_at(std::string_view bytes);

  bool saw_anything() const noexcept { return saw_anything_; }  // Any byte but white space.
  bool saw_finish() const noexcept { return saw_finish_; }      // A finish reason, or a blocked prompt.
  bool saw_content() const noexcept { return saw_content_; }    // Candidates or prompt feedback.
  // An "error" property before any candidate: the stream or body begins with an error.
  bool begins_with_error() const noexcept { return saw_error_ && !saw_content_; }
  bool saw_error() const noexcept { return saw_error_; }
  // A first event (or array element) is complete.
  bool saw_event() const noexcept { return saw_event_; }

 private:
  void search(std::string_view text);

  std::string tail_;  // The end of what came before: a name may be split between two reads.
  bool saw_anything_ = false, saw_finish_ = false, saw_content_ = false, saw_error_ = false,
       saw_event_ = false;
};

}  // namespace pollux
