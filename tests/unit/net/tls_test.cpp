#include "net/tls.h"

#include <mbedtls/version.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "catch.h"
#include "net/test_authority.h"
#include "net/test_loop.h"

using namespace pollux;
using namespace pollux::test;

namespace {

std::shared_ptr<TlsClientContext> trusting(const TestAuthority& authority) {
  auto made = TlsClientContext::create(authority.ca_file());
  REQUIRE(made.has_value());
  return *made;
}

std::shared_ptr<TlsServerContext> serving(const Issued& issued) {
  auto made = TlsServerContext::create(issued.cert_file, issued.key_file);
  REQUIRE(made.has_value());
  return *made;
}

// Passes everything on, and counts what a connection carries.
class CountingStream final : public Stream, private StreamEvents {
 public:
  explicit CountingStream(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}
  void set_events(StreamEvents* events) override {
    events_ = events;
    inner_->set_events(events == nullptr ? nullptr : this);
  }
  void write(std::string bytes) override {
    ++writes;
    inner_->write(std::move(bytes));
  }
  std::size_t queued_bytes() const override { return inner_->queued_bytes(); }
  void pause() override { inner_->pause(); }
  void resume() override { inner_->resume(); }
  void shutdown() override { inner_->shutdown(); }
  std::string remote_address() const override { return inner_->remote_address(); }

  std::size_t received = 0;
  int writes = 0;

 private:
  void on_data(std::string_view bytes) override {
    received += bytes.size();
    events_->on_data(bytes);
  }
  void on_end() override { events_->on_end(); }
  void on_error(const NetError& error) override { events_->on_error(error); }
  void on_drained() override { events_->on_drained(); }

  std::unique_ptr<Stream> inner_;
  StreamEvents* events_ = nullptr;
};

// A handshake over a fresh pair of sockets.
class Secured final : public TlsHandshakeEvents {
 public:
  Secured(TestLoop& loop, std::shared_ptr<TlsClientContext> trust, std::shared_ptr<TlsServerContext> identity,
          const std::string& name)
      : pair_(loop) {
    auto counting = std::make_unique<CountingStream>(std::move(pair_.client));
    transport = counting.get();
    server = tls_accept(loop, std::move(identity), std::move(pair_.server));
    client = tls_connect(loop, std::move(trust), std::move(counting), name, *this);
    server->set_events(&server_events);
    REQUIRE_FALSE(over());
    REQUIRE(loop.wait_until([this] { return over(); }));
    handshake_bytes = transport->received;
    if (!secure) return;
    client->set_events(&client_events);
    loop.turn();  // TLS 1.3 sends its tickets after the handshake.
  }
  bool over() const { return secure || failed; }
  void on_secure() override { secure = true; }
  void on_handshake_error(const NetError& told) override {
    failed = true;
    error = told;
  }

  Recorder client_events, server_events;
  CountingStream* transport;
  std::unique_ptr<Stream> client, server;
  std::size_t handshake_bytes = 0;
  bool secure = false, failed = false;
  NetError error;

 private:
  Pair pair_;
};

}  // namespace

TEST_CASE("a TLS stream carries bytes both ways") {
  TestLoop loop;
  TestAuthority authority;
  Secured secured(loop, trusting(authority), serving(authority.issue({.names = {"example.com"}})),
                  "example.com");
  REQUIRE(secured.secure);
  secured.server_events.after_data = [&] { secured.server->write("echo " + secured.server_events.data); };

  secured.client->write("hello");

  CHECK(loop.wait_until([&] { return secured.client_events.data == "echo hello"; }));
}

