// The port that clients connect to. Every worker has a listener of its own on the same address
// (SO_REUSEPORT): the kernel spreads the connections.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

namespace pollux {

class Listener {
 public:
  using Accepted = std::function<void(std::unique_ptr<Stream>)>;

  // Binds and listens. Host: an IPv4 or IPv6 address ("::" takes both families) or a name. Port 0 takes a
  // free one: the first worker does so, the others are given the number. `tls` may be null.
  static Result<std::unique_ptr<Listener>> create(Loop& loop, const std::string& host, std::uint16_t port,
                                                  std::shared_ptr<TlsServerContext> tls,
                                                  Accepted on_accepted);
  virtual ~Listener() = default;  // Stops listening; accepted streams live on.

  virtual std::uint16_t port() const = 0;
};

}  // namespace pollux
