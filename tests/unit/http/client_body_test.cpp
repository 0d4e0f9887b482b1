#include "catch.h"
#include "client_play.h"

using namespace pollux;
using namespace std::chrono_literals;
using Play = ClientPlay;
using Answer = PlayedAnswer;

TEST_CASE("a peer that is slow") {
  ClientLimits limits;
  limits.first_byte = limits.between_bytes = 20ms;
  Play play(limits);
  FakePeer peer;
  Answer answer;
  play.post.body = "";
  SECTION("to answer") {
    auto request = play.start(play.get, answer);
    play.connects(peer);
    REQUIRE(run_until(play.loop, [&] { return answer.error.has_value(); }));
    CHECK(peer.is_closed());
  }
  SECTION("to answer on a pooled connection is not tried again") {
    play.warm_up(peer);
    auto request = play.start(play.get, answer);
    REQUIRE(run_until(play.loop, [&] { return answer.error.has_value(); }));
    CHECK(dials.empty());
  }
  SECTION("to go on") {
    auto request = play.start(play.get, answer);
    play.connects(peer);
    peer.says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    REQUIRE(run_until(play.loop, [&] { return answer.error.has_value(); }));
  }
  SECTION("to take the request") {
    peer.stops_taking();
    auto request = play.start(play.get, answer);
    play.connects(peer);
    REQUIRE(run_until(play.loop, [&] { return answer.error.has_value(); }));
  }
  REQUIRE(answer.error);
  CHECK(answer.error->kind == TransportError::Kind::timeout);
}

TEST_CASE("a caller who is slow to send its body is no fault of the peer") {
  ClientLimits limits;
  limits.first_byte = limits.between_bytes = 10ms;
  Play play(limits);
  FakePeer peer;
  Answer answer;
  play.post.body = {};
  play.post.streamed_length = BodyLength::unknown();
  auto request = play.start(play.post, answer);
  play.connects(peer);
  request->send_body("hel");
  const auto until = play.loop.now() + 50ms;
  run_until(play.loop, [&] { return play.loop.now() > until; });
  CHECK(!answer.error);

  request->end_body();
  CHECK(run_until(play.loop, [&] { return answer.error.has_value(); }));
}

TEST_CASE("a paused caller is no fault of the peer") {
  ClientLimits limits;
  limits.first_byte = limits.between_bytes = 10ms;
  Play play(limits);
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  play.connects(peer);
  peer.says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  request->pause();
  const auto until = play.loop.now() + 50ms;
  run_until(play.loop, [&] { return play.loop.now() > until; });
  CHECK(!answer.error);

  request->resume();
  CHECK(run_until(play.loop, [&] { return answer.error.has_value(); }));
}

TEST_CASE("a streamed body") {
  Play play;
  FakePeer peer;
  Answer answer;
  play.post.body = {};
  SECTION("of unknown length is chunked") {
    play.post.streamed_length = BodyLength::unknown();
    auto request = play.start(play.post, answer);
    request->send_body("early");
    CHECK(request->queued_bytes() > 0);
    play.connects(peer);
    CHECK(answer.drained == 1);
    request->send_body("late");
    request->send_body("");
    request->end_body();
    turn(play.loop);
    CHECK(peer.seen ==
          "POST /p HTTP/1.1\r\nHost: up\r\nTransfer-Encoding: "
          "chunked\r\n\r\n5\r\nearly\r\n4\r\nlate\r\n0\r\n\r\n");
    peer.says(ok);
    CHECK(answer.ended);
    CHECK(play.client->idle_connections() == 1);
  }
  SECTION("of known length is sent as it is") {
    play.post.streamed_length = BodyLength::of(9);
    auto request = play.start(play.post, answer);
    play.connects(peer);
    request->send_body("early");
    request->send_body("late");
    request->end_body();
    turn(play.loop);
    CHECK(peer.seen == "POST /p HTTP/1.1\r\nHost: up\r\nContent-Length: 9\r\n\r\nearlylate");
  }
  SECTION("longer than announced is never sent") {
    play.post.streamed_length = BodyLength::of(3);
    auto request = play.start(play.post, answer);
    play.connects(peer);
    request->send_body("early");
    turn(play.loop);
    CHECK(answer.error);
    CHECK(peer.is_closed());
  }
  SECTION("shorter than announced breaks the connection") {
    play.post.streamed_length = BodyLength::of(9);
    auto request = play.start(play.post, answer);
    play.connects(peer);
    request->send_body("early");
    request->end_body();
    turn(play.loop);
    CHECK(answer.error);
    CHECK(peer.is_closed());
  }
  SECTION("never goes out on a pooled connection") {
    play.warm_up(peer);
    play.post.streamed_length = BodyLength::unknown();
    auto request = play.start(play.post, answer);
    CHECK(dials.size() == 1);
  }
}

TEST_CASE("an answer before the request is sent is delivered, and the connection not used again") {
  Play play;
  FakePeer peer;
  Answer answer;
  play.post.body = {};
  play.post.streamed_length = BodyLength::of(1'000'000);
  auto request = play.start(play.post, answer);
  play.connects(peer);
  request->send_body("some");
  peer.says("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  CHECK(answer.status == 413);
  CHECK(answer.ended);
  CHECK(play.client->idle_connections() == 0);
  request->send_body("more");
  request->end_body();
  turn(play.loop);
  CHECK(peer.is_closed());
  CHECK(!answer.error);
}

TEST_CASE("the caller is told when its streamed body is taken") {
  Play play;
  FakePeer peer;
  Answer answer;
  play.post.body = {};
  play.post.streamed_length = BodyLength::unknown();
  auto request = play.start(play.post, answer);
  play.connects(peer);
  const auto before = answer.drained;
  peer.stops_taking();
  request->send_body(std::string(1000, 'x'));
  CHECK(request->queued_bytes() >= 1000);
  turn(play.loop);
  CHECK(answer.drained == before);
  peer.takes_again();
  turn(play.loop);
  CHECK(answer.drained == before + 1);
}
