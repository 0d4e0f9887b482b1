#include "catch.h"
#include "server_play.h"

using namespace pollux;
using Play = ServerPlay;

namespace {

const std::string asking = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const std::string switched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Thing: x\r\nConnection: Upgrade\r\n\r\n";

void switch_protocol(Seen&, Reply& reply) {
  Headers headers;
  headers.add("Upgrade", "websocket");
  headers.add("Content-Length", "9");
  headers.add("Connection", "close");
  headers.add("X-Thing", "x");
  reply.upgrade(headers);
  reply.resume_body();
}

struct UpgradedPlay : Play {
  explicit UpgradedPlay(const ServerLimits& limits = {}) : Play(limits) {
    gate.on_begin = switch_protocol;
    gate.on_body_end = {};
  }
  Reply& reply() { return *request().reply; }
};

}  // namespace

TEST_CASE("after an upgrade bytes pass both ways as they are") {
  UpgradedPlay play;
  play.says(asking);
  CHECK(play.answer() == switched);
  CHECK(play.reply().started());

  play.says("GET / HTTP/1.1\r\n\r\n");
  play.says({"\0\xff\x81", 3});
  CHECK(play.request().body == std::string("GET / HTTP/1.1\r\n\r\n\0\xff\x81", 21));
  CHECK(play.gate.requests.size() == 1);

  play.reply().body("one");
  play.reply().body("two");
  CHECK(play.answer() == "onetwo");
}

TEST_CASE("what came right behind the request belongs to the new protocol") {
  UpgradedPlay play;
  SECTION("answered at once") {
    play.says(asking + "early");
  }
  SECTION("answered later") {
    play.gate.on_begin = {};
    play.says(asking + "ear");
    play.says("ly");
    switch_protocol(play.request(), play.reply());
  }
  CHECK(play.answer() == switched);
  CHECK(play.request().body == "early");
}

TEST_CASE("a paused tunnel reads ahead within a bound, then the client waits") {
  ServerLimits limits;
  limits.pipelined_bytes = 1000;
  UpgradedPlay play(limits);
  play.says(asking);
  play.reply().pause_body();
  play.says(std::string(600, 'a'));
  CHECK(!play.client.is_paused());
  play.says(std::string(600, 'b'));
  CHECK(play.client.is_paused());
  play.says("c");
  CHECK(play.request().body.empty());

  play.reply().resume_body();
  turn(play.loop);
  CHECK(play.request().body == std::string(600, 'a') + std::string(600, 'b') + "c");
  CHECK(!play.client.is_paused());
}

TEST_CASE("the handler is told when a slow client has taken what was sent") {
  UpgradedPlay play;
  play.says(asking);
  static_cast<void>(play.answer());
  play.client.stops_taking();
  play.reply().body("bytes");
  turn(play.loop);
  CHECK(play.reply().queued_bytes() == 5);
  CHECK(play.request().drained == 0);

  play.client.takes_again();
  turn(play.loop);
  CHECK(play.request().drained == 1);
}

TEST_CASE("a client that ends its side still gets what is sent") {
  UpgradedPlay play;
  play.says(asking);
  play.says("last words");
  SECTION("read to its end") {
    play.client.ends();
  }
  SECTION("while it is not read") {
    play.reply().pause_body();
    play.says("!");
    play.client.ends();
    turn(play.loop);
    CHECK(!play.request().body_ended);
    play.reply().resume_body();
  }
  turn(play.loop);
  CHECK(play.request().body_ended);
  CHECK(!play.request().client_gone);

  static_cast<void>(play.answer());
  play.reply().body("answer");
  play.reply().finish();
  turn(play.loop);
  CHECK(play.answer() == "answer");
  CHECK(play.client.saw_end);
  CHECK(play.server->connections() == 0);
}

TEST_CASE("the end of an upgraded connection comes after its last bytes") {
  UpgradedPlay play;
  play.says(asking);
  static_cast<void>(play.answer());
  play.client.stops_taking();
  play.reply().body("close frame");
  SECTION("in order") {
    play.reply().finish();
    turn(play.loop);
    CHECK(!play.client.is_closed());
    play.client.takes_again();
    turn(play.loop);
    CHECK(play.client.saw_end);
  }
  SECTION("cut") {
    play.reply().abort();
    turn(play.loop);
    CHECK(!play.client.is_closed());
    play.client.takes_again();
    turn(play.loop);
    CHECK(!play.client.saw_end);
    CHECK(play.client.is_closed());
  }
  CHECK(play.client.seen == "close frame");
  CHECK(play.request().handler_destroyed);
}

TEST_CASE("an upgraded connection that breaks is noticed at once") {
  UpgradedPlay play;
  play.says(asking);
  play.client.breaks();
  turn(play.loop);
  CHECK(play.request().client_gone);
  CHECK(play.request().handler_destroyed);
}

TEST_CASE("the handler may end the tunnel from within") {
  UpgradedPlay play;
  play.gate.on_body = [](Seen&, Reply& reply) { reply.finish(); };
  play.says(asking);
  play.says("bye");
  CHECK(play.request().handler_destroyed);
  CHECK(play.client.saw_end);
}

TEST_CASE("an upgraded connection has no limit of the body's, and outlives the beginning of a drain") {
  ServerLimits limits;
  limits.body_idle_time = limits.idle_time = limits.header_time = std::chrono::milliseconds(1);
  UpgradedPlay play(limits);
  play.says(asking);
  bool empty = false;
  play.server->drain([&] { empty = true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  turn(play.loop);
  play.says("still here");
  CHECK(play.request().body == "still here");
  CHECK(!empty);

  play.reply().finish();
  turn(play.loop);
  CHECK(empty);
}

TEST_CASE("an answer that was begun cannot be an upgrade") {
  UpgradedPlay play;
  play.gate.on_begin = [](Seen&, Reply& reply) {
    reply.start(200, {}, BodyLength::of(2));
    reply.upgrade({});
    reply.body("hi");
    reply.finish();
  };
  play.says(get);
  CHECK(play.answer() == ok("hi"));
}