TEST_CASE("large amounts pass a TLS stream whole, in both directions at once") {
  TestLoop loop;
  TestAuthority authority;
  Secured secured(loop, trusting(authority), serving(authority.issue({.names = {"example.com"}})),
                  "example.com");
  std::string up, down;
  for (std::size_t at = 0; at < 3'000'000; ++at)
    up += static_cast<char>(at % 251), down += static_cast<char>(at % 241);
  secured.client->write("small");
  secured.client->write(up);
  secured.server->write(down);
  CHECK(secured.client->queued_bytes() == up.size() + 5);
  secured.client->shutdown();
  secured.server->shutdown();

  REQUIRE(loop.wait_until([&] { return secured.client_events.ended && secured.server_events.ended; }));
  CHECK(secured.server_events.data == "small" + up);
  CHECK(secured.client_events.data == down);
  CHECK(secured.client_events.drained == 1);
  CHECK(secured.client->queued_bytes() == 0);
}

TEST_CASE("the small writes of a turn share a record and a write") {
  TestLoop loop;
  TestAuthority authority;
  Secured secured(loop, trusting(authority), serving(authority.issue({.names = {"example.com"}})),
                  "example.com");
  loop.turn();
  const auto before = secured.transport->writes;

  for (int count = 0; count < 50; ++count) secured.client->write("data: x\n\n");

  REQUIRE(loop.wait_until([&] { return secured.server_events.data.size() == 450; }));
  CHECK(secured.transport->writes == before + 1);
  CHECK(secured.server_events.reads == 1);
}

TEST_CASE("a certificate for another name is refused by name") {
  TestLoop loop;
  TestAuthority authority;
  const Secured secured(loop, trusting(authority),
                        serving(authority.issue({.names = {"other.example", "*.a.example"}})), "example.com");
  REQUIRE(secured.failed);
  CHECK(secured.error.kind == NetError::Kind::tls);
  CHECK(secured.error.message ==
        "the certificate of example.com is for other.example, *.a.example, not for example.com");
}

TEST_CASE("a wildcard covers one label") {
  TestLoop loop;
  TestAuthority authority;
  const auto identity = serving(authority.issue({.names = {"*.example.com"}}));
  CHECK(Secured(loop, trusting(authority), identity, "api.example.com").secure);
  CHECK(Secured(loop, trusting(authority), identity, "a.b.example.com").failed);
  CHECK(Secured(loop, trusting(authority), identity, "example.com").failed);
}

TEST_CASE("an address is compared with the certificate's addresses") {
  TestLoop loop;
  TestAuthority authority;
  const auto identity = serving(authority.issue({.names = {"127.0.0.3"}, .addresses = {"127.0.0.1", "::1"}}));
  CHECK(Secured(loop, trusting(authority), identity, "127.0.0.1").secure);
  CHECK(Secured(loop, trusting(authority), identity, "::1").secure);
  const Secured other(loop, trusting(authority), identity, "127.0.0.2");
  REQUIRE(other.failed);
  CHECK(other.error.message ==
        "the certificate of 127.0.0.2 is for 127.0.0.3, 127.0.0.1, ::1, not for 127.0.0.2");
  CHECK(Secured(loop, trusting(authority), identity, "127.0.0.3").failed);  // There it is a name, no address.
}

TEST_CASE("a certificate of an unknown authority is refused") {
  TestLoop loop;
  TestAuthority authority, stranger("Somebody Else");
  const Secured secured(loop, trusting(authority), serving(stranger.issue({.names = {"example.com"}})),
                        "example.com");
  REQUIRE(secured.failed);
  CHECK(secured.error.message ==
        "the certificate of example.com is not signed by a trusted authority (issuer: CN=Somebody Else)");
}

TEST_CASE("a certificate out of its time is refused with the day") {
  TestLoop loop;
  TestAuthority authority;
  const auto expired = serving(authority.issue({.names = {"example.com"}, .not_after = "20240131000000"}));
  const Secured late(loop, trusting(authority), expired, "example.com");
  REQUIRE(late.failed);
  CHECK(late.error.message == "the certificate of example.com expired on 2024-01-31");

  const auto future = serving(authority.issue({.names = {"example.com"}, .not_before = "20900101000000"}));
  const Secured early(loop, trusting(authority), future, "example.com");
  REQUIRE(early.failed);
  CHECK(early.error.message ==
        "the certificate of example.com is not valid before 2090-01-01 (is this machine's clock right?)");
}

