// The way through an outgoing proxy: asks it, over a connection to it, for one to the origin.
// HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5 (RFC 1928, with user and password by RFC 1929).
#pragma once

#include <memory>
#include <string>

#include "net/connector.h"
#include "net/stream.h"

namespace pollux {

class TunnelEvents {
 public:
  virtual ~TunnelEvents() = default;
  // From here on the bytes are the origin's. Without events set.
  virtual void on_tunnel(std::unique_ptr<Stream> stream) = 0;
  virtual void on_tunnel_failed(const std::string& reason) = 0;
};

// Destroying it gives up. Never calls back from within open_tunnel().
class Tunnel {
 public:
  virtual ~Tunnel() = default;
};

std::unique_ptr<Tunnel> open_tunnel(std::unique_ptr<Stream> to_proxy, const Proxy& proxy,
                                    const Origin& origin, TunnelEvents& events);

}  // namespace pollux
