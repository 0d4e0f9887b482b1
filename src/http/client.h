// The client side of HTTP/1.1: requests to origins over kept-alive connections, pooled by worker and origin.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "net/connector.h"
#include "net/loop.h"

namespace pollux {

struct ClientLimits {
  ConnectLimits connect;
  std::chrono::milliseconds first_byte{300'000};  // From the request's last byte to the answer's first.
  std::chrono::milliseconds between_bytes{
      300'000};                            // While the answer is read, and while the request is taken.
  std::chrono::milliseconds idle{55'000};  // A pooled connection is closed after it.
  std::size_t header_bytes = std::size_t{256} * 1024;
  std::size_t idle_connections = 256;  // Kept for each origin.
};

struct TransportError {
  enum class Kind {
    connect,    // Name, address, proxy: nothing was sent.
    tls,        // The peer is not trusted, or the handshake failed: nothing was sent.
    timeout,    // A limit above.
    reset,      // Closed or broken before the whole head of an answer.
    truncated,  // Closed within the answer's body, or its framing is broken there.
    malformed,  // What came is no HTTP.
  };
  Kind kind = Kind::reset;
  std::string message;  // For people; names the origin, never a secret.
};

class ResponseEvents {
 public:
  virtual ~ResponseEvents() = default;
  // `head` may be moved from. Interim answers (1xx) are swallowed. `length` is what the head announces.
  // After OutgoingRequest::upgrade its status may be 101: then body bytes are raw, both ways, send_body() may
  // be used, end_body() ends our side of the connection, and on_response_end() says that the peer ended its.
  virtual void on_response_head(ResponseHead& head, BodyLength length) = 0;
  virtual void on_response_body(std::string_view bytes) = 0;  // De-chunked; valid inside the call.
  virtual void on_response_end() = 0;
  virtual void on_response_error(const TransportError& error) = 0;  // Instead of the end.
  virtual void on_request_drained() = 0;  // What send_body() queued has been taken by the kernel.
};

// One request and its answer. Destroying it before the end closes the connection at once: that is how a
// request is cancelled. After the end the connection is back in the pool. Events may be answered by
// destroying it.
class ClientRequest {
 public:
  virtual ~ClientRequest() = default;

  // For a request begun with a streamed body.
  virtual void send_body(std::string_view bytes) = 0;
  virtual void end_body() = 0;
  virtual std::size_t queued_bytes() const = 0;

  // Stops and resumes the delivery of the answer's body.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

// A request to send. Host, Content-Length, Transfer-Encoding and Connection are the client's own: such fields
// in `headers` are ignored.
struct OutgoingRequest {
  std::string_view method;
  std::string_view target;           // Path and query.
  const Headers* headers = nullptr;  // Read during start() only.
  // The whole body, kept alive by the caller until the end (it may be sent again on another connection), or,
  // with `streamed_length`, nothing: then send_body() follows.
  std::string_view body;
  std::optional<BodyLength> streamed_length;
  // If set, these bytes are sent in place of a header line named `credential_name` after the others.
  std::string_view credential_name, credential_value;
  // The protocol to ask for ("websocket"); empty: none. REQUIRES: no body.
  std::string_view upgrade;
};

class HttpClient {
 public:
  // `proxy` empty: connections go straight to the origin.
  static std::unique_ptr<HttpClient> create(Loop& loop, std::shared_ptr<TlsClientContext> tls,
                                            const ClientLimits& limits);
  virtual ~HttpClient() = default;

  // Sends a request on a pooled or a new connection. Never calls back from within. A pooled connection that
  // the peer closed before a byte of the answer is replaced silently, once, when the body is held.
  virtual std::unique_ptr<ClientRequest> start(const Origin& origin, const std::optional<Proxy>& proxy,
                                               const OutgoingRequest& request, ResponseEvents& events) = 0;
  virtual std::size_t idle_connections() const = 0;
  // Each limit counts from when it is next waited for.
  virtual void set_limits(const ClientLimits& limits) = 0;
};

}  // namespace pollux
