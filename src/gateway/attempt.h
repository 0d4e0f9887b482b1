// One try of an exchange: a request sent upstream with one key, and what came back.
//
// The answer is held until it is plain what it is: an error as a whole, a model's answer until it proves to
// be none that is empty, cut or an error in disguise. As long as it is held, nothing has reached the client
// and another key may be tried. Then the exchange either drops the attempt or calls release(), and the answer
// flows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/answer_watch.h"
#include "gateway/inflate.h"
#include "gateway/usage.h"
#include "http/client.h"
#include "http/message.h"

namespace pollux {

class AttemptEvents {
 public:
  virtual ~AttemptEvents() = default;
  // The first of an answer has come: the request has reached Google.
  virtual void on_answer_begun() = 0;
  // A good answer (or what looks like one so far) waits in head() and held(); release() lets it flow.
  virtual void on_answer_ready() = 0;
  // The attempt failed while held; failure() says how. release() is still allowed if has_answer().
  virtual void on_attempt_failed() = 0;
  // After release():
  virtual void on_answer_bytes(std::string_view bytes) = 0;
  virtual void on_answer_end() = 0;
  virtual void on_answer_broken(const TransportError& error) = 0;
  // The streamed request body has been taken by the kernel.
  virtual void on_upload_drained() = 0;
};

// How long an answer is held.
enum class Hold {
  head,         // Errors only; anything else flows at once.
  first_event,  // A model's stream: until its first event.
  whole,  // A model's answer in one piece, or one that a policy looks into: until its end, if not too large.
};

struct AttemptPlan {
  Origin origin;
  std::optional<Proxy> proxy;
  OutgoingRequest request;
  Hold hold = Hold::head;
  std::size_t held_whole_bytes = 0;  // Of Hold::whole; a longer answer is offered before its end.
  bool generates = false;      // The answer must hold something, and a stream must end with a finish reason.
  bool counts_tokens = false;  // The answer may say what it cost: see Attempt::usage().
  // A stream that holds an error and no finish reason has not ended well: who reads it tells of errors
  // itself.
  bool errors_are_told = false;
};

struct AttemptFailure {
  std::string_view
      kind;             // As policies see it: http connect tls timeout reset truncated empty error_in_stream
  std::string message;  // For people.
};

class Attempt final : public ResponseEvents {
 public:
  explicit Attempt(AttemptEvents& events) : events_(events) {}

  void start(HttpClient& client, const AttemptPlan& plan);
  ClientRequest* request() noexcept { return request_.get(); }  // Null once the answer is whole or broken.

  bool has_answer() const noexcept { return head_.status != 0; }
  bool whole() const noexcept { return ended_; }  // All of the answer is held.
  ResponseHead& head() noexcept { return head_; }
  // The length to announce to the client: known if the whole answer is held.
  BodyLength length() const;
  std::string& held() noexcept { return held_; }
  // The held bytes decoded (the same bytes where nothing is encoded); the start of them where they are
  // damaged.
  const std::string& held_text();
  // The held bytes decoded, which are not needed here any more.
  std::string take_text();
  // The held error as policies shall read it: of a stream, the data of its first event.
  std::string_view error_text();
  const AttemptFailure& failure() const noexcept { return failure_; }
  // The tokens of the answer so far, by its own account; whole once the answer has ended.
  std::optional<TokenCounts> usage() const { return usage_.counts(); }

  // Whether the held bytes may be exchanged: the answer is held to its end, or its length is not announced.
  bool may_replace_body() const;
  // Replaces the held body, decoded. REQUIRES: may_replace_body().
  void replace_body(std::string text);

  // Sends held bytes to the events, and from then on the rest as it comes.
  void release();
  void pause();
  void resume();

 private:
  void on_response_head(ResponseHead& head, BodyLength length) override;
  void on_response_body(std::string_view bytes) override;
  void on_response_end() override;
  void on_response_error(const TransportError& error) override;
  void on_request_drained() override { events_.on_upload_drained(); }

  void look_at(std::string_view bytes);
  bool held_long_enough() const;
  void judge_whole();
  void fail(std::string_view kind, std::string message);
  void offer();
  bool lacks_finish() const;

  AttemptEvents& events_;
  std::unique_ptr<ClientRequest> request_;
  ResponseHead head_;
  BodyLength length_;
  Hold hold_ = Hold::head;
  std::size_t held_whole_bytes_ = 0;
  bool generates_ = false, counts_tokens_ = false, errors_are_told_ = false;
  bool encoded_ = false;   // The body is compressed.
  bool watching_ = false;  // The watch can read it,
  bool counting_ = false;  // and so can the reader of its usage.
  bool told_ = false;      // on_answer_ready or on_attempt_failed was called.
  bool released_ = false;
  bool ended_ = false;
  std::optional<TransportError> broken_;
  AttemptFailure failure_;
  std::string held_, decoded_;
  std::unique_ptr<Inflater> inflater_;
  AnswerWatch watch_;
  UsageReader usage_;
};

}  // namespace pollux
