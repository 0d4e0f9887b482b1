#include "catch.h"
#include "client_play.h"

using namespace pollux;
using Play = ClientPlay;
using Answer = PlayedAnswer;

TEST_CASE("a request goes out whole in one write") {
  Play play;
  FakePeer peer;
  Answer answer;
  Headers headers;
  headers.add("Content-Type", "text/plain");
  headers.add("host", "evil");
  headers.add("Content-Length", "999");
  headers.add("transfer-encoding", "chunked");
  headers.add("Connection", "close");
  headers.add("Keep-Alive", "x");
  headers.add("X-Sly", "a\r\nX-Smuggled: b");
  play.post.headers = &headers;
  play.post.credential_name = "x-goog-api-key";
  play.post.credential_value = "secret";
  auto request = play.start(play.post, answer);
  CHECK(peer.seen.empty());
  play.connects(peer);
  CHECK(peer.seen ==
        "POST /p HTTP/1.1\r\nHost: up\r\nContent-Type: text/plain\r\nX-Sly: a  X-Smuggled: b\r\n"
        "x-goog-api-key: secret\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(peer.writes == 1);
}

TEST_CASE("a large body goes out in the same write as its head") {
  Play play;
  FakePeer peer;
  Answer answer;
  const std::string large(100'000, 'x');
  play.post.body = large;
  auto request = play.start(play.post, answer);
  play.connects(peer);
  CHECK(peer.seen == "POST /p HTTP/1.1\r\nHost: up\r\nContent-Length: 100000\r\n\r\n" + large);
  CHECK(peer.writes == 1);
}

TEST_CASE("a request without a body announces one only where one is usual") {
  Play play;
  FakePeer peer;
  Answer answer;
  play.get.body = "";
  SECTION("GET") {
    CHECK(play.get.method == "GET");
  }
  SECTION("DELETE") {
    play.get.method = "DELETE";
  }
  SECTION("POST") {
    play.get.method = "POST";
  }
  auto request = play.start(play.get, answer);
  play.connects(peer);
  CHECK((peer.seen.find("Content-Length: 0") != std::string::npos) == (play.get.method == "POST"));
}

TEST_CASE("no target can break out of the request line") {
  Play play;
  FakePeer peer;
  Answer answer;
  play.get.target = "/a b\r\nX: y#z\xC3";
  auto request = play.start(play.get, answer);
  play.connects(peer);
  CHECK(peer.seen == "GET /a%20b%0D%0AX:%20y%23z%C3 HTTP/1.1\r\nHost: up\r\n\r\n");
}

TEST_CASE("a method that is none is never sent") {
  Play play;
  Answer answer;
  play.get.method = "GET /x HTTP/1.1\r\n";
  auto request = play.start(play.get, answer);
  CHECK(!answer.error);  // Not from within.
  turn(play.loop);
  REQUIRE(answer.error);
  CHECK(dials.empty());
}

TEST_CASE("an answer is delivered, however it is cut") {
  struct Case {
    const char* what;
    std::string text;
    BodyLength::Kind kind;
  };
  const Case cases[] = {
      {"known", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world", BodyLength::Kind::known},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nT: "
       "r\r\n\r\n",
       BodyLength::Kind::chunked},
      {"after interim answers",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world",
       BodyLength::Kind::known},
  };
  for (const auto& one : cases) {
    for (std::size_t cut = 0; cut <= one.text.size(); ++cut) {
      INFO(one.what << " cut at " << cut);
      Play play;
      FakePeer peer;
      Answer answer;
      auto request = play.start(play.get, answer);
      play.connects(peer);
      peer.says(one.text.substr(0, cut));
      peer.says(one.text.substr(cut));
      CHECK(answer.status == 200);
      CHECK(answer.headers.get("x") == "y");
      CHECK(answer.length.kind == one.kind);
      CHECK(answer.body == "hello world");
      CHECK(answer.ended);
      CHECK(play.client->idle_connections() == 1);
    }
  }
}

TEST_CASE("an answer without a length lasts until the connection ends") {
  Play play;
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  play.connects(peer);
  peer.says("HTTP/1.1 200 OK\r\n\r\nhel");
  peer.says("lo");
  CHECK(!answer.ended);
  SECTION("an end ends it") {
    peer.ends();
    CHECK(answer.ended);
    CHECK(answer.body == "hello");
  }
  SECTION("a reset breaks it") {
    peer.breaks();
    REQUIRE(answer.error);
    CHECK(answer.error->kind == TransportError::Kind::truncated);
  }
  turn(play.loop);
  CHECK(play.client->idle_connections() == 0);
  CHECK(peer.is_closed());
}

TEST_CASE("answers that have no body") {
  Play play;
  FakePeer peer;
  Answer answer;
  SECTION("to HEAD") {
    play.get.method = "HEAD";
    auto request = play.start(play.get, answer);
    play.connects(peer);
    peer.says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    CHECK(answer.length.bytes == 5);
  }
  SECTION("204") {
    auto request = play.start(play.get, answer);
    play.connects(peer);
    peer.says("HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(answer.length.kind == BodyLength::Kind::none);
  }
  SECTION("304 with a length") {
    auto request = play.start(play.get, answer);
    play.connects(peer);
    peer.says("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  }
  CHECK(answer.ended);
  CHECK(play.client->idle_connections() == 1);
}

TEST_CASE("answers that break") {
  using Kind = TransportError::Kind;
  struct Case {
    const char* text;
    Kind kind;
  };
  const Case cases[] = {
      {"", Kind::reset},
      {"HTTP/1.1 200 OK\r\nContent-", Kind::reset},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Kind::truncated},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Kind::truncated},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Kind::truncated},
      {"SSH-2.0-OpenSSH\r\n", Kind::malformed},
      {"HTTP/1.1 2000 OK\r\n\r\n", Kind::malformed},
      {"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", Kind::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Kind::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Kind::malformed},
      {"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", Kind::malformed},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Kind::malformed},
  };
  for (const auto& one : cases) {
    for (const bool spelled : {false, true}) {
      INFO(one.text);
      Play play;
      FakePeer peer;
      Answer answer;
      auto request = play.start(play.get, answer);
      play.connects(peer);
      if (spelled) {
        peer.spells(one.text);
      } else {
        peer.says(one.text);
      }
      peer.ends();
      REQUIRE(answer.error);
      CHECK(answer.error->kind == one.kind);
      CHECK(answer.error->message.find("http://up: ") == 0);
      CHECK(!answer.ended);
      turn(play.loop);
      CHECK(peer.is_closed());
    }
  }
}

TEST_CASE("interim answers are bounded") {
  Play play;
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  play.connects(peer);
  for (int i = 0; i < 100; ++i) peer.says("HTTP/1.1 102 Processing\r\n\r\n");
  REQUIRE(answer.error);
  CHECK(answer.error->kind == TransportError::Kind::malformed);
}

TEST_CASE("the head of an answer is bounded") {
  ClientLimits limits;
  limits.header_bytes = 1000;
  Play play(limits);
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  play.connects(peer);
  peer.says("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'a'));
  REQUIRE(answer.error);
  CHECK(answer.error->kind == TransportError::Kind::malformed);
}

TEST_CASE("a connection that cannot be made") {
  Play play;
  Answer answer;
  auto request = play.start(play.get, answer);
  SECTION("is an error of connecting") {
    play.fails(NetError::Kind::resolve);
    REQUIRE(answer.error);
    CHECK(answer.error->kind == TransportError::Kind::connect);
  }
  SECTION("by its proxy too") {
    play.fails(NetError::Kind::proxy);
    REQUIRE(answer.error);
    CHECK(answer.error->kind == TransportError::Kind::connect);
  }
  SECTION("is an error of trust") {
    play.fails(NetError::Kind::tls);
    REQUIRE(answer.error);
    CHECK(answer.error->kind == TransportError::Kind::tls);
  }
  SECTION("in time") {
    play.fails(NetError::Kind::timeout);
    REQUIRE(answer.error);
    CHECK(answer.error->kind == TransportError::Kind::timeout);
  }
  CHECK(dials.empty());
}

TEST_CASE("a paused answer waits and is delivered whole") {
  Play play;
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  play.connects(peer);
  answer.at_head = [&] { request->pause(); };
  SECTION("and the connection goes on") {
    peer.says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    CHECK(answer.body.empty());
    CHECK(peer.is_paused());
    peer.says("world");
    request->resume();
    CHECK(answer.body.empty());  // Not from within.
    turn(play.loop);
    CHECK(answer.body == "helloworld");
    CHECK(answer.ended);
    CHECK(play.client->idle_connections() == 1);
    CHECK(!peer.is_paused());
  }
  SECTION("and the peer leaves meanwhile") {
    peer.says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    peer.ends();
    request->resume();
    turn(play.loop);
    CHECK(answer.body == "hello");
    CHECK(answer.ended);
    CHECK(play.client->idle_connections() == 0);
  }
  SECTION("piece by piece") {
    answer.at_body = [&] { request->pause(); };
    peer.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    for (const auto* so_far : {"a", "ab", "abc"}) {
      request->resume();
      turn(play.loop);
      CHECK(answer.body == so_far);
    }
    request->resume();
    turn(play.loop);
    CHECK(answer.ended);
  }
}

TEST_CASE("a request may be destroyed at any moment") {
  Play play;
  FakePeer peer;
  Answer answer;
  auto request = play.start(play.get, answer);
  const auto destroy = [&] { request.reset(); };
  const std::string two_chunks =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
  SECTION("before the connection") {
    request.reset();
    CHECK(dials.empty());
    return;
  }
  play.connects(peer);
  SECTION("before the answer") {
    destroy();
  }
  SECTION("at the head") {
    answer.at_head = destroy;
    peer.says(two_chunks);
    CHECK(answer.body.empty());
  }
  SECTION("within the body") {
    answer.at_body = destroy;
    peer.says(two_chunks);
    CHECK(answer.body == "a");
  }
  SECTION("at an error") {
    answer.at_error = destroy;
    peer.breaks();
    CHECK(answer.error);
  }
  turn(play.loop);
  CHECK(peer.is_closed());
  CHECK(!answer.ended);
  CHECK(play.client->idle_connections() == 0);
}

TEST_CASE("a request may be destroyed and another begun at the end of an answer") {
  Play play;
  FakePeer peer;
  Answer first, second;
  std::unique_ptr<ClientRequest> request = play.start(play.get, first);
  first.at_end = [&] { request = play.start(play.post, second); };
  play.connects(peer);
  peer.seen.clear();
  peer.says(ok);
  CHECK(first.ended);
  CHECK(dials.empty());  // It took the connection that has just become free.
  turn(play.loop);
  CHECK(peer.seen == "POST /p HTTP/1.1\r\nHost: up\r\nContent-Length: 5\r\n\r\nhello");
  peer.says(ok);
  CHECK(second.body == "hi");
}

TEST_CASE("a request that failed to connect may be destroyed in the event") {
  Play play;
  Answer answer;
  auto request = play.start(play.get, answer);
  answer.at_error = [&] { request.reset(); };
  play.fails(NetError::Kind::connect);
  CHECK(answer.error);
}
