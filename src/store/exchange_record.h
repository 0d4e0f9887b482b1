// What is told of an exchange once it is over: to the request log, the counters and the live feed. No key and
// no token is in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pool/token_counts.h"

namespace pollux {

// Bytes of a model's name, which is the client's to choose and may be as long as a body; of others in the
// log.
inline constexpr std::size_t longest_recorded_name = 300;

struct AttemptRecord {
  std::string key_id, key_name;           // The id is empty where a client paid with a key of its own,
  std::string masked_key;                 // and so is this.
  int status = 0;                         // 0: no answer came.
  std::string reason;                     // As policies see attempt.kind; empty: a good answer.
  std::string message;                    // What the failure said, redacted, at most 500 bytes.
  std::chrono::microseconds began{0};     // Since the exchange began.
  std::chrono::microseconds duration{0};  // Until it failed, or the answer was over.
};

// What was said, where REQUEST_LOG_BODIES asks for it. Redacted.
struct ExchangeBodies {
  std::string request;  // As the client sent it,
  std::string answer;   // and as it was answered; both decoded where they came compressed.
  bool request_is_cut = false, answer_is_cut = false;
};

struct ExchangeRecord {
  std::int64_t id = 0;  // Unique; about the microsecond since 1970 in which it ended.
  WallTime began;
  std::string client_id, client_name;  // Empty: nobody who is known.
  std::string remote_address;
  std::string_view dialect, endpoint;        // Literals; the endpoint is the one that the client called.
  std::string method, path;                  // As the client asked, put right, without the query.
  std::string model, upstream_model;         // As the client named it, and as Google was asked; cut.
  std::string key_id, key_name, masked_key;  // Of the last attempt; empty: there was none.
  bool streamed = false;
  int status = 0;                       // That the client got; 0: it left before.
  std::string_view outcome;             // A literal: "answered" "failed" "client_gone".
  std::string reason;                   // One word or so of what went wrong last; empty: nothing did.
  std::string error;                    // For people, redacted; empty unless the exchange failed.
  std::vector<AttemptRecord> attempts;  // In their order.
  std::chrono::microseconds duration{0};
  std::optional<std::chrono::microseconds> first_byte;  // Until the answer's head was sent.
  std::optional<TokenCounts> tokens;                    // By Google's own account.
  std::uint64_t request_bytes = 0, answer_bytes = 0;
  std::shared_ptr<const ExchangeBodies> bodies;  // Null: none are kept.
};

// Then its model is one: by Google's word, and nobody's typing.
inline bool was_answered_by_google(const ExchangeRecord& record) {
  return record.status >= 200 && record.status < 300 && !record.attempts.empty();
}

// Told of every exchange, on the thread of its worker. Must not block.
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  virtual void on_exchange_begun() = 0;
  virtual void on_exchange_over(ExchangeRecord record) = 0;
  // How many bytes of each body are wanted of an exchange that begins now; 0: none.
  virtual std::size_t wanted_body_bytes() const { return 0; }
};

}  // namespace pollux
