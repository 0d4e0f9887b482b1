#include "catch.h"
#include "client_play.h"

using namespace pollux;
using Answer = PlayedAnswer;

namespace {

const std::string switched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

struct UpgradePlay : ClientPlay {
  explicit UpgradePlay(const ClientLimits& limits = {}) : ClientPlay(limits) { get.upgrade = "websocket"; }
  void opens() {
    request = start(get, answer);
    connects(peer);
    peer.says(switched);
    REQUIRE(answer.status == 101);
    peer.seen.clear();
  }
  FakePeer peer;
  Answer answer;
  std::unique_ptr<ClientRequest> request;
};

}  // namespace

TEST_CASE("a request may ask for another protocol") {
  UpgradePlay play;
  Headers headers;
  headers.add("Connection", "close");
  headers.add("Upgrade", "h2c");
  headers.add("Sec-WebSocket-Key", "x");
  play.get.headers = &headers;
  play.request = play.start(play.get, play.answer);
  play.connects(play.peer);
  CHECK(play.peer.seen ==
        "GET /a HTTP/1.1\r\nHost: up\r\nSec-WebSocket-Key: x\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\n");
}

TEST_CASE("after a 101 bytes pass both ways as they are") {
  UpgradePlay play;
  play.request = play.start(play.get, play.answer);
  play.connects(play.peer);
  play.peer.says(switched + "HTTP/1.1 200 OK\r\n");
  CHECK(play.answer.status == 101);
  CHECK(play.answer.body == "HTTP/1.1 200 OK\r\n");
  play.peer.seen.clear();

  play.request->send_body("one");
  play.request->send_body({"\0two", 4});
  turn(play.loop);
  CHECK(play.peer.seen == std::string("one\0two", 7));
  play.peer.says("more");
  CHECK(play.answer.body == "HTTP/1.1 200 OK\r\nmore");
  CHECK(!play.answer.ended);
}

TEST_CASE("bytes that come while the owner pauses are kept for it, the end too") {
  UpgradePlay play;
  play.answer.at_head = [&] { play.request->pause(); };
  play.request = play.start(play.get, play.answer);
  play.connects(play.peer);
  play.peer.says(switched + "early");
  CHECK(play.answer.body.empty());
  CHECK(play.peer.is_paused());

  play.peer.says("late");
  play.peer.ends();
  play.request->resume();
  turn(play.loop);
  CHECK(play.answer.body == "earlylate");
  CHECK(play.answer.ended);
}

TEST_CASE("the owner is told when the peer has taken what was sent") {
  UpgradePlay play;
  play.opens();
  play.peer.stops_taking();
  play.request->send_body("bytes");
  CHECK(play.request->queued_bytes() == 5);
  turn(play.loop);
  CHECK(play.answer.drained == 0);

  play.peer.takes_again();
  turn(play.loop);
  CHECK(play.answer.drained == 1);
}

TEST_CASE("our side of an upgraded connection ends while the peer's goes on") {
  UpgradePlay play;
  play.opens();
  play.request->send_body("bye");
  play.request->end_body();
  play.request->send_body("too late");
  turn(play.loop);
  CHECK(play.peer.seen == "bye");
  CHECK(play.peer.saw_end);
  CHECK(!play.answer.ended);

  play.peer.says("bye too");
  play.peer.ends();
  turn(play.loop);
  CHECK(play.answer.body == "bye too");
  CHECK(play.answer.ended);
  CHECK(!play.answer.error);
}

TEST_CASE("an upgraded connection never goes back to the pool") {
  UpgradePlay play;
  FakePeer warm;
  play.get.upgrade = {};
  play.warm_up(warm);
  play.get.upgrade = "websocket";
  play.request = play.start(play.get, play.answer);
  turn(play.loop);
  warm.says(switched);
  CHECK(play.answer.status == 101);
  SECTION("ended by the peer") {
    warm.ends();
    turn(play.loop);
    CHECK(play.answer.ended);
  }
  SECTION("broken") {
    warm.breaks();
    turn(play.loop);
    REQUIRE(play.answer.error);
    CHECK(play.answer.error->kind == TransportError::Kind::truncated);
  }
  SECTION("left by us") {
    play.request.reset();
    turn(play.loop);
  }
  CHECK(warm.is_closed());
  CHECK(play.client->idle_connections() == 0);
}

TEST_CASE("a pooled connection that had gone is replaced for an upgrade too") {
  UpgradePlay play;
  FakePeer warm;
  play.get.upgrade = {};
  play.warm_up(warm);
  play.get.upgrade = "websocket";
  play.request = play.start(play.get, play.answer);
  warm.ends();
  turn(play.loop);
  play.connects(play.peer);
  play.peer.says(switched + "hi");
  CHECK(play.answer.status == 101);
  CHECK(play.answer.body == "hi");
}

TEST_CASE("another answer than 101 is an ordinary one") {
  UpgradePlay play;
  play.request = play.start(play.get, play.answer);
  play.connects(play.peer);
  play.peer.says(ok);
  turn(play.loop);
  CHECK(play.answer.status == 200);
  CHECK(play.answer.body == "hi");
  CHECK(play.answer.ended);
  CHECK(play.client->idle_connections() == 1);
}

TEST_CASE("a 101 that nobody asked for is an error") {
  UpgradePlay play;
  play.get.upgrade = {};
  play.request = play.start(play.get, play.answer);
  play.connects(play.peer);
  play.peer.says(switched);
  REQUIRE(play.answer.error);
  CHECK(play.answer.error->kind == TransportError::Kind::malformed);
}

TEST_CASE("an upgraded connection ends when no byte came either way in time") {
  ClientLimits limits;
  limits.between_bytes = std::chrono::milliseconds(400);
  UpgradePlay play(limits);
  play.opens();
  SECTION("silent from the start") {}
  SECTION("kept alive by either side for a while") {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      if (i % 2 == 0) {
        play.peer.says("x");
      } else {
        play.request->send_body("y");
      }
      turn(play.loop);
      REQUIRE(!play.answer.error);
    }
  }
  REQUIRE(run_until(play.loop, [&] { return play.answer.error.has_value(); }));
  CHECK(play.answer.error->kind == TransportError::Kind::timeout);
}
