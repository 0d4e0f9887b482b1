// What is told of an exchange once it is over: to the request log, the counters and the live feed. Nothing in
// it is secret.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pool/token_counts.h"

namespace pollux {

struct AttemptRecord {
  std::string key_id, key_name;           // The id is empty where a client paid with a key of its own.
  int status = 0;                         // 0: no answer came.
  std::string reason;                     // As policies see attempt.kind; empty: a good answer.
  std::string message;                    // What the failure said, redacted, at most 500 bytes.
  std::chrono::microseconds began{0};     // Since the exchange began.
  std::chrono::microseconds duration{0};  // Until it failed, or the answer was over.
};

struct ExchangeRecord {
  std::int64_t id = 0;  // Unique; the microsecond in which it began, since 1970.
  WallTime began;
  std::string client_id, client_name;  // Empty: nobody who is known.
  std::string remote_address;
  std::string_view dialect, endpoint;        // Literals; the endpoint is the one that the client called.
  std::string method, path;                  // As the client asked, put right, without the query.
  std::string model, upstream_model;         // As the client named it, and as Google was asked.
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
};

// Told of every exchange, on the thread of its worker. Must not block.
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  virtual void on_exchange_begun() = 0;
  virtual void on_exchange_over(ExchangeRecord record) = 0;
};

}  // namespace pollux
