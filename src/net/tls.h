// TLS for both sides by mbedTLS (2.28 and 3.x). Only net/tls* knows mbedTLS's
// connections and certificates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/stream.h"

namespace pollux {

// What outgoing connections share: the trusted certificates, the order of ciphers (ChaCha20 first where the
// processor has no AES instructions) and the sessions to resume. Peers are always verified, by name too.
// One for all workers; safe for any thread.
class TlsClientContext {
 public:
  // `ca_file` empty: the system's bundle, wherever this system keeps it.
  static Result<std::shared_ptr<TlsClientContext>> create(const std::string& ca_file);
  virtual ~TlsClientContext() = default;
};

// The certificate and key that Pollux shows its own clients.
class TlsServerContext {
 public:
  static Result<std::shared_ptr<TlsServerContext>> create(const std::string& cert_file,
                                                          const std::string& key_file);
  virtual ~TlsServerContext() = default;
};

class TlsHandshakeEvents {
 public:
  virtual ~TlsHandshakeEvents() = default;
  virtual void on_secure() = 0;  // The stream may be used.
  virtual void on_handshake_error(
      const NetError& error) = 0;  // Names the reason: expired, unknown authority, wrong name.
};

// Wraps a connected stream. The handshake begins at once; `events` is told of its end once.
// `server_name` is sent as SNI (if it is a name) and must match the certificate (a DNS name or an IP
// address). Name and port together are what a session is remembered by.
std::unique_ptr<Stream> tls_connect(Loop& loop, std::shared_ptr<TlsClientContext> context,
                                    std::unique_ptr<Stream> transport, const std::string& server_name,
                                    TlsHandshakeEvents& events, std::uint16_t port = 443);
// For an accepted connection; may be used at once: data is delivered after the handshake.
std::unique_ptr<Stream> tls_accept(Loop& loop, std::shared_ptr<TlsServerContext> context,
                                   std::unique_ptr<Stream> transport);

}  // namespace pollux
