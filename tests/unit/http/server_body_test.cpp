#include "catch.h"
#include "server_play.h"

using namespace pollux;
using Play = ServerPlay;

TEST_CASE("a body is delivered only when it is wanted") {
  Play play;
  play.gate.on_begin = {};
  play.says(post("hello"));
  CHECK(play.request().body.empty());
  CHECK(play.request().announced.bytes == 5);

  play.request().reply->resume_body();
  CHECK(play.request().body.empty());  // Not from within.
  CHECK(play.answer() == ok("/phello"));
}

TEST_CASE("a paused body stops the client and goes on later") {
  Play play;
  play.gate.on_body = [](Seen&, Reply& reply) { reply.pause_body(); };
  const std::string large(300'000, 'x');
  play.says(post(large).substr(0, 100'000));
  const auto first = play.request().body.size();
  CHECK(first > 0);
  CHECK(first < 100'000);
  play.client.says(large.substr(0, 70'000));
  play.client.says(large.substr(0, 70'000));
  CHECK(play.client.is_paused());
  CHECK(play.request().body.size() == first);

  for (int i = 0; i < 10; ++i) {
    play.request().reply->resume_body();
    turn(play.loop);
  }
  CHECK(play.request().body.size() > 200'000);
}

TEST_CASE("the end of a body comes after the first resume, also when there is none") {
  Play play;
  play.gate.on_begin = {};
  play.says(get);
  CHECK(!play.request().body_ended);
  play.request().reply->resume_body();
  CHECK(!play.request().body_ended);
  turn(play.loop);
  CHECK(play.request().body_ended);
}

TEST_CASE("a chunked body is taken out of its chunks") {
  Play play;
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n "
      "world\r\n0\r\nX: y\r\n\r\n";
  SECTION("at once") {
    play.says(request + get);
  }
  SECTION("byte by byte") {
    play.client.spells(request + get);
  }
  CHECK(play.answer() == ok("/phello world") + ok("/a"));
  CHECK(play.request().announced.kind == BodyLength::Kind::chunked);
}

TEST_CASE("a broken chunk is refused and the handler told") {
  Play play;
  play.says("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n");
  CHECK(begins_with(play.answer(), "HTTP/1.1 400 Bad Request\r\n"));
  CHECK(play.request().client_gone);
  CHECK(play.client.saw_end);
  CHECK(play.gate.last_refused_target == "/p");
}

TEST_CASE("a broken chunk within the answer closes the connection") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) {
    reply.start(200, {}, BodyLength::unknown());
    reply.resume_body();
  };
  play.says("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
  CHECK(play.answer() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  CHECK(play.request().client_gone);
  CHECK(play.client.is_closed());
}

TEST_CASE("an answer before the body is sent") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) { reply.send(401, {}, "no"); };
  const std::string refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n";
  SECTION("keeps the connection if the rest is short") {
    const auto request = post(std::string(1000, 'x'));
    play.says(request.substr(0, 100));
    CHECK(play.answer() == refusal + "\r\nno");
    play.says(request.substr(100) + get);
    CHECK(play.answer() == refusal + "\r\nno");
    CHECK(play.gate.requests.size() == 2);
  }
  SECTION("ends the connection if the rest is long") {
    play.says(post(std::string(100'000, 'x')).substr(0, 100));
    CHECK(play.answer() == refusal + "Connection: close\r\n\r\nno");
    CHECK(play.client.saw_end);
  }
  SECTION("ends the connection if the rest is not known") {
    play.says("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(play.answer() == refusal + "Connection: close\r\n\r\nno");
    CHECK(play.client.saw_end);
  }
  SECTION("ends the connection if the client waits for 100 Continue") {
    play.says("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(play.answer() == refusal + "Connection: close\r\n\r\nno");
    CHECK(play.client.saw_end);
  }
}

TEST_CASE("100 Continue is sent when the body is wanted, once") {
  Play play;
  play.gate.on_begin = {};
  play.says("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
  CHECK(play.answer().empty());
  play.request().reply->resume_body();
  CHECK(play.answer() == "HTTP/1.1 100 Continue\r\n\r\n");
  play.request().reply->send_continue();
  CHECK(play.answer().empty());
  play.says("hello");
  CHECK(play.answer() == ok("/phello"));
  CHECK(play.server->connections() == 1);
}

TEST_CASE("100 Continue is not sent where nobody waits for it") {
  Play play;
  SECTION("the body is there already") {
    play.gate.on_begin = {};
    play.says(post("hello", "Expect: 100-continue\r\n"));
    play.request().reply->resume_body();
    CHECK(play.answer() == ok("/phello"));
  }
  SECTION("HTTP/1.0 knows no such thing") {
    play.says("POST /p HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(play.answer().empty());
  }
  SECTION("there is no body") {
    play.says("GET /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
    CHECK(play.answer() == ok("/a"));
  }
}

TEST_CASE("an answer in the middle of the body, from within on_body") {
  Play play;
  play.gate.on_body = [](Seen&, Reply& reply) { reply.send(413, {}, "enough"); };
  play.says(post("hello") + get);
  const auto answers = play.answer();
  CHECK(begins_with(answers, "HTTP/1.1 413 Content Too Large\r\n"));
  CHECK(has(answers, ok("/a")));
  CHECK(play.request(0).handler_destroyed);
}
