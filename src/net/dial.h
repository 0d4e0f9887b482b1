// A TCP connection to the first of several addresses that answers, tried as Happy Eyeballs does (RFC 8305).
#pragma once

#include <uv.h>

#include <memory>
#include <vector>

#include "net/address.h"
#include "net/handle.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"

namespace pollux {

class DialEvents {
 public:
  virtual ~DialEvents() = default;
  virtual void on_dialed(std::unique_ptr<Stream> stream, const Address& address) = 0;
  // Of several reasons, the first that is not "unreachable". A libuv error number.
  virtual void on_dial_failed(int status) = 0;
};

// Goes on until one address answered or all have failed; destroying it gives up. Sets no time limit of its
// own.
class Dial {
 public:
  // REQUIRES: at least one address. Never calls back from within.
  Dial(Loop& loop, const std::vector<Address>& addresses, std::uint16_t port, DialEvents& events);
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

 private:
  struct Attempt {
    Handle<uv_tcp_t> socket;
    Address address;
  };

  void try_next();
  bool start(const Address& address);
  void on_answer(const uv_tcp_t* socket, int status);
  void note_failure(int status);
  void on_due();

  Loop& loop_;
  DialEvents& events_;
  std::vector<Address> waiting_;  // Last first.
  std::vector<Attempt> under_way_;
  int failure_ = 0;
  Timer next_;
};

}  // namespace pollux
