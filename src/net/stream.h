// A connection's two byte streams, plain or under TLS: the rest of the program cannot tell which.
//
// A stream belongs to one loop. Destroying it closes the connection at once and drops what is still queued;
// no event comes after. Events may be answered by destroying the stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pollux {

// What went wrong on the way to, or on, a connection.
struct NetError {
  enum class Kind { resolve, connect, tls, timeout, reset, proxy };
  Kind kind = Kind::reset;
  std::string message;  // For people; names the peer, never a secret.
};

class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  // The bytes are valid inside the call only.
  virtual void on_data(std::string_view bytes) = 0;
  // The peer has sent its last byte (over TLS: a proper close_notify).
  virtual void on_end() = 0;
  // The connection is broken; over TLS also when it ended without close_notify. Nothing comes after.
  virtual void on_error(const NetError& error) = 0;
  // All that was queued has been handed to the kernel. Sent if something had to wait there, or if somebody
  // asked queued_bytes() meanwhile and was told of some.
  virtual void on_drained() = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;

  // Who is told; reading begins with the first call. Not owned. May be changed at any time; null pauses.
  virtual void set_events(StreamEvents* events) = 0;

  // Queues the bytes; everything queued in a turn goes out in one gathered write at its end.
  virtual void write(std::string bytes) = 0;
  // Bytes queued and not yet taken by the kernel: the measure for back-pressure.
  virtual std::size_t queued_bytes() const = 0;

  // Stops and resumes reading. Resuming never calls back from within. While paused a stream does not notice
  // that its peer has gone, unless a write fails.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // Ends our side after the queue is out (TLS: close_notify, then FIN).
  virtual void shutdown() = 0;

  virtual std::string remote_address() const = 0;  // "203.0.113.7" or "2001:db8::1", without the port.
};

class Loop;

// The stream is kept until its queue is out, our side is shut down, and the peer has closed or `patience`
// has passed since; what arrives meanwhile is discarded. A queue that does not shrink for half a minute is
// given up. The way to end a connection after a last answer without the reset that unread input would cause
// (RFC 9112 section 9.6).
void close_gently(Loop& loop, std::unique_ptr<Stream> stream,
                  std::chrono::milliseconds patience = std::chrono::seconds(2));

}  // namespace pollux
