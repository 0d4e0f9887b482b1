// The last stretch: an upstream's answer on its way to the client.
//
// Bytes pass as they come, events whole. Headers pass less what concerns one connection only; upload
// addresses become Pollux's own. An answer that breaks off ends so that nobody takes it for complete.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/attempt.h"
#include "gateway/route.h"
#include "gateway/whole_events.h"
#include "http/server.h"

namespace pollux {

struct RelayContext {
  const Route& route;
  const Headers& cors;             // For a browser; empty for others.
  std::string_view client_origin;  // As the client called Pollux: "http://pi.local:8000".
  std::string_view key_id;         // That paid,
  std::string_view key_secret;     // which no error of Google's may tell.
  std::string_view upload_secret;
};

class Relay {
 public:
  // `reply` outlives the relay.
  explicit Relay(Reply& reply) : reply_(reply) {}

  void start(Attempt& attempt, const RelayContext& context);
  // An answer that Pollux words itself: bytes() follow as they are.
  void begin(int status, const Headers& headers, BodyLength length);
  void bytes(std::string_view bytes);
  // The same for what Pollux words itself; megabytes are not copied.
  void give(std::string bytes);
  void end();
  // Ends a stream with an error event, everything else by cutting the connection.
  void broken(Dialect dialect, const std::string& message);

  bool client_is_slow() const { return reply_.queued_bytes() > client_backlog_bytes; }
  int status() const noexcept { return status_; }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  // When the answer's head was sent; nothing before.
  std::optional<std::chrono::steady_clock::time_point> began() const noexcept { return began_; }

 private:
  static constexpr std::size_t client_backlog_bytes =
      std::size_t{256} * 1024;  // Then the upstream is paused.

  Reply& reply_;
  int status_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::optional<std::chrono::steady_clock::time_point> began_;
  bool array_ = false;                 // A stream as one JSON array.
  std::optional<WholeEvents> events_;  // A stream of plain events.
  std::string secret_;                 // Of the key that pays for it.
};

}  // namespace pollux
