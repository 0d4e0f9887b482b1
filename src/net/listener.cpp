#include "net/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "net/address.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace pollux {
namespace {

constexpr int backlog = 1024;
constexpr int most_accepts_a_turn = 64;
constexpr std::chrono::milliseconds rest_when_out_of_memory(100);
constexpr std::chrono::milliseconds between_warnings(60'000);

class Socket {
 public:
  explicit Socket(int number) : number_(number) {}
  Socket(Socket&& other) noexcept : number_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Socket() {
    if (number_ >= 0) close(number_);
  }
  int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }
  explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

// The addresses that this program listens on. SO_REUSEPORT lets a second program of the same user share a
// port without a word; so the first listener on an address makes sure that nobody else is there.
class OwnPorts {
 public:
  bool has(const Address& address) {
    const std::lock_guard lock(mutex_);
    return std::find(held_.begin(), held_.end(), address) != held_.end();
  }
  void add(const Address& address) {
    const std::lock_guard lock(mutex_);
    held_.push_back(address);
  }
  void remove(const Address& address) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find(held_.begin(), held_.end(), address);
    if (found != held_.end()) held_.erase(found);
  }

 private:
  std::mutex mutex_;
  std::vector<Address> held_;
};

OwnPorts& own_ports() {
  static OwnPorts ports;
  return ports;
}

Error cannot_listen(const std::string& host, std::uint16_t port, int code) {
  const bool ipv6 = host.find(':') != std::string::npos;
  auto message = "cannot listen on " + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + ": ";
  if (code == EADDRINUSE) return conflict(message + "the port is in use by another program");
  if (code == EACCES) return invalid_input(message + "ports below 1024 need a privileged user");
  if (code == EADDRNOTAVAIL) return invalid_input(message + "this machine has no such address");
  return unavailable(message + std::strerror(code));
}

Result<Address> resolve(const std::string& host, std::uint16_t port) {
  if (auto literal = Address::parse(host)) {
    literal->set_port(port);
    return *literal;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  auto address = status == 0 && list != nullptr ? Address::from(list->ai_addr) : std::nullopt;
  if (!address) return invalid_input("cannot listen on \"" + host + "\": no such host or address");
  address->set_port(port);
  return *address;
}

// Bound, not yet listening; empty with errno set if that failed.
Socket bound_socket(const Address& address, bool shared) {
  Socket socket(::socket(address.raw()->sa_family, SOCK_STREAM, 0));
  if (!socket) return socket;
  fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  const int on = 1;
  const int off = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.is_ipv6()) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(socket.get(), address.raw(), address.size()) < 0) return Socket(-1);
  return socket;
}

std::optional<Address> local_address(int socket) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) < 0) return std::nullopt;
  return Address::from(reinterpret_cast<const sockaddr*>(&local));
}

class TcpListener final : public Listener {
 public:
  TcpListener(Loop& loop, Socket socket, const Address& address, std::shared_ptr<TlsServerContext> tls,
              Accepted on_accepted)
      : loop_(loop),
        socket_(std::move(socket)),
        address_(address),
        tls_(std::move(tls)),
        on_accepted_(std::make_shared<Accepted>(std::move(on_accepted))),
        reserve_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
        rest_(loop, [this] { wait(); }) {
    own_ports().add(address_);
  }
  ~TcpListener() override {
    poll_.reset();  // Before its socket is closed.
    own_ports().remove(address_);
  }

  int start() {
    auto* poll = new uv_poll_t;
    const int status = uv_poll_init(loop_.uv(), poll, socket_.get());
    if (status < 0) {
      delete poll;
      return status;
    }
    poll->data = this;
    poll_.reset(poll);
    return wait();
  }

  std::uint16_t port() const override { return address_.port(); }

 private:
  int wait() {
    return uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
      if (poll->data != nullptr) static_cast<TcpListener*>(poll->data)->accept_some();
    });
  }
  void accept_some();
  bool on_accept_failed(int code);
  void refuse_one();

  Loop& loop_;
  Socket socket_;
  Address address_;
  std::shared_ptr<TlsServerContext> tls_;
  std::shared_ptr<Accepted>
      on_accepted_;  // Shared with the call that is running: it may destroy the listener.
  Socket reserve_;   // Given up to refuse a connection when descriptors have run out.
  Handle<uv_poll_t> poll_;
  Timer rest_;
  std::optional<std::chrono::milliseconds> warned_at_;
};

void TcpListener::accept_some() {
  auto* const poll = poll_.get();
  const auto on_accepted = on_accepted_;
  auto& loop = loop_;
  for (int count = 0; count < most_accepts_a_turn; ++count) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const from = reinterpret_cast<sockaddr*>(&storage);
#ifdef __linux__
    Socket client(accept4(socket_.get(), from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
#else
    Socket client(accept(socket_.get(), from, &size));
    if (client) fcntl(client.get(), F_SETFD, FD_CLOEXEC);
#endif
    if (!client) {
      if (on_accept_failed(errno)) continue;
      return;
    }
    const auto peer = Address::from(from);
    if (!peer) continue;  // Some systems show a connection that is gone already so.
    auto* tcp = new uv_tcp_t;
    uv_tcp_init(loop.uv(), tcp);  // Without an address family it makes no socket and cannot fail.
    Handle<uv_tcp_t> handle(tcp);
    if (uv_tcp_open(tcp, client.get()) < 0) continue;
    static_cast<void>(client.release());
    auto stream = tcp_stream(loop, std::move(handle), *peer);
    if (tls_) stream = tls_accept(loop, tls_, std::move(stream));
    (*on_accepted)(std::move(stream));
    if (poll->data == nullptr) return;  // The listener is gone.
  }
}

// Whether to go on at once.
bool TcpListener::on_accept_failed(int code) {
  if (code == EAGAIN || code == EWOULDBLOCK) return false;
  if (code == EINTR || code == ECONNABORTED || code == EPROTO) return true;
  if (!warned_at_ || loop_.now() - *warned_at_ >= between_warnings) {
    warned_at_ = loop_.now();
    log_warn("connections are refused", {{"reason", std::strerror(code)}});
  }
  if ((code == EMFILE || code == ENFILE) && reserve_) {
    refuse_one();
    if (reserve_) return true;
  }
  uv_poll_stop(poll_.get());
  rest_.start(rest_when_out_of_memory);
  return false;
}

// Accepts with the reserve descriptor and closes: a client that is told can try elsewhere, and the loop does
// not spin on a connection that it cannot take.
void TcpListener::refuse_one() {
  reserve_ = Socket(-1);
  { const Socket refused(accept(socket_.get(), nullptr, nullptr)); }
  reserve_ = Socket(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::create(Loop& loop, const std::string& host, std::uint16_t port,
                                                   std::shared_ptr<TlsServerContext> tls,
                                                   Accepted on_accepted) {
  auto address = resolve(host, port);
  if (!address) return std::move(address).error();
  if (port != 0 && !own_ports().has(*address) && !bound_socket(*address, false)) {
    return cannot_listen(host, port, errno);
  }
  auto socket = bound_socket(*address, true);
  if (!socket || listen(socket.get(), backlog) < 0) return cannot_listen(host, port, errno);
  const auto local = local_address(socket.get());
  if (!local) return cannot_listen(host, port, errno);
  auto listener =
      std::make_unique<TcpListener>(loop, std::move(socket), *local, std::move(tls), std::move(on_accepted));
  const int status = listener->start();
  if (status < 0) return cannot_listen(host, port, -status);
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace pollux
