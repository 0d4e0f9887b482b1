#include "net/dial.h"

#include <algorithm>
#include <utility>

#include "net/tcp.h"

namespace pollux {
namespace {

constexpr std::chrono::milliseconds between_attempts(250);  // RFC 8305 section 5.

// Families take turns, beginning with that of the first address; reversed, to be taken from the back.
std::vector<Address> interleaved(const std::vector<Address>& addresses, std::uint16_t port) {
  std::vector<Address> first, second, mixed;
  for (auto address : addresses) {
    address.set_port(port);
    (address.is_ipv6() == addresses.front().is_ipv6() ? first : second).push_back(address);
  }
  for (std::size_t at = 0; at < std::max(first.size(), second.size()); ++at) {
    if (at < first.size()) mixed.push_back(first[at]);
    if (at < second.size()) mixed.push_back(second[at]);
  }
  std::reverse(mixed.begin(), mixed.end());
  return mixed;
}

bool only_unreachable(int status) {
  return status == 0 || status == UV_ENETUNREACH || status == UV_EHOSTUNREACH || status == UV_EADDRNOTAVAIL;
}

}  // namespace

Dial::Dial(Loop& loop, const std::vector<Address>& addresses, std::uint16_t port, DialEvents& events)
    : loop_(loop),
      events_(events),
      waiting_(interleaved(addresses, port)),
      next_(loop, [this] { on_due(); }) {
  try_next();
}

void Dial::try_next() {
  while (!waiting_.empty()) {
    const auto address = waiting_.back();
    waiting_.pop_back();
    if (!start(address)) continue;
    if (!waiting_.empty()) next_.start(between_attempts);
    return;
  }
  if (under_way_.empty()) next_.start(std::chrono::milliseconds(0));
}

bool Dial::start(const Address& address) {
  auto* socket = new uv_tcp_t;
  const int made = uv_tcp_init(loop_.uv(), socket);
  if (made < 0) {
    delete socket;
    note_failure(made);
    return false;
  }
  socket->data = this;
  Attempt attempt{Handle<uv_tcp_t>(socket), address};
  auto request = std::make_unique<uv_connect_t>();
  const int status = uv_tcp_connect(request.get(), socket, address.raw(), [](uv_connect_t* done, int result) {
    const std::unique_ptr<uv_connect_t> memory(done);
    auto* const tcp = reinterpret_cast<uv_tcp_t*>(done->handle);
    if (tcp->data != nullptr) static_cast<Dial*>(tcp->data)->on_answer(tcp, result);
  });
  if (status < 0) {
    note_failure(status);
    return false;
  }
  static_cast<void>(request.release());  // The callback's now.
  under_way_.push_back(std::move(attempt));
  return true;
}

void Dial::on_answer(const uv_tcp_t* socket, int status) {
  const auto found = std::find_if(under_way_.begin(), under_way_.end(), [socket](const Attempt& attempt) {
    return attempt.socket.get() == socket;
  });
  auto attempt = std::move(*found);
  under_way_.erase(found);
  if (status == 0) {
    under_way_.clear();
    waiting_.clear();
    next_.stop();
    events_.on_dialed(tcp_stream(loop_, std::move(attempt.socket), attempt.address), attempt.address);
    return;
  }
  note_failure(status);
  if (!waiting_.empty()) return try_next();  // No need to wait for the clock.
  if (under_way_.empty()) events_.on_dial_failed(failure_);
}

void Dial::note_failure(int status) {
  if (only_unreachable(failure_)) failure_ = status;
}

void Dial::on_due() {
  if (!waiting_.empty()) return try_next();
  if (under_way_.empty()) events_.on_dial_failed(failure_);
}

}  // namespace pollux
