#include "net/tcp.h"

#include <sys/socket.h>
#include <unistd.h>

#include "catch.h"
#include "net/test_loop.h"

using namespace pollux;
using namespace pollux::test;

namespace {

// Fills the way to a peer that does not read.
void write_until_stuck(TestLoop& loop, Stream& stream) {
  for (int round = 0; round < 200 && stream.queued_bytes() < 1'000'000; ++round) {
    stream.write(std::string(250'000, 'x'));
    loop.turn(2);
  }
}

}  // namespace

TEST_CASE("a stream carries bytes both ways") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client, server;
  pair.client->set_events(&client);
  pair.server->set_events(&server);
  server.after_data = [&] { pair.server->write("echo " + server.data); };

  pair.client->write("hello");

  REQUIRE(loop.wait_until([&] { return client.data == "echo hello"; }));
  CHECK(pair.server->remote_address() == "127.0.0.1");
}

TEST_CASE("all writes of a turn go out in one") {
  TestLoop loop;
  Pair pair(loop);
  Recorder server;
  pair.server->set_events(&server);
  pair.client->write("head ");
  pair.client->write(std::string(20'000, 'b'));
  pair.client->write(" tail");
  CHECK(pair.client->queued_bytes() == 20'010);

  REQUIRE(loop.wait_until([&] { return server.data.size() == 20'010; }));

  CHECK(server.reads == 1);
  CHECK(pair.client->queued_bytes() == 0);
}

TEST_CASE("a paused stream delivers nothing, its peer's queue grows, and resuming drains it") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client, server;
  pair.client->set_events(&client);
  pair.server->set_events(&server);
  pair.server->pause();

  write_until_stuck(loop, *pair.client);
  CHECK(server.data.empty());
  const auto queued = pair.client->queued_bytes();
  REQUIRE(queued >= 1'000'000);
  client.drained = 0;

  pair.server->resume();
  CHECK(server.data.empty());  // Never from within.
  REQUIRE(loop.wait_until([&] { return client.drained > 0; }));
  CHECK(pair.client->queued_bytes() == 0);
}

TEST_CASE("a stream whose queue was asked for says when it is out though nothing waited") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client;
  pair.client->set_events(&client);
  pair.client->write("x");
  loop.turn();
  CHECK(client.drained == 0);
  pair.client->write("x");
  REQUIRE(pair.client->queued_bytes() == 1);

  CHECK(loop.wait_until([&] { return client.drained == 1; }));
}

TEST_CASE("bytes sent while nobody listens are there for whoever comes") {
  TestLoop loop;
  Pair pair(loop);
  pair.client->write("early");
  pair.client->shutdown();
  loop.turn();
  Recorder server;
  pair.server->set_events(&server);

  REQUIRE(loop.wait_until([&] { return server.ended; }));
  CHECK(server.data == "early");
}

TEST_CASE("a stream that shuts down sends its queue first and can still receive") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client, server;
  pair.client->set_events(&client);
  pair.server->set_events(&server);
  pair.client->write(std::string(3'000'000, 'q'));
  pair.client->shutdown();
  server.after_end = [&] { pair.server->write("thanks"); };

  REQUIRE(loop.wait_until([&] { return client.data == "thanks"; }));
  CHECK(server.data.size() == 3'000'000);
  CHECK_FALSE(client.ended);
}

TEST_CASE("a reset by the peer is an error that names it") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client;
  pair.client->set_events(&client);
  pair.client->write("unread");  // Closing with unread input makes the kernel send a reset.
  loop.turn();

  pair.server.reset();

  REQUIRE(loop.wait_until([&] { return client.failed; }));
  CHECK(client.error.kind == NetError::Kind::reset);
  CHECK(client.error.message == "connection with 127.0.0.1 was reset");
}

TEST_CASE("a write to a peer that has gone is an error, not a signal") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client;
  pair.client->set_events(&client);
  pair.server.reset();
  REQUIRE(loop.wait_until([&] { return client.ended; }));

  for (int count = 0; count < 1000 && !client.failed; ++count) {
    pair.client->write("still there?");
    loop.turn(1);
  }

  CHECK(client.error.kind == NetError::Kind::reset);
}

TEST_CASE("an answer sent before the peer closed is read though our write failed") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client;
  pair.client->set_events(&client);
  pair.client->pause();
  pair.client->write("first");
  loop.turn();
  pair.server->write("413 too large");
  loop.turn();
  pair.server.reset();  // With unread input: a reset follows the answer.
  loop.turn();

  pair.client->resume();
  pair.client->write("second");

  REQUIRE(loop.wait_until([&] { return client.failed; }));
  CHECK(client.data == "413 too large");
}

TEST_CASE("a stream may be destroyed inside each of its events") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client, server;
  pair.client->set_events(&client);
  pair.server->set_events(&server);

  SECTION("data") {
    client.after_data = [&] { pair.client.reset(); };
    pair.server->write("x");
  }
  SECTION("end") {
    client.after_end = [&] { pair.client.reset(); };
    pair.server->shutdown();
  }
  SECTION("error") {
    client.after_error = [&] { pair.client.reset(); };
    pair.client->write("unread");
    pair.server->set_events(nullptr);
    loop.turn();
    pair.server.reset();
  }
  SECTION("drained at once") {
    client.after_drained = [&] { pair.client.reset(); };
    pair.client->write("x");
    REQUIRE(pair.client->queued_bytes() == 1);
  }
  SECTION("drained later") {
    pair.server->pause();
    write_until_stuck(loop, *pair.client);
    client.after_drained = [&] { pair.client.reset(); };
    pair.server->resume();
  }

  CHECK(loop.wait_until([&] { return pair.client == nullptr; }));
}

TEST_CASE("a stream destroyed with a full queue leaves nothing behind") {
  TestLoop loop;
  Pair pair(loop);
  write_until_stuck(loop, *pair.client);
  REQUIRE(pair.client->queued_bytes() > 0);

  pair.client.reset();
  pair.server.reset();
}

TEST_CASE("a stream closed gently delivers all, and its peer sees a proper end") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client;
  pair.client->set_events(&client);
  pair.client->write(std::string(1'000'000, 'u'));  // Never read: closing at once would reset.
  loop.turn();

  pair.server->write(std::string(2'000'000, 'a'));
  close_gently(loop, std::move(pair.server));

  REQUIRE(loop.wait_until([&] { return client.ended || client.failed; }));
  CHECK_FALSE(client.failed);
  CHECK(client.data.size() == 2'000'000);
  client.after_end = nullptr;
  pair.client.reset();
  loop.turn();
}

TEST_CASE("a gentle close does not wait for ever for a peer that stays") {
  TestLoop loop;
  Pair pair(loop);
  Recorder client;
  pair.client->set_events(&client);

  close_gently(loop, std::move(pair.server), std::chrono::milliseconds(10));
  REQUIRE(loop.wait_until([&] { return client.ended; }));
  pair.client->write("are you there?");

  CHECK(loop.wait_until([&] {
    pair.client->write("?");
    return client.failed;
  }));
}

TEST_CASE("a loop may end while a gentle close is under way") {
  Loop loop;
  int sockets[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
  auto* tcp = new uv_tcp_t;
  uv_tcp_init(loop.uv(), tcp);
  REQUIRE(uv_tcp_open(tcp, sockets[0]) == 0);
  close_gently(loop, tcp_stream(loop, Handle<uv_tcp_t>(tcp), *Address::parse("127.0.0.1")));
  uv_run(loop.uv(), UV_RUN_NOWAIT);
  close(sockets[1]);
}
