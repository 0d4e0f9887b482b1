#include "net/connector.h"

#include "base/digest.h"
#include "catch.h"
#include "net/dial.h"
#include "net/resolver.h"
#include "net/test_loop.h"

using namespace pollux;
using namespace pollux::test;
using namespace std::chrono_literals;

namespace {

class DialRecorder final : public DialEvents {
 public:
  void on_dialed(std::unique_ptr<Stream> connected, const Address& answered) override {
    stream = std::move(connected);
    address = answered.text();
  }
  void on_dial_failed(int failure) override { status = failure; }

  std::unique_ptr<Stream> stream;
  std::string address;
  int status = 0;
};

class ResolveRecorder final : public ResolveEvents {
 public:
  void on_resolved(std::vector<Address> found) override {
    addresses = std::move(found);
    ++answers;
  }
  void on_resolve_failed(const std::string& why) override {
    reason = why;
    ++answers;
  }
  std::vector<Address> addresses;
  std::string reason;
  int answers = 0;
};

std::uint16_t unused_port(TestLoop& loop) {
  const Door door(loop);
  return door.port();
}

// A socket that never accepts, with a full queue: what connects to it is neither answered nor refused.
class BlackHole {
 public:
  explicit BlackHole(const std::string& host) {
    auto address = *Address::parse(host);
    listening_ = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(bind(listening_, address.raw(), address.size()) == 0);
    REQUIRE(listen(listening_, 0) == 0);
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    getsockname(listening_, reinterpret_cast<sockaddr*>(&bound), &size);
    port = ntohs(bound.sin_port);
    for (auto& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      static_cast<void>(::connect(filler, reinterpret_cast<const sockaddr*>(&bound), size));
    }
  }
  ~BlackHole() {
    for (const int filler : fillers_) close(filler);
    close(listening_);
  }
  BlackHole(const BlackHole&) = delete;
  std::uint16_t port = 0;

 private:
  int listening_;
  int fillers_[4];
};

struct Outcome {
  explicit Outcome(TestLoop& loop, const Origin& origin, const std::optional<Proxy>& proxy = std::nullopt,
                   const ConnectLimits& limits = {}) {
    connecting = connect(loop, origin, nullptr, proxy, limits, recorder);
    at_once = recorder.over();
    ended = loop.wait_until([&] { return recorder.over(); });
  }
  ConnectRecorder recorder;
  std::unique_ptr<Connecting> connecting;
  bool at_once = false, ended = false;
};

}  // namespace

TEST_CASE("a connection to a name is made, and its address remembered") {
  TestLoop loop;
  const Door door(loop);
  const Outcome outcome(loop, door.origin("localhost"));

  CHECK(outcome.recorder.stream != nullptr);
  CHECK_FALSE(loop.get().resolver().known("localhost").empty());
}

TEST_CASE("a refused connection names the origin and the reason") {
  TestLoop loop;
  const auto port = unused_port(loop);
  const Outcome outcome(loop, {false, "127.0.0.1", port});

  REQUIRE(outcome.recorder.failed);
  CHECK_FALSE(outcome.at_once);
  CHECK(outcome.recorder.error.kind == NetError::Kind::connect);
  CHECK(outcome.recorder.error.message ==
        "cannot reach 127.0.0.1:" + std::to_string(port) + ": connection refused");
}

TEST_CASE("a name that does not exist is an error of its own kind") {
  TestLoop loop;
  const Outcome outcome(loop, {false, "no-such-host.invalid", 80}, std::nullopt, {.resolve = 15s});

  REQUIRE(outcome.recorder.failed);
  CHECK((outcome.recorder.error.kind == NetError::Kind::resolve ||
         outcome.recorder.error.kind == NetError::Kind::timeout));
  CHECK(outcome.recorder.error.message.find("cannot reach no-such-host.invalid:80: ") == 0);
}

TEST_CASE("an address that never answers is given up at the limit") {
  TestLoop loop;
  const BlackHole hole("127.0.0.1");
  const Outcome outcome(loop, {false, "127.0.0.1", hole.port}, std::nullopt, {.connect = 50ms});

  REQUIRE(outcome.recorder.failed);
  CHECK(outcome.recorder.error.kind == NetError::Kind::timeout);
  CHECK(outcome.recorder.error.message ==
        "cannot reach 127.0.0.1:" + std::to_string(hole.port) + ": no answer within 50 ms");
}

TEST_CASE("an attempt that is given up leaves nothing behind") {
  TestLoop loop;
  const BlackHole hole("127.0.0.1");
  ConnectRecorder recorder;
  SECTION("while it connects") {
    auto connecting = connect(loop, {false, "127.0.0.1", hole.port}, nullptr, std::nullopt, {}, recorder);
    loop.turn();
    connecting.reset();
  }
  SECTION("while it resolves") {
    auto connecting = connect(loop, {false, "localhost", hole.port}, nullptr, std::nullopt, {}, recorder);
    connecting.reset();
  }
  SECTION("before anything happened") {
    connect(loop, {false, "127.0.0.1", hole.port}, nullptr, std::nullopt, {}, recorder).reset();
  }
  loop.turn();
  CHECK_FALSE(recorder.over());
}