TEST_CASE("the refused side is told by an alert") {
  TestLoop loop;
  TestAuthority authority, stranger;
  const Secured secured(loop, trusting(authority), serving(stranger.issue({.names = {"example.com"}})),
                        "example.com");
  REQUIRE(loop.wait_until([&] { return secured.server_events.failed; }));
  CHECK(secured.server_events.error.kind == NetError::Kind::tls);
#if MBEDTLS_VERSION_MAJOR < \
    3  // Version 3 sends the alert of a TLS 1.3 client in plain, which a server cannot read.
  CHECK(secured.server_events.error.message == "127.0.0.1 refused the TLS handshake");
#endif
}

TEST_CASE("a second connection resumes the first one's session") {
  TestLoop loop;
  TestAuthority authority;
  const auto trust = trusting(authority);
  const auto identity = serving(authority.issue({.names = {"example.com", "example.org"}}));
  const auto full = Secured(loop, trust, identity, "example.com").handshake_bytes;
  const auto resumed = Secured(loop, trust, identity, "example.com").handshake_bytes;
  const auto again = Secured(loop, trust, identity, "example.com").handshake_bytes;
  const auto elsewhere = Secured(loop, trust, identity, "example.org").handshake_bytes;

  CHECK(resumed < full / 2);
  CHECK(again < full / 2);
  CHECK(elsewhere > full - full / 8);
  CHECK(elsewhere < full + full / 8);
}

TEST_CASE("a server with new keys is greeted anew") {
  TestLoop loop;
  TestAuthority authority;
  const auto trust = trusting(authority);
  const auto issued = authority.issue({.names = {"example.com"}});
  CHECK(Secured(loop, trust, serving(issued), "example.com").secure);
  CHECK(Secured(loop, trust, serving(issued), "example.com").secure);
}

TEST_CASE("a TLS stream that ends without close_notify was cut off") {
  TestLoop loop;
  TestAuthority authority;
  Secured secured(loop, trusting(authority), serving(authority.issue({.names = {"example.com"}})),
                  "example.com");
  REQUIRE(loop.wait_until([&] { return secured.secure; }));
  loop.turn();

  secured.server.reset();

  REQUIRE(loop.wait_until([&] { return secured.client_events.failed; }));
  CHECK(secured.client_events.error.kind == NetError::Kind::reset);
  CHECK(secured.client_events.error.message == "connection with example.com ended without TLS close_notify");
  CHECK_FALSE(secured.client_events.ended);
}

