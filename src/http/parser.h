// A pull parser for HTTP/1.x messages: llhttp in strict mode, and stricter where smuggling hides.
//
// llhttp reads heads and chunks. What it would let pass is refused here: line ends other than CRLF, folded
// fields, more than one Host or length, codings other than chunked, targets that are no targets.
// Nothing calls back: the owner asks for one event after the other and stops where it likes.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <string_view>

#include "http/message.h"

#if LLHTTP_VERSION_MAJOR < 9 && !LLHTTP_STRICT_MODE
#error "llhttp 8 must be compiled with LLHTTP_STRICT_MODE"
#endif

namespace pollux {

struct ParserLimits {
  std::size_t header_bytes = std::size_t{64} * 1024;  // Names and values.
  std::size_t header_count = 1000;
  std::size_t target_bytes = std::size_t{16} * 1024;
};

class Parser {
 public:
  enum class Kind { request, response };
  enum class Event {
    need_more,  // All input is taken; the message goes on.
    head,       // The whole head is there.
    body,       // body() is a piece of the body; ask again for the next.
    end,        // The message is whole; what is left of the input belongs to the next one.
    error,      // The message breaks a rule, see refusal(). Nothing more can be read.
  };
  // Why a message was refused: the status that answers it, and words for people (they live for ever).
  struct Refusal {
    int status = 400;
    std::string_view message;
  };

  Parser(Kind kind, const ParserLimits& limits);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // Makes ready for the next message; `bodyless` for the answer to a HEAD request.
  void restart(bool bodyless = false);

  // Takes from the front of `input` up to the next event.
  Event next(std::string_view& input);

  // Whether a byte of the message has come.
  bool begun() const noexcept { return state_ != State::head || framing_bytes_ != 0; }

  // From head on. They may be moved from.
  RequestHead& request() noexcept { return request_; }
  ResponseHead& response() noexcept { return response_; }
  BodyLength length() const noexcept { return length_; }
  bool until_close() const noexcept {
    return state_ == State::until_close;
  }                                                         // The connection's end is the body's.
  bool keep_alive() const noexcept { return keep_alive_; }  // The sender would go on.
  int minor_version() const noexcept { return minor_; }
  // The Expect field, if there is one.
  bool expects_continue() const noexcept { return expect_ == Expect::to_continue; }
  bool expects_unknown() const noexcept { return expect_ == Expect::unknown; }

  // Valid until the next call, as long as the input is.
  std::string_view body() const noexcept { return body_; }
  // What is still to come of a body of known length, 0 for other ones.
  std::uint64_t body_left() const noexcept { return left_; }
  bool at_end() const noexcept { return state_ == State::done || (state_ == State::fixed && left_ == 0); }

  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  enum class State { head, fixed, chunked, until_close, done, failed };
  enum class Expect { nothing, to_continue, unknown };
  struct Callbacks;
  friend struct Callbacks;

  Event read_head(std::string_view& input);
  Event read_fixed(std::string_view& input);
  Event read_chunked(std::string_view& input);
  Event fail(int status, std::string_view message);
  Event fail_as_llhttp(llhttp_errno_t error);

  bool one_blank_before(const char* target);
  bool take_target(std::string_view bytes);
  bool take_name(std::string_view bytes);
  bool take_value(std::string_view bytes);
  bool end_field();
  bool note_field(const Headers::Field& field);
  bool take_length(std::string_view value);
  bool refuse(int status, std::string_view message);
  bool lines_are_clean(std::string_view bytes);
  bool end_head();
  bool check_request();
  bool check_target();
  void choose_framing();

  Headers& headers() noexcept { return kind_ == Kind::request ? request_.headers : response_.headers; }

  llhttp_t llhttp_;
  const ParserLimits limits_;
  const Kind kind_;
  State state_ = State::head;
  bool bodyless_ = false;
  bool paused_ = false;        // llhttp has stopped at an event.
  bool message_done_ = false;  // llhttp has seen the last chunk.
  bool in_field_ = false;
  bool name_done_ = false;
  bool has_length_ = false, has_coding_ = false, has_close_ = false, has_keep_alive_ = false;
  bool keep_alive_ = false;
  char last_ = 0;  // The byte before the next one that frames the message (a line's, not the body's).
  Expect expect_ = Expect::nothing;
  int minor_ = 1;
  int hosts_ = 0;
  const char* piece_ = nullptr;    // The input that llhttp is reading.
  std::size_t header_bytes_ = 0;   // Names and values so far.
  std::size_t framing_bytes_ = 0;  // The raw head, or since the last piece of a chunked body.
  std::uint64_t announced_ = 0;
  std::uint64_t left_ = 0;
  std::string_view body_;
  BodyLength length_;
  RequestHead request_;
  ResponseHead response_;
  Refusal refusal_;
};

}  // namespace pollux
