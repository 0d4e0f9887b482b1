// Reaching a host: its name resolved off the loop, its addresses tried as Happy Eyeballs does (RFC 8305:
// families interleaved, the next try 250 ms after the last), through an outgoing proxy where one is set,
// then TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

namespace pollux {

// Where a connection leads: scheme, host, port.
struct Origin {
  bool tls = true;
  std::string host;  // A name or an address; IPv6 without brackets.
  std::uint16_t port = 443;
  // Every address of the host must be public, or no connection is made: who named it is not trusted with our
  // own network. REQUIRES: no proxy, for nobody can say where one leads.
  bool public_only = false;

  // "https://host:port" -> Origin and, in `path`, what follows (a prefix such as "/v1beta" or "").
  static Result<Origin> parse(std::string_view url, std::string* path = nullptr);
  std::string text() const;       // "https://host" or "https://host:8443": what to show.
  std::string authority() const;  // "host" or "host:8443": the Host header.
  bool operator==(const Origin&) const = default;
};

// An outgoing proxy: http:// (CONNECT, also to http origins) or socks5:// (names resolved by the proxy).
struct Proxy {
  enum class Kind { http, socks5 } kind = Kind::http;
  std::string host;
  std::uint16_t port = 0;
  std::string user, password;
  static Result<Proxy> parse(std::string_view url);
  std::string text() const;  // Without the password.
};

struct ConnectLimits {
  std::chrono::milliseconds resolve{5'000};
  std::chrono::milliseconds connect{10'000};  // To the first address that answers, proxy included.
  std::chrono::milliseconds tls{10'000};
};

class ConnectEvents {
 public:
  virtual ~ConnectEvents() = default;
  virtual void on_connected(std::unique_ptr<Stream> stream) = 0;  // Without events set yet.
  virtual void on_connect_failed(const NetError& error) = 0;
};

// One attempt under way; destroying it gives up. Exactly one event comes, never from within connect().
class Connecting {
 public:
  virtual ~Connecting() = default;
};

// `tls` may be null for an http origin.
std::unique_ptr<Connecting> connect(Loop& loop, const Origin& origin, std::shared_ptr<TlsClientContext> tls,
                                    const std::optional<Proxy>& proxy, const ConnectLimits& limits,
                                    ConnectEvents& events);

}  // namespace pollux
