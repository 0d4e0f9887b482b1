#include "net/listener.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "base/log.h"
#include "catch.h"
#include "net/address.h"
#include "net/test_loop.h"

using namespace pollux;
using namespace pollux::test;

namespace {

std::string problem(const std::string& host, std::uint16_t port) {
  Loop loop;
  const auto listener = Listener::create(loop, host, port, nullptr, [](auto) {});
  return listener ? "" : listener.error().message;
}

}  // namespace

TEST_CASE("a port that another program uses is refused in plain words") {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  auto address = *Address::parse("127.0.0.1");
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);  // As a second Pollux would.
  REQUIRE(bind(socket, address.raw(), address.size()) == 0);
  REQUIRE(listen(socket, 1) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size);
  const auto port = ntohs(bound.sin_port);

  CHECK(problem("127.0.0.1", port) ==
        "cannot listen on 127.0.0.1:" + std::to_string(port) + ": the port is in use by another program");
  close(socket);
}

TEST_CASE("an address that is not this machine's is refused in plain words") {
  CHECK(problem("192.0.2.1", 0) == "cannot listen on 192.0.2.1:0: this machine has no such address");
  CHECK(problem("no-such-host.invalid", 0) ==
        "cannot listen on \"no-such-host.invalid\": no such host or address");
}

TEST_CASE("listeners of one program share a port") {
  TestLoop loop;
  Door first(loop);
  std::size_t accepted = 0;
  const auto second = Listener::create(loop, "127.0.0.1", first.port(), nullptr,
                                       [&](std::unique_ptr<Stream>) { ++accepted; });
  REQUIRE(second.has_value());
  CHECK((*second)->port() == first.port());

  std::vector<std::unique_ptr<ConnectRecorder>> recorders;
  std::vector<std::unique_ptr<Connecting>> connecting;
  for (int count = 0; count < 40; ++count) {
    recorders.push_back(std::make_unique<ConnectRecorder>());
    connecting.push_back(connect(loop, first.origin(), nullptr, std::nullopt, {}, *recorders.back()));
  }

  REQUIRE(loop.wait_until([&] { return accepted + first.accepted.size() == 40; }));
  CHECK(accepted > 0);
  CHECK_FALSE(first.accepted.empty());
}

TEST_CASE("a listener on :: takes both families") {
  TestLoop loop;
  Door door(loop, nullptr, "::");
  ConnectRecorder over_ipv4, over_ipv6;
  const auto one = connect(loop, door.origin("127.0.0.1"), nullptr, std::nullopt, {}, over_ipv4);
  const auto other = connect(loop, door.origin("::1"), nullptr, std::nullopt, {}, over_ipv6);

  REQUIRE(loop.wait_until([&] { return door.accepted.size() == 2; }));
  const auto first = door.accepted[0]->remote_address();
  const auto second = door.accepted[1]->remote_address();
  CHECK((first == "127.0.0.1" || second == "127.0.0.1"));
  CHECK((first == "::1" || second == "::1"));
  REQUIRE(loop.wait_until([&] { return over_ipv4.over() && over_ipv6.over(); }));
}

TEST_CASE("a listener may be destroyed when it hands over a stream") {
  TestLoop loop;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> accepted;
  auto made = Listener::create(loop, "127.0.0.1", 0, nullptr, [&](std::unique_ptr<Stream> stream) {
    accepted = std::move(stream);
    listener.reset();
  });
  listener = std::move(*made);
  ConnectRecorder one, other;
  const Origin origin{false, "127.0.0.1", listener->port()};
  const auto first = connect(loop, origin, nullptr, std::nullopt, {}, one);
  const auto second = connect(loop, origin, nullptr, std::nullopt, {}, other);

  CHECK(loop.wait_until([&] { return accepted != nullptr && one.over() && other.over(); }));
}

TEST_CASE("a listener without descriptors left refuses connections and lives on") {
  TestLoop loop;
  Door door(loop);
  ConnectRecorder refused, served;
  Recorder events;
  {
    // UBSan needs descriptors for its first look at each class: all are met once before there are none.
    ConnectRecorder met;
    Recorder met_events;
    const auto first = connect(loop, door.origin(), nullptr, std::nullopt, {}, met);
    REQUIRE(loop.wait_until([&] { return met.stream != nullptr && !door.accepted.empty(); }));
    met.stream->set_events(&met_events);
    door.accepted.clear();
    REQUIRE(loop.wait_until([&] { return met_events.ended; }));
  }
  // Connected before descriptors run out, so that only accepting fails.
  const auto one = connect(loop, door.origin(), nullptr, std::nullopt, {}, refused);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  auto low = before;
  low.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &low);
  std::vector<int> taken;
  for (int number = dup(0); number >= 0; number = dup(0)) taken.push_back(number);
  log_set_level(LogLevel::off);

  REQUIRE(loop.wait_until([&] { return refused.stream != nullptr; }));
  refused.stream->set_events(&events);
  REQUIRE(loop.wait_until([&] { return events.ended || events.failed; }));
  CHECK(door.accepted.empty());

  log_set_level(LogLevel::info);
  for (const int number : taken) close(number);
  setrlimit(RLIMIT_NOFILE, &before);
  const auto other = connect(loop, door.origin(), nullptr, std::nullopt, {}, served);
  CHECK(loop.wait_until([&] { return door.accepted.size() == 1; }));
}