TEST_CASE("a TLS stream that is paused holds back, and goes on when resumed") {
  TestLoop loop;
  TestAuthority authority;
  Secured secured(loop, trusting(authority), serving(authority.issue({.names = {"example.com"}})),
                  "example.com");
  secured.server->pause();
  for (int round = 0; round < 200 && secured.client->queued_bytes() < 1'000'000; ++round) {
    secured.client->write(std::string(250'000, 'x'));
    loop.turn(2);
  }
  CHECK(secured.server_events.data.empty());
  const auto queued = secured.client->queued_bytes();
  REQUIRE(queued >= 1'000'000);

  SECTION("at once") {}
  SECTION("again and again") {
    secured.server_events.after_data = [&] {
      secured.server->pause();
      secured.server->resume();
    };
  }
  secured.client->shutdown();
  secured.server->resume();
  CHECK(secured.server_events.data.empty());  // Never from within.

  REQUIRE(loop.wait_until([&] { return secured.server_events.ended; }));
  CHECK(secured.client->queued_bytes() == 0);
  CHECK(secured.client_events.drained > 0);
}

TEST_CASE("a server's answer may be queued before the handshake") {
  TestLoop loop;
  TestAuthority authority;
  class Waiting final : public TlsHandshakeEvents {
   public:
    void on_secure() override { over = true; }
    void on_handshake_error(const NetError&) override { over = true; }
    bool over = false;
  } waiting;
  Pair pair(loop);
  const auto server =
      tls_accept(loop, serving(authority.issue({.names = {"example.com"}})), std::move(pair.server));
  server->write("early");
  const auto client = tls_connect(loop, trusting(authority), std::move(pair.client), "example.com", waiting);
  REQUIRE(loop.wait_until([&] { return waiting.over; }));
  loop.turn();
  Recorder events;
  client->set_events(&events);

  CHECK(loop.wait_until([&] { return events.data == "early"; }));
}

TEST_CASE("a TLS stream may be destroyed inside each of its events") {
  TestLoop loop;
  TestAuthority authority;
  const auto identity = serving(authority.issue({.names = {"example.com"}}));
  Secured secured(loop, trusting(authority), identity, "example.com");
  auto& events = secured.client_events;
  SECTION("data") {
    events.after_data = [&] { secured.client.reset(); };
    secured.server->write(std::string(100'000, 'x'));
  }
  SECTION("end") {
    events.after_end = [&] { secured.client.reset(); };
    secured.server->shutdown();
  }
  SECTION("error") {
    events.after_error = [&] { secured.client.reset(); };
    secured.server.reset();
  }
  SECTION("drained") {
    events.after_drained = [&] { secured.client.reset(); };
    secured.client->write("x");
    REQUIRE(secured.client->queued_bytes() > 0);
  }
  CHECK(loop.wait_until([&] { return secured.client == nullptr; }));
}

TEST_CASE("a handshake may be given up, and end in the destruction of the stream") {
  TestLoop loop;
  TestAuthority authority, stranger;
  class Ending final : public TlsHandshakeEvents {
   public:
    void on_secure() override { stream.reset(); }
    void on_handshake_error(const NetError&) override { stream.reset(); }
    std::unique_ptr<Stream> stream;
  } ending;
  Pair pair(loop);
  auto server =
      tls_accept(loop, serving(authority.issue({.names = {"example.com"}})), std::move(pair.server));
  Recorder server_events;
  server->set_events(&server_events);
  SECTION("when it succeeds") {
    ending.stream = tls_connect(loop, trusting(authority), std::move(pair.client), "example.com", ending);
  }
  SECTION("when it fails") {
    ending.stream = tls_connect(loop, trusting(stranger), std::move(pair.client), "example.com", ending);
  }
  SECTION("when the peer leaves") {
    server.reset();
    ending.stream = tls_connect(loop, trusting(authority), std::move(pair.client), "example.com", ending);
  }
  SECTION("in between") {
    ending.stream = tls_connect(loop, trusting(authority), std::move(pair.client), "example.com", ending);
    loop.turn(2);
    ending.stream.reset();
  }
  CHECK(loop.wait_until([&] { return ending.stream == nullptr; }));
  server.reset();
  loop.turn();
}

TEST_CASE("a peer that speaks no TLS is told apart") {
  TestLoop loop;
  TestAuthority authority;
  const auto trust = trusting(authority);
  Door door(loop);
  Recorder seen;
  ConnectRecorder outcome;
  const auto connecting = connect(loop, door.origin("localhost", true), trust, std::nullopt, {}, outcome);
  REQUIRE(loop.wait_until([&] { return !door.accepted.empty(); }));
  door.accepted.front()->set_events(&seen);
  SECTION("by what it says") {
    door.accepted.front()->write("HTTP/1.1 400 Bad Request\r\n\r\n");
    REQUIRE(loop.wait_until([&] { return outcome.over(); }));
    CHECK(outcome.error.message ==
          "cannot reach localhost:" + std::to_string(door.port()) + ": localhost does not speak TLS");
  }
  SECTION("by its leaving") {
    door.accepted.front()->shutdown();
    REQUIRE(loop.wait_until([&] { return outcome.over(); }));
    CHECK(outcome.error.message == "cannot reach localhost:" + std::to_string(door.port()) +
                                       ": localhost closed the connection during the TLS handshake");
  }
  CHECK(outcome.error.kind == NetError::Kind::tls);
}

TEST_CASE("garbage within a TLS connection breaks it") {
  TestLoop loop;
  TestAuthority authority;
  Door door(loop);
  ConnectRecorder connected;
  const auto connecting = connect(loop, door.origin(), nullptr, std::nullopt, {}, connected);
  REQUIRE(loop.wait_until([&] { return connected.over() && !door.accepted.empty(); }));
  const auto server = tls_accept(loop, serving(authority.issue({.names = {"example.com"}})),
                                 std::move(door.accepted.front()));
  Recorder events;
  server->set_events(&events);

  connected.stream->write("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");

  REQUIRE(loop.wait_until([&] { return events.failed; }));
  CHECK(events.error.kind == NetError::Kind::tls);
  CHECK(events.error.message == "127.0.0.1 does not speak TLS");
}

TEST_CASE("a TLS listener serves a connector") {
  TestLoop loop;
  TestAuthority authority;
  Door door(loop, serving(authority.issue({.names = {"localhost"}, .addresses = {"127.0.0.1"}})));
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    ConnectRecorder outcome;
    const auto connecting =
        connect(loop, door.origin(host, true), trusting(authority), std::nullopt, {}, outcome);
    REQUIRE(loop.wait_until([&] { return outcome.over(); }));
    INFO(outcome.error.message);
    CHECK(outcome.stream != nullptr);
  }
}

TEST_CASE("certificate files are checked when they are read") {
  TestAuthority authority, other;
  const auto one = authority.issue({.names = {"example.com"}});
  const auto two = authority.issue({.names = {"example.com"}});
  const auto problem = [](const auto& made) { return made ? std::string() : made.error().message; };

  CHECK(problem(TlsServerContext::create(one.cert_file, two.key_file)) ==
        "the key " + two.key_file + " does not belong to the certificate " + one.cert_file);
  CHECK(problem(TlsServerContext::create("/nowhere.pem", one.key_file)) ==
        "cannot read the certificate /nowhere.pem");
  CHECK(problem(TlsServerContext::create(one.key_file, one.key_file)) ==
        one.key_file + " holds no certificate in PEM form");
  CHECK(problem(TlsClientContext::create("/nowhere.pem")) == "cannot read /nowhere.pem");
  CHECK(problem(TlsClientContext::create(one.key_file)) ==
        one.key_file + " holds no certificate in PEM form");
}

TEST_CASE("workers share the contexts") {
  TestAuthority authority;
  const auto trust = trusting(authority);
  const auto identity = serving(authority.issue({.names = {"localhost"}}));
  std::atomic<int> secured{0};
  const auto work = [&] {
    Loop loop;
    std::vector<std::unique_ptr<Stream>> accepted;
    auto listener = Listener::create(loop, "127.0.0.1", 0, identity, [&](std::unique_ptr<Stream> stream) {
      accepted.push_back(std::move(stream));
    });
    const Origin origin{true, "127.0.0.1", (*listener)->port()};
    for (int count = 0; count < 12; ++count) {
      class Done final : public TlsHandshakeEvents, public ConnectEvents {
       public:
        void on_connected(std::unique_ptr<Stream> connected) override { stream = std::move(connected); }
        void on_connect_failed(const NetError&) override { over = true; }
        void on_secure() override { secure = over = true; }
        void on_handshake_error(const NetError&) override { over = true; }
        std::unique_ptr<Stream> stream;
        bool secure = false, over = false;
      } done;
      // Some resume, some do not.
      const auto connecting =
          connect(loop, {false, origin.host, origin.port}, nullptr, std::nullopt, {}, done);
      while (!done.stream && !done.over) uv_run(loop.uv(), UV_RUN_ONCE);
      const auto port = static_cast<std::uint16_t>(count % 3);
      const auto client = tls_connect(loop, trust, std::move(done.stream), "localhost", done, port);
      while (!done.over) uv_run(loop.uv(), UV_RUN_ONCE);
      if (done.secure) ++secured;
    }
  };
  std::thread one(work), other(work), third(work);
  one.join();
  other.join();
  third.join();

  CHECK(secured == 36);
}
