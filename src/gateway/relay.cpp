#include "gateway/relay.h"

#include <algorithm>

#include "base/redact.h"
#include "gateway/credentials.h"
#include "gateway/inflate.h"
#include "gateway/own_answer.h"
#include "gateway/upload_address.h"

namespace pollux {
namespace {

constexpr std::size_t worth_giving = std::size_t{64} * 1024;  // Less is sent in one write with its frame.

bool is_upload_address(std::string_view name) {
  return equals_ignoring_case(name, "x-goog-upload-url") ||
         equals_ignoring_case(name, "x-goog-upload-control-url");
}

Headers headers_for_client(const Headers& upstream, const RelayContext& context) {
  Headers headers;
  for (const auto field : upstream) {
    if (stays_behind(field.name)) continue;
    if (is_upload_address(field.name)) {
      headers.add(field.name, own_upload_address(field.value, context.client_origin, context.key_id,
                                                 context.upload_secret));
    } else {
      headers.add(field.name, field.value);
    }
  }
  for (const auto field : context.cors) headers.set(field.name, field.value);
  return headers;
}

}  // namespace

void Relay::start(Attempt& attempt, const RelayContext& context) {
  const auto& head = attempt.head();
  status_ = head.status;
  began_ = std::chrono::steady_clock::now();
  const bool plain =
      !head.headers.has("content-encoding") && attempt.length().kind == BodyLength::Kind::chunked;
  const auto type = head.headers.get("content-type");
  if (plain && type && type->starts_with("text/event-stream")) events_.emplace();
  array_ = plain && !events_ && context.route.streams;
  secret_ = context.key_secret;
  auto headers = headers_for_client(head.headers, context);
  const auto encoding = head.headers.get("content-encoding");
  encoded_ = encoding && can_inflate(*encoding);
  if (status_ == 101) {
    remembered_bytes_ = 0;  // Frames are between the client and Google.
    headers.set("Upgrade", head.headers.get("upgrade").value_or("websocket"));
    return reply_.upgrade(headers);
  }
  reply_.start(status_, headers, attempt.length());
}

void Relay::begin(int status, const Headers& headers, BodyLength length) {
  status_ = status;
  began_ = std::chrono::steady_clock::now();
  reply_.start(status, headers, length);
}

void Relay::note(std::string_view bytes) {
  sent_bytes_ += bytes.size();
  if (remembered_.size() < remembered_bytes_)
    remembered_ += bytes.substr(0, remembered_bytes_ - remembered_.size());
}

Relay::Remembered Relay::remembered() const {
  const bool is_cut = sent_bytes_ > remembered_.size();
  if (!encoded_) return {remembered_, is_cut};
  auto decoded = inflate_beginning(remembered_, remembered_bytes_);
  return {std::move(decoded.text), is_cut || decoded.is_cut};
}

void Relay::bytes(std::string_view bytes) {
  note(bytes);
  if (events_) bytes = events_->take(bytes);
  // An error in the middle of a stream may repeat the key: "Consumer 'api_key:...' has been suspended".
  if (events_ && bytes.find("\"error\"") != std::string_view::npos)
    return reply_.body(redact_keys(bytes, secret_));
  if (!bytes.empty()) reply_.body(bytes);
}

void Relay::give(std::string bytes) {
  if (bytes.size() < worth_giving) return this->bytes(bytes);
  note(bytes);
  reply_.give_body(std::move(bytes));
}

void Relay::end() {
  if (events_ && !events_->rest().empty()) reply_.body(events_->rest());
  reply_.finish();
}

void Relay::say(const std::string& last_words) {
  note(last_words);
  reply_.body(last_words);
  reply_.finish();
}

void Relay::broken(Dialect dialect, const std::string& message) {
  const auto told = "Pollux: the answer broke off: " + message;
  if (events_) {
    say(error_event(dialect, 503, told));
  } else if (array_) {
    say(",\r\n" + google_error(503, told) + "\n]");
  } else {
    reply_.abort();
  }
}

}  // namespace pollux
