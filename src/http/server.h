// The server side of HTTP/1.x: connections from clients, one request after the other on each.
//
// A connection reads a head, asks the Gate for a RequestHandler, hands it the body, and sends what the
// handler gives to the Reply. Pipelined requests wait their turn, within a bound. Requests that break a rule
// or a limit never reach a handler: they are answered with a body that the Gate words.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"
#include "net/loop.h"
#include "net/stream.h"

namespace pollux {

struct ServerLimits {
  std::size_t header_bytes = std::size_t{64} * 1024;  // All header lines: 431.
  std::size_t header_count = 200;                     // 431.
  std::size_t target_bytes = std::size_t{16} * 1024;  // 414.
  std::size_t pipelined_bytes =
      std::size_t{64} * 1024;                     // Read ahead of the running request; then reading pauses.
  std::chrono::milliseconds header_time{10'000};  // From a request's first byte to the end of its head: 408.
  std::chrono::milliseconds idle_time{75'000};    // Between requests: closed without a word.
  std::chrono::milliseconds body_idle_time{60'000};   // Between two pieces of a request body: 408.
  std::chrono::milliseconds write_idle_time{60'000};  // A client that takes nothing of its answer: closed.
  // The same while the server ends, once the answer is over.
  std::chrono::milliseconds last_words_time{3'000};
  std::size_t connections = 10'000;  // Of this worker; beyond: 503 and closed.
};

// The answer to one request. Owned by the connection; valid until finish(), abort() or on_client_gone().
class Reply {
 public:
  virtual ~Reply() = default;

  // "100 Continue", if the client waits for it. Sent by the first resume_body() too.
  virtual void send_continue() = 0;
  // The request's body is paused at first: nothing of it is delivered before the handler wants it.
  virtual void resume_body() = 0;
  virtual void pause_body() = 0;

  // Status and headers. Framing (Content-Length, Transfer-Encoding, Connection, Date) is the connection's
  // own: such fields in `headers` are ignored. For HEAD, 204 and 304 body bytes are swallowed; the announced
  // length stays. `length` none means "no body at all".
  virtual void start(int status, const Headers& headers, BodyLength length) = 0;
  virtual void body(std::string_view bytes) = 0;
  virtual void give_body(std::string bytes) = 0;  // The same, without a copy: for megabytes.
  virtual void finish() = 0;
  // Ends the answer so that the client can tell it is not whole: the connection is closed without the last
  // chunk.
  virtual void abort() = 0;

  // In place of start(): "101 Switching Protocols", `headers` naming the protocol in Upgrade. From here on
  // the connection is two streams of bytes: resume_body() lets the client's come to on_body() until it ends
  // its side (on_body_end()), body() sends bytes as they are, finish() ends the connection once they are out.
  // REQUIRES: a request without a body, of HTTP/1.1, that asked for it.
  virtual void upgrade(const Headers& headers) = 0;

  virtual bool started() const = 0;
  // Not yet taken by the client's kernel; on_drained() comes when it falls to zero.
  virtual std::size_t queued_bytes() const = 0;

  // All at once: head, body with its length, end.
  void send(int status, const Headers& headers, std::string_view body_bytes) {
    start(status, headers, BodyLength::of(body_bytes.size()));
    body(body_bytes);
    finish();
  }
};

// What answers one request. Owned by the connection and destroyed after finish(), abort() or
// on_client_gone() at the loop's next turn (never inside one of its own calls).
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual void on_begin() = 0;  // First; the reply may be used from here on, also within.
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_body_end() = 0;  // For a request without a body too, after the first resume_body().
  virtual void on_drained() = 0;
  // The client left before the answer was whole. Reply must not be used any more.
  virtual void on_client_gone() = 0;
};

struct ClientInfo {
  std::string remote_address;
  bool tls = false;
};

// The door that requests come through; one for each worker.
class Gate {
 public:
  virtual ~Gate() = default;
  // A head has come; `body` says what is announced. `reply` may not be used before the handler's on_begin(),
  // which follows at once.
  virtual std::unique_ptr<RequestHandler> accept(RequestHead head, BodyLength body, const ClientInfo& client,
                                                 Reply& reply) = 0;
  // Words for a request that breaks a rule: fills the headers and returns the body. `target` is what was
  // read of it, or empty.
  virtual std::string refuse(int status, std::string_view message, std::string_view target,
                             Headers& headers) = 0;
};

class HttpServer {
 public:
  static std::unique_ptr<HttpServer> create(Loop& loop, Gate& gate, const ServerLimits& limits);
  virtual ~HttpServer() = default;  // Closes every connection; handlers get on_client_gone().

  // Takes over an accepted stream.
  virtual void serve(std::unique_ptr<Stream> stream, bool tls) = 0;
  // Closes idle connections now, each busy one after its running answer. `on_empty` is called once none is
  // left.
  virtual void drain(std::function<void()> on_empty) = 0;
  virtual std::size_t connections() const = 0;
};

}  // namespace pollux
