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
  // What was sent past this relay.
  void note(std::string_view bytes);
  // Ends a stream with an error event, everything else by cutting the connection.
  void broken(Dialect dialect, const std::string& message);

  bool client_is_slow() const { return reply_.queued_bytes() > client_backlog_bytes; }
  // Remembers the first so many bytes of the body; 0: none.
  void remember(std::size_t bytes) noexcept { remembered_bytes_ = bytes; }
  struct Remembered {
    std::string text;     // Decoded where it was compressed.
    bool is_cut = false;  // There was more.
  };
  Remembered remembered() const;

  int status() const noexcept { return status_; }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  // When the answer's head was sent; nothing before.
  std::optional<std::chrono::steady_clock::time_point> began() const noexcept { return began_; }

 private:
  static constexpr std::size_t client_backlog_bytes =
      std::size_t{256} * 1024;  // Then the upstream is paused.

  void say(const std::string& last_words);

  Reply& reply_;
  int status_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::size_t remembered_bytes_ = 0;
  std::string remembered_;
  bool encoded_ = false;  // The body is compressed.
  std::optional<std::chrono::steady_clock::time_point> began_;
  bool array_ = false;                 // A stream as one JSON array.
  std::optional<WholeEvents> events_;  // A stream of plain events.
  std::string secret_;                 // Of the key that pays for it.
};

}  // namespace pollux
