#include "gateway/attempt.h"

namespace pollux {
namespace {

constexpr std::size_t held_error_bytes = 1
                                         << 20;  // Of an error's body; the rest of a longer one flows later.
constexpr std::size_t held_first_event_bytes = 64 << 10;  // An event this large is surely a useful one.
constexpr std::size_t decoded_bytes = 64 << 20;           // What a small compressed body may grow to.

std::string_view kind_of(TransportError::Kind kind) {
  switch (kind) {
    case TransportError::Kind::connect:
      return "connect";
    case TransportError::Kind::tls:
      return "tls";
    case TransportError::Kind::timeout:
      return "timeout";
    case TransportError::Kind::truncated:
      return "truncated";
    case TransportError::Kind::reset:
    case TransportError::Kind::malformed:
      return "reset";
  }
  return "reset";
}

}  // namespace

void Attempt::start(HttpClient& client, const AttemptPlan& plan) {
  hold_ = plan.hold;
  held_whole_bytes_ = plan.held_whole_bytes;
  generates_ = plan.generates;
  counts_tokens_ = plan.counts_tokens;
  errors_are_told_ = plan.errors_are_told;
  request_ = client.start(plan.origin, plan.proxy, plan.request, *this);
}

BodyLength Attempt::length() const {
  return ended_ ? BodyLength::of(held_.size()) : length_;
}

const std::string& Attempt::held_text() {
  if (!encoded_) return held_;
  decoded_.clear();
  Inflater().decode(held_, decoded_, decoded_bytes);
  return decoded_;
}

std::string Attempt::take_text() {
  // While it was read it grew by doubling; what is made of it comes beside it.
  if (!encoded_) return held_.shrink_to_fit(), std::move(held_);
  held_text();
  held_.clear();
  return std::move(decoded_);
}

std::string_view Attempt::error_text() {
  std::string_view text = held_text();
  if (!text.starts_with("data:")) return text;
  text.remove_prefix(5);
  return text.substr(0, text.find_first_of("\r\n"));
}

bool Attempt::may_replace_body() const {
  return ended_ || (!encoded_ && length_.kind == BodyLength::Kind::chunked);
}

void Attempt::replace_body(std::string text) {
  held_ = std::move(text);
  encoded_ = false;
  head_.headers.remove("content-encoding");
}

void Attempt::pause() {
  if (request_) request_->pause();
}

void Attempt::resume() {
  if (request_) request_->resume();
}

void Attempt::on_response_head(ResponseHead& head, BodyLength length) {
  head_ = std::move(head);
  length_ = length;
  events_.on_answer_begun();
  const auto encoding = head_.headers.get("content-encoding");
  encoded_ = encoding && !equals_ignoring_case(*encoding, "identity");
  const bool readable = head_.status < 400 && (!encoded_ || can_inflate(*encoding));
  watching_ = generates_ && readable;
  counting_ = counts_tokens_ && readable;
  if (encoded_ && (watching_ || counting_)) inflater_ = std::make_unique<Inflater>();
  if (head_.status == 101 || (head_.status < 400 && hold_ == Hold::head)) offer();
}

void Attempt::on_response_body(std::string_view bytes) {
  if (watching_ || counting_) look_at(bytes);
  if (released_) return events_.on_answer_bytes(bytes);
  held_.append(bytes);
  if (told_) return;  // Paused; what was on its way is kept.
  if (head_.status < 400 && watching_ && watch_.saw_event() && watch_.begins_with_error()) {
    return fail("error_in_stream", "the answer began with an error");
  }
  if (!held_long_enough()) return;
  if (head_.status >= 400) return fail("http", {});
  offer();
}

bool Attempt::held_long_enough() const {
  if (head_.status >= 400) return held_.size() > held_error_bytes;
  switch (hold_) {
    case Hold::head:
      return true;
    case Hold::first_event:
      return (watching_ && watch_.saw_event() && watch_.saw_content()) ||
             held_.size() > held_first_event_bytes || !watching_;
    case Hold::whole:
      return held_.size() > held_whole_bytes_;
  }
  return true;
}

void Attempt::look_at(std::string_view bytes) {
  if (encoded_) {
    decoded_.clear();
    if (!inflater_->decode(bytes, decoded_, decoded_bytes)) {
      watching_ = counting_ = false;  // Damaged or no gzip after all: the client will see what it is.
      return;
    }
    bytes = decoded_;
  }
  if (watching_) watch_.look_at(bytes);
  if (counting_) usage_.look_at(bytes);
}

// A model's stream that ends without a finish reason was cut.
bool Attempt::lacks_finish() const {
  return watching_ && hold_ == Hold::first_event && head_.status < 400 && !watch_.saw_finish() &&
         (errors_are_told_ || !watch_.saw_error());
}

void Attempt::on_response_end() {
  request_.reset();
  if (released_) {
    if (lacks_finish()) {
      return events_.on_answer_broken(
          {TransportError::Kind::truncated, "the stream ended without a finish reason"});
    }
    return events_.on_answer_end();
  }
  ended_ = true;
  if (!told_) judge_whole();
}

void Attempt::judge_whole() {
  if (head_.status >= 400) return fail("http", {});
  if (!watching_) return offer();
  if (!watch_.saw_anything()) return fail("empty", "the answer was empty");
  if (watch_.begins_with_error()) return fail("error_in_stream", "the answer was an error");
  if (!watch_.saw_content()) return fail("empty", "the answer held no candidates");
  if (lacks_finish()) return fail("truncated", "the stream ended without a finish reason");
  offer();
}

void Attempt::on_response_error(const TransportError& error) {
  broken_ = error;  // Which may go with the request.
  request_.reset();
  if (released_) return events_.on_answer_broken(*broken_);
  if (!told_) fail(kind_of(broken_->kind), broken_->message);
}

void Attempt::fail(std::string_view kind, std::string message) {
  told_ = true;
  pause();
  failure_ = {kind, std::move(message)};
  events_.on_attempt_failed();
}

void Attempt::offer() {
  told_ = true;
  pause();
  events_.on_answer_ready();
}

void Attempt::release() {
  released_ = true;
  if (!broken_ && !ended_) resume();  // Before anything else: who takes the held bytes may pause it again.
  if (!held_.empty()) {
    const auto bytes = std::move(held_);
    held_.clear();
    events_.on_answer_bytes(bytes);
  }
  if (broken_) return events_.on_answer_broken(*broken_);
  if (!ended_) return;
  if (lacks_finish()) {
    return events_.on_answer_broken(
        {TransportError::Kind::truncated, "the stream ended without a finish reason"});
  }
  events_.on_answer_end();
}

}  // namespace pollux
