#include "catch.h"
#include "client_play.h"

using namespace pollux;
using namespace std::chrono_literals;
using Play = ClientPlay;
using Answer = PlayedAnswer;

TEST_CASE("the connection used last is used again") {
  Play play;
  FakePeer one, two;
  Answer first, second;
  auto request_one = play.start(play.get, first);
  auto request_two = play.start(play.get, second);
  play.connects(one);
  play.connects(two);
  one.says(ok);
  two.says(ok);
  CHECK(play.client->idle_connections() == 2);

  two.seen.clear();
  Answer third;
  auto request_three = play.start(play.post, third);
  CHECK(dials.empty());
  turn(play.loop);
  CHECK(two.seen == "POST /p HTTP/1.1\r\nHost: up\r\nContent-Length: 5\r\n\r\nhello");
  two.says(ok);
  CHECK(third.body == "hi");
}

TEST_CASE("connections are pooled by origin and by proxy") {
  Play play;
  FakePeer peer;
  play.warm_up(peer);
  Answer answer;
  SECTION("another origin") {
    auto other = play.origin;
    other.port = 81;
    auto request = play.client->start(other, std::nullopt, play.get, answer);
    CHECK(dials.size() == 1);
    CHECK(last_origin.port == 81);
  }
  SECTION("another way") {
    Proxy proxy;
    proxy.host = "proxy";
    auto request = play.client->start(play.origin, proxy, play.get, answer);
    CHECK(dials.size() == 1);
  }
}

TEST_CASE("a connection is not used again") {
  Play play;
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  play.connects(peer);
  SECTION("if the peer says close") {
    peer.says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  }
  SECTION("if the peer speaks HTTP/1.0") {
    peer.says("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  }
  SECTION("if more came than belongs to the answer") {
    peer.says(ok + "x");
  }
  CHECK(answer.ended);
  CHECK(answer.body == "hi");
  CHECK(play.client->idle_connections() == 0);
  turn(play.loop);
  CHECK(peer.is_closed());
}

TEST_CASE("a dead idle connection is dropped at once") {
  Play play;
  FakePeer peer;
  play.warm_up(peer);
  SECTION("ended") {
    peer.ends();
  }
  SECTION("broken") {
    peer.breaks();
  }
  SECTION("talking unasked") {
    peer.says("HTTP/1.1 408 Request Timeout\r\n\r\n");
  }
  CHECK(play.client->idle_connections() == 0);
  CHECK(peer.is_closed());
}

TEST_CASE("an idle connection is closed after its time") {
  ClientLimits limits;
  limits.idle = 20ms;
  Play play(limits);
  FakePeer peer;
  play.warm_up(peer);
  CHECK(run_until(play.loop, [&] { return peer.is_closed(); }));
  CHECK(play.client->idle_connections() == 0);
}

TEST_CASE("no more connections are kept than the limit") {
  ClientLimits limits;
  limits.idle_connections = 1;
  Play play(limits);
  FakePeer one, two;
  Answer first, second;
  auto request_one = play.start(play.get, first);
  auto request_two = play.start(play.get, second);
  play.connects(one);
  play.connects(two);
  one.says(ok);
  two.says(ok);
  CHECK(play.client->idle_connections() == 1);
  CHECK(one.is_closed());
  CHECK(!two.is_closed());
}

TEST_CASE("a pooled connection that was stale is replaced silently, once") {
  for (const bool by_reset : {false, true}) {
    for (const bool fresh_is_lost : {false, true}) {
      Play play;
      FakePeer stale, fresh;
      play.warm_up(stale);
      Answer answer;
      auto request = play.start(play.post, answer);
      turn(play.loop);
      if (by_reset) {
        stale.breaks();
      } else {
        stale.ends();
      }
      CHECK(!answer.error);
      CHECK(stale.is_closed());
      play.connects(fresh);
      CHECK(fresh.seen == "POST /p HTTP/1.1\r\nHost: up\r\nContent-Length: 5\r\n\r\nhello");

      if (fresh_is_lost) {
        fresh.ends();
        REQUIRE(answer.error);
        CHECK(answer.error->kind == TransportError::Kind::reset);
      } else {
        fresh.says(ok);
        CHECK(answer.body == "hi");
      }
    }
  }
}

TEST_CASE("a pooled connection is not replaced once a byte of the answer came") {
  Play play;
  FakePeer peer;
  play.warm_up(peer);
  Answer answer;
  auto request = play.start(play.get, answer);
  turn(play.loop);
  peer.says("H");
  peer.ends();
  REQUIRE(answer.error);
  CHECK(answer.error->kind == TransportError::Kind::reset);
  CHECK(dials.empty());
}
