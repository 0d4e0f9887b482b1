#include "catch.h"
#include "server_play.h"

using namespace pollux;
using namespace std::chrono_literals;
using Play = ServerPlay;

TEST_CASE("reading ahead of the running request is bounded") {
  ServerLimits limits;
  limits.pipelined_bytes = 1000;
  Play play(limits);
  play.gate.on_begin = {};
  play.says(get);
  for (int i = 0; i < 100 && !play.client.is_paused(); ++i) play.client.says(get);
  CHECK(play.client.is_paused());

  play.gate.on_begin = [](Seen&, Reply& reply) { reply.send(200, {}, "x"); };
  play.request(0).reply->send(200, {}, "x");
  turn(play.loop);
  CHECK(!play.client.is_paused());
}

TEST_CASE("a client that asks but does not read is not served without bound") {
  Play play;
  const std::string large(65'536, 'x');
  play.gate.on_begin = [&](Seen&, Reply& reply) { reply.send(200, {}, large); };
  play.client.stops_taking();
  for (int i = 0; i < 100; ++i) play.says(get);
  CHECK(play.gate.requests.size() < 10);
  play.client.takes_again();
  turn(play.loop);
  CHECK(play.gate.requests.size() == 100);
}

TEST_CASE("a head that takes too long is answered with 408") {
  ServerLimits limits;
  limits.header_time = 20ms;
  Play play(limits);
  SECTION("of the first request") {}
  SECTION("of a later one") {
    play.says(get);
    play.answer();
  }
  play.says("GET / HTTP/1.1\r\nHo");
  REQUIRE(run_until(play.loop, [&] { return play.client.saw_end; }));
  CHECK(begins_with(play.answer(), "HTTP/1.1 408 Request Timeout\r\n"));
}

TEST_CASE("drops of a head do not stretch its time") {
  ServerLimits limits;
  limits.header_time = 50ms;
  Play play(limits);
  play.says("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  CHECK(run_until(play.loop, [&] {
    play.client.says("a");
    return play.client.is_closed() || play.client.saw_end;
  }));
}

TEST_CASE("an idle connection is closed without a word") {
  ServerLimits limits;
  limits.idle_time = 20ms;
  Play play(limits);
  SECTION("that never asked") {}
  SECTION("that was answered") {
    play.says(get);
  }
  play.answer();
  REQUIRE(run_until(play.loop, [&] { return play.client.is_closed(); }));
  CHECK(play.answer().empty());
}

TEST_CASE("a running request is not idle") {
  ServerLimits limits;
  limits.idle_time = limits.header_time = limits.body_idle_time = 10ms;
  Play play(limits);
  play.gate.on_begin = {};
  play.says(post("hel"));
  const auto until = play.loop.now() + 60ms;
  run_until(play.loop, [&] { return play.loop.now() > until; });
  CHECK(!play.client.is_closed());
  CHECK(!play.request().client_gone);
}

TEST_CASE("a body that stops coming is answered with 408") {
  ServerLimits limits;
  limits.body_idle_time = 20ms;
  Play play(limits);
  play.says(post("hello").substr(0, 50));
  REQUIRE(run_until(play.loop, [&] { return play.client.saw_end; }));
  CHECK(begins_with(play.answer(), "HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(play.request().client_gone);
}

TEST_CASE("a client that takes nothing of its answer is given up") {
  ServerLimits limits;
  limits.write_idle_time = 20ms;
  Play play(limits);
  play.gate.on_begin = {};
  play.says(get);
  play.client.stops_taking();
  play.request().reply->start(200, {}, BodyLength::unknown());
  play.request().reply->body("abc");
  REQUIRE(run_until(play.loop, [&] { return play.client.is_closed(); }));
  CHECK(play.request().client_gone);
}

TEST_CASE("an answer that waits for the client tells when it is out") {
  Play play;
  play.gate.on_begin = {};
  play.says(get);
  auto& reply = *play.request().reply;
  reply.start(200, {}, BodyLength::unknown());
  play.client.stops_taking();
  turn(play.loop);
  reply.body(std::string(1000, 'x'));
  CHECK(reply.queued_bytes() > 1000);
  turn(play.loop);
  CHECK(play.request().drained == 0);
  play.client.takes_again();
  turn(play.loop);
  CHECK(play.request().drained == 1);
  CHECK(reply.queued_bytes() == 0);
}

TEST_CASE("connections beyond the limit are answered and closed") {
  ServerLimits limits;
  limits.connections = 1;
  Play play(limits);
  FakePeer second;
  play.join(second);
  CHECK(begins_with(second.seen, "HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(second.saw_end);
  CHECK(play.server->connections() == 1);

  play.says(get);
  CHECK(play.answer() == ok("/a"));
}

TEST_CASE("draining closes idle connections and lets answers end") {
  Play play;
  FakePeer busy, started;
  play.join(busy);
  play.join(started);
  play.gate.on_begin = {};
  busy.says(get);
  started.says(get);
  play.request(1).reply->start(200, {}, BodyLength::unknown());
  turn(play.loop);

  bool empty = false;
  play.server->drain([&] { empty = true; });
  turn(play.loop);
  CHECK(play.client.is_closed());
  CHECK(!busy.is_closed());
  CHECK(!started.is_closed());
  CHECK(!empty);

  play.request(0).reply->send(200, {}, "x");
  play.request(1).reply->finish();
  turn(play.loop);
  CHECK(has(busy.seen, "Connection: close\r\n"));
  CHECK(busy.saw_end);
  CHECK(started.saw_end);
  CHECK(empty);
}

TEST_CASE("draining waits until the last answer is taken") {
  Play play;
  play.client.stops_taking();
  play.says(get);
  bool empty = false;
  play.server->drain([&] { empty = true; });
  turn(play.loop);
  CHECK(!empty);
  play.client.takes_again();
  turn(play.loop);
  CHECK(empty);
  CHECK(play.client.seen.size() > 2);
}

TEST_CASE("draining gives up a client that takes nothing of an answer that is over") {
  ServerLimits limits;
  limits.last_words_time = 20ms;
  Play play(limits);
  play.gate.on_begin = {};
  play.says(get);
  play.client.stops_taking();
  bool empty = false;
  SECTION("before the drain") {
    play.request().reply->send(200, {}, "x");
    play.server->drain([&] { empty = true; });
  }
  SECTION("after it began") {
    play.server->drain([&] { empty = true; });
    play.request().reply->send(200, {}, "x");
  }
  CHECK(run_until(play.loop, [&] { return empty; }));
}

TEST_CASE("a server without connections is drained at once, but not from within") {
  Play play;
  play.client.ends();
  turn(play.loop);
  int told = 0;
  play.server->drain([&] { ++told; });
  CHECK(told == 0);
  turn(play.loop);
  CHECK(told == 1);
}