TEST_CASE("a loop may end while a name is looked up") {
  ResolveRecorder recorder;
  Loop loop;
  const auto waiting = loop.resolver().ask("localhost", recorder);
}

TEST_CASE("an attempt may be destroyed inside its event") {
  TestLoop loop;
  const Door door(loop);
  const auto port = unused_port(loop);
  ConnectRecorder recorder;
  std::unique_ptr<Connecting> connecting;
  recorder.after = [&] { connecting.reset(); };
  SECTION("connected") {
    connecting = connect(loop, door.origin(), nullptr, std::nullopt, {}, recorder);
  }
  SECTION("failed") {
    connecting = connect(loop, {false, "127.0.0.1", port}, nullptr, std::nullopt, {}, recorder);
  }
  SECTION("resolved and failed") {
    connecting = connect(loop, {false, "localhost", port}, nullptr, std::nullopt, {}, recorder);
  }

  CHECK(loop.wait_until([&] { return recorder.over() && connecting == nullptr; }));
}

TEST_CASE("a dead first address costs a quarter of a second, not the connection") {
  TestLoop loop;
  const BlackHole hole("127.0.0.2");
  const auto alive = Listener::create(loop, "127.0.0.1", hole.port, nullptr, [](std::unique_ptr<Stream>) {});
  REQUIRE(alive.has_value());
  DialRecorder recorder;
  const auto begin = uv_hrtime();
  const Dial dial(loop, {*Address::parse("127.0.0.2"), *Address::parse("127.0.0.1")}, hole.port, recorder);

  REQUIRE(loop.wait_until([&] { return recorder.stream != nullptr || recorder.status != 0; }));
  CHECK(recorder.address == "127.0.0.1");
  CHECK(uv_hrtime() - begin >= 240'000'000);
}

TEST_CASE("a refused first address costs nothing, and families take turns") {
  TestLoop loop;
  const Door door(loop);
  DialRecorder recorder;
  const auto begin = uv_hrtime();
  const Dial dial(loop, {*Address::parse("::1"), *Address::parse("127.0.0.3"), *Address::parse("127.0.0.1")},
                  door.port(), recorder);

  REQUIRE(loop.wait_until([&] { return recorder.stream != nullptr || recorder.status != 0; }));
  CHECK(recorder.address == "127.0.0.1");
  CHECK(uv_hrtime() - begin < 240'000'000);
}

TEST_CASE("when no address answers the most telling reason is given") {
  TestLoop loop;
  const auto port = unused_port(loop);
  DialRecorder recorder;
  const Dial dial(loop, {*Address::parse("255.255.255.255"), *Address::parse("127.0.0.1")}, port, recorder);

  REQUIRE(loop.wait_until([&] { return recorder.stream != nullptr || recorder.status != 0; }));
  CHECK(recorder.status != 0);
}

TEST_CASE("those who ask for the same name share one question") {
  TestLoop loop;
  ResolveRecorder first, second, gone;
  const auto one = loop.get().resolver().ask("localhost", first);
  const auto other = loop.get().resolver().ask("localhost", second);
  loop.get().resolver().ask("localhost", gone).reset();

  REQUIRE(loop.wait_until([&] { return first.answers + second.answers == 2; }));
  CHECK(first.addresses == second.addresses);
  CHECK(gone.answers == 0);
}

TEST_CASE("a resolver knows literal addresses without asking") {
  TestLoop loop;
  CHECK(loop.get().resolver().known("192.0.2.7").front().text() == "192.0.2.7");
  CHECK(loop.get().resolver().known("2001:db8::7").front().text() == "2001:db8::7");
  CHECK(loop.get().resolver().known("example.com").empty());
}

TEST_CASE("an origin that must be public is never looked for on this machine, however it is written") {
  TestLoop loop;
  const Door door(loop);
  for (const auto* host : {"127.0.0.1", "localhost", "::1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
                           "0", "::ffff:127.0.0.1", "169.254.169.254"}) {
    INFO(host);
    auto origin = door.origin(host);
    origin.public_only = true;
    const Outcome outcome(loop, origin);
    REQUIRE(outcome.recorder.failed);
    CHECK_FALSE(outcome.at_once);
    CHECK_THAT(outcome.recorder.error.message, Catch::Matchers::EndsWith(": its address is not public"));
  }
  CHECK(Outcome(loop, door.origin("127.1")).recorder.stream != nullptr);
}

TEST_CASE("an origin that must be public is not looked for through a proxy") {
  TestLoop loop;
  const Door door(loop);
  Origin origin{true, "example.com", 443, true};
  const Outcome outcome(loop, origin, Proxy{Proxy::Kind::http, "127.0.0.1", door.port(), "", ""});

  REQUIRE(outcome.recorder.failed);
  CHECK(outcome.recorder.error.kind == NetError::Kind::proxy);
  CHECK_THAT(outcome.recorder.error.message, Catch::Matchers::EndsWith(": a proxy may lead anywhere"));
}
