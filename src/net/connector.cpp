#include "net/connector.h"

#include <algorithm>
#include <utility>

#include "net/dial.h"
#include "net/resolver.h"
#include "net/timer.h"
#include "net/tunnel.h"

namespace pollux {
namespace {

std::string duration_text(std::chrono::milliseconds duration) {
  if (duration.count() % 1000 == 0) return std::to_string(duration.count() / 1000) + " s";
  return std::to_string(duration.count()) + " ms";
}

// One attempt, stage after stage. Every stage's event is answered by the next stage or by the end; after the
// end nothing of this object may be touched, since whoever is told may have destroyed it.
class Journey final : public Connecting,
                      private ResolveEvents,
                      private DialEvents,
                      private TunnelEvents,
                      private TlsHandshakeEvents {
 public:
  Journey(Loop& loop, const Origin& origin, std::shared_ptr<TlsClientContext> tls,
          const std::optional<Proxy>& proxy, const ConnectLimits& limits, ConnectEvents& events)
      : loop_(loop),
        origin_(origin),
        tls_(std::move(tls)),
        proxy_(proxy),
        limits_(limits),
        events_(events),
        limit_(loop, [this] { on_too_late(); }) {
    const auto addresses = loop_.resolver().known(next_host());
    if (!addresses.empty()) {
      dial(addresses);
      return;
    }
    limit_.start(limits_.resolve);
    resolving_ = loop_.resolver().ask(next_host(), *this);
  }

 private:
  enum class Stage { resolving, refusing, dialing, tunneling, securing };

  const std::string& next_host() const { return proxy_ ? proxy_->host : origin_.host; }
  std::uint16_t next_port() const { return proxy_ ? proxy_->port : origin_.port; }

  void dial(const std::vector<Address>& addresses) {
    resolving_.reset();
    limit_.stop();
    if (origin_.public_only && (proxy_ || !std::ranges::all_of(addresses, &Address::is_public))) {
      stage_ = Stage::refusing;  // Said on the loop's next turn.
      return limit_.start(std::chrono::milliseconds(0));
    }
    stage_ = Stage::dialing;
    limit_.start(limits_.connect);
    DialEvents& events = *this;
    dial_ = std::make_unique<Dial>(loop_, addresses, next_port(), events);
  }

  void on_resolved(std::vector<Address> addresses) override { dial(addresses); }
  void on_resolve_failed(const std::string& reason) override {
    fail(NetError::Kind::resolve, "cannot resolve " + next_host() + ": " + reason);
  }

  void on_dialed(std::unique_ptr<Stream> stream, const Address& address) override {
    loop_.resolver().prefer(next_host(), address);
    if (!proxy_) return secure(std::move(stream));
    stage_ = Stage::tunneling;
    tunnel_ = open_tunnel(std::move(stream), *proxy_, origin_, *this);
  }
  void on_dial_failed(int status) override {
    loop_.resolver().forget(next_host());
    fail(NetError::Kind::connect, uv_strerror(status));
  }

  void on_tunnel(std::unique_ptr<Stream> stream) override { secure(std::move(stream)); }
  void on_tunnel_failed(const std::string& reason) override { fail(NetError::Kind::proxy, reason); }

  void secure(std::unique_ptr<Stream> stream) {
    if (!origin_.tls) return succeed(std::move(stream));
    stage_ = Stage::securing;
    limit_.stop();
    limit_.start(limits_.tls);
    secured_ = tls_connect(loop_, tls_, std::move(stream), origin_.host, *this, origin_.port);
  }
  void on_secure() override { succeed(std::move(secured_)); }
  void on_handshake_error(const NetError& error) override { fail(error.kind, error.message); }

  void on_too_late() {
    switch (stage_) {
      case Stage::resolving:
        return fail(NetError::Kind::timeout,
                    "no answer from the name server within " + duration_text(limits_.resolve));
      case Stage::refusing:
        return fail(NetError::Kind::connect,
                    proxy_ ? "a proxy may lead anywhere" : "its address is not public");
      case Stage::dialing:
        loop_.resolver().forget(next_host());
        return fail(NetError::Kind::timeout, "no answer within " + duration_text(limits_.connect));
      case Stage::tunneling:
        return fail(NetError::Kind::timeout,
                    "no answer from the proxy within " + duration_text(limits_.connect));
      case Stage::securing:
        return fail(NetError::Kind::timeout, "no TLS within " + duration_text(limits_.tls));
    }
  }

  void succeed(std::unique_ptr<Stream> stream) {
    limit_.stop();
    events_.on_connected(std::move(stream));
  }

  void fail(NetError::Kind kind, const std::string& reason) {
    limit_.stop();
    const bool host_has_colons = origin_.host.find(':') != std::string::npos;
    auto message = "cannot reach " + (host_has_colons ? "[" + origin_.host + "]" : origin_.host) + ":" +
                   std::to_string(origin_.port);
    if (proxy_) message += " through " + proxy_->text();
    events_.on_connect_failed(
        {proxy_ && kind == NetError::Kind::connect ? NetError::Kind::proxy : kind, message + ": " + reason});
  }

  Loop& loop_;
  const Origin origin_;
  const std::shared_ptr<TlsClientContext> tls_;
  const std::optional<Proxy> proxy_;
  const ConnectLimits limits_;
  ConnectEvents& events_;
  Stage stage_ = Stage::resolving;
  Timer limit_;
  std::unique_ptr<Resolving> resolving_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<Tunnel> tunnel_;
  std::unique_ptr<Stream> secured_;
};

}  // namespace

std::unique_ptr<Connecting> connect(Loop& loop, const Origin& origin, std::shared_ptr<TlsClientContext> tls,
                                    const std::optional<Proxy>& proxy, const ConnectLimits& limits,
                                    ConnectEvents& events) {
  return std::make_unique<Journey>(loop, origin, std::move(tls), proxy, limits, events);
}

}  // namespace pollux
