#include "net/tunnel.h"

#include <utility>

#include "base/base64.h"
#include "net/address.h"

namespace pollux {
namespace {

constexpr std::size_t longest_answer = std::size_t{16} * 1024;

class AnyTunnel : public Tunnel, protected StreamEvents {
 public:
  AnyTunnel(std::unique_ptr<Stream> stream, TunnelEvents& events)
      : stream_(std::move(stream)), events_(events) {
    stream_->set_events(this);
  }

 protected:
  // Looks at what has come so far. Its last statement may be succeed() or fail(), which end this object's
  // life.
  virtual void on_answer() = 0;

  void send(std::string bytes) { stream_->write(std::move(bytes)); }
  void succeed(std::size_t answer_bytes) {
    // Both TLS and HTTP begin with the client: nothing can have come from the origin yet.
    if (answer_.size() > answer_bytes) return fail("the proxy sent more than its answer");
    stream_->set_events(nullptr);
    events_.on_tunnel(std::move(stream_));
  }
  void fail(const std::string& reason) {
    stream_->set_events(nullptr);
    events_.on_tunnel_failed(reason);
  }

  std::string answer_;

 private:
  void on_data(std::string_view bytes) override {
    answer_ += bytes;
    if (answer_.size() > longest_answer) return fail("the proxy's answer is too long");
    on_answer();
  }
  void on_end() override { fail("the proxy closed the connection"); }
  void on_error(const NetError& error) override { fail(error.message); }
  void on_drained() override {}

  std::unique_ptr<Stream> stream_;
  TunnelEvents& events_;
};

class HttpTunnel final : public AnyTunnel {
 public:
  HttpTunnel(std::unique_ptr<Stream> stream, const Proxy& proxy, const Origin& origin, TunnelEvents& events)
      : AnyTunnel(std::move(stream), events) {
    const bool brackets = origin.host.find(':') != std::string::npos;
    const auto target =
        (brackets ? "[" + origin.host + "]" : origin.host) + ":" + std::to_string(origin.port);
    auto request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (!proxy.user.empty() || !proxy.password.empty()) {
      request += "Proxy-Authorization: Basic " + base64_encode(proxy.user + ":" + proxy.password) + "\r\n";
    }
    send(request + "\r\n");
  }

 private:
  void on_answer() override {
    const auto end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const bool is_http = answer_.size() > 12 && answer_.starts_with("HTTP/1.") && answer_[8] == ' ';
    const auto status = answer_.substr(9, 3);
    if (!is_http || status.find_first_not_of("0123456789") != std::string::npos) {
      return fail("the proxy does not speak HTTP");
    }
    if (status[0] == '2') return succeed(end + 4);
    if (status == "407") return fail("the proxy asks for another user and password (407)");
    fail("the proxy answered CONNECT with status " + status);
  }
};

std::string_view socks_reason(unsigned char code) {
  switch (code) {
    case 1:
      return "the proxy failed";
    case 2:
      return "the proxy does not allow it";
    case 3:
      return "network unreachable from the proxy";
    case 4:
      return "host unreachable from the proxy";
    case 5:
      return "connection refused to the proxy";
    case 6:
      return "the proxy's connection timed out";
    case 7:
      return "the proxy does not know CONNECT";
    case 8:
      return "the proxy does not know this kind of address";
    default:
      return "the proxy refused";
  }
}

class SocksTunnel final : public AnyTunnel {
 public:
  SocksTunnel(std::unique_ptr<Stream> stream, const Proxy& proxy, const Origin& origin, TunnelEvents& events)
      : AnyTunnel(std::move(stream), events), proxy_(proxy), origin_(origin) {
    send(has_password() ? std::string("\x05\x02\x00\x02", 4) : std::string("\x05\x01\x00", 3));
  }

 private:
  enum class Stage { greeting, password, connect };

  bool has_password() const { return !proxy_.user.empty() || !proxy_.password.empty(); }
  unsigned char at(std::size_t index) const { return static_cast<unsigned char>(answer_[index]); }

  void on_answer() override {
    if (stage_ != Stage::connect) {
      if (answer_.size() < 2) return;
      return stage_ == Stage::greeting ? on_greeting() : on_password();
    }
    if (answer_.size() < 2) return;
    if (at(0) != 5) return fail("the proxy does not speak SOCKS5");
    if (at(1) != 0) return fail(std::string(socks_reason(at(1))));
    if (answer_.size() < 5) return;
    std::size_t address_bytes = 4;                           // at(3): 1 is IPv4,
    if (at(3) == 4) address_bytes = 16;                      // 4 is IPv6,
    if (at(3) == 3) address_bytes = std::size_t{1} + at(4);  // 3 is a name after its length.
    const auto all = 4 + address_bytes + 2;
    if (answer_.size() >= all) succeed(all);
  }

  void on_greeting() {
    if (at(0) != 5) return fail("the proxy does not speak SOCKS5");
    const auto method = at(1);
    answer_.erase(0, 2);
    if (method == 0) return ask_to_connect();
    if (method != 2 || !has_password()) {
      return fail(has_password() ? "the proxy accepts neither user and password nor none"
                                 : "the proxy asks for a user and password");
    }
    stage_ = Stage::password;
    std::string request = "\x01";
    request += static_cast<char>(proxy_.user.size());  // Proxy::parse() keeps both to 255 bytes.
    request += proxy_.user;
    request += static_cast<char>(proxy_.password.size());
    request += proxy_.password;
    send(std::move(request));
  }

  void on_password() {
    if (at(1) != 0) return fail("the proxy does not accept the user and password");
    answer_.erase(0, 2);
    ask_to_connect();
  }

  void ask_to_connect() {
    stage_ = Stage::connect;
    std::string request("\x05\x01\x00", 3);
    if (const auto address = Address::parse(origin_.host)) {
      request += address->is_ipv6() ? '\x04' : '\x01';
      request += address->bytes();
    } else {
      request += '\x03';
      request += static_cast<char>(origin_.host.size());  // Origin::parse() keeps it to 253 bytes.
      request += origin_.host;
    }
    request += static_cast<char>(origin_.port >> 8);
    request += static_cast<char>(origin_.port & 0xff);
    send(std::move(request));
  }

  Proxy proxy_;
  Origin origin_;
  Stage stage_ = Stage::greeting;
};

}  // namespace

std::unique_ptr<Tunnel> open_tunnel(std::unique_ptr<Stream> to_proxy, const Proxy& proxy,
                                    const Origin& origin, TunnelEvents& events) {
  if (proxy.kind == Proxy::Kind::http) {
    return std::make_unique<HttpTunnel>(std::move(to_proxy), proxy, origin, events);
  }
  return std::make_unique<SocksTunnel>(std::move(to_proxy), proxy, origin, events);
}

}  // namespace pollux
