#include "catch.h"
#include "server_play.h"

using namespace pollux;
using Play = ServerPlay;

TEST_CASE("a request is answered and the connection kept") {
  Play play;
  play.says(get);
  CHECK(play.answer() == ok("/a"));
  CHECK(play.client.writes == 1);
  CHECK(play.request().handler_destroyed);

  play.says(get);
  CHECK(play.answer() == ok("/a"));
  CHECK(play.server->connections() == 1);
}

TEST_CASE("a request may come byte by byte") {
  Play play;
  play.client.spells(post("hello"));
  CHECK(play.answer() == ok("/phello"));
}

TEST_CASE("the head is handed over as it was written") {
  Play play;
  play.says("GET /x?y=1 HTTP/1.1\r\nhOST: h\r\nX-Thing:  a b \t\r\nEmpty:\r\n\r\n");
  const auto& head = play.request().head;
  CHECK(head.method == "GET");
  CHECK(head.target == "/x?y=1");
  REQUIRE(head.headers.size() == 3);
  CHECK(head.headers[0].name == "hOST");
  CHECK(head.headers[1].value == "a b");
  CHECK(head.headers[2].value.empty());
}

TEST_CASE("an answer has a date") {
  Play play;
  play.client.says(get);
  turn(play.loop);
  CHECK(has(play.client.seen, "\r\nDate: "));
  CHECK(has(play.client.seen, " GMT\r\n"));
}

TEST_CASE("a thousand pipelined requests are answered in order without deepening the stack") {
  Play play;
  std::string all;
  for (int i = 0; i < 1000; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  SECTION("answered from within on_begin") {
    play.gate.on_begin = [](Seen& seen, Reply& reply) { reply.send(200, {}, seen.head.target); };
  }
  SECTION("answered from within on_body_end") {}
  play.says(all);
  const auto answers = play.answer();
  std::size_t at = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto one = ok("/" + std::to_string(i));
    REQUIRE(answers.compare(at, one.size(), one) == 0);
    at += one.size();
  }
  CHECK(at == answers.size());
}

TEST_CASE("a pipelined request waits for the answer before it") {
  Play play;
  play.gate.on_begin = {};
  play.says(get + get);
  REQUIRE(play.gate.requests.size() == 1);

  play.request(0).reply->send(200, {}, "one");
  CHECK(play.gate.requests.size() == 1);  // Not from within.
  turn(play.loop);
  REQUIRE(play.gate.requests.size() == 2);
  play.request(1).reply->send(200, {}, "two");
  CHECK(play.answer() == ok("one") + ok("two"));
}

TEST_CASE("a client that leaves while its request runs is noticed") {
  Play play;
  play.gate.on_begin = {};
  play.says(get);
  SECTION("by a reset") {
    play.client.breaks();
  }
  SECTION("by an end") {
    play.client.ends();
  }
  SECTION("by an end within the answer") {
    play.request().reply->start(200, {}, BodyLength::unknown());
    play.client.ends();
  }
  CHECK(play.request().client_gone);
  CHECK(!play.request().handler_destroyed);
  turn(play.loop);
  CHECK(play.request().handler_destroyed);
  CHECK(play.client.is_closed());
  CHECK(play.server->connections() == 0);
}

TEST_CASE("a client that ends its side while the finished answer flows still gets it") {
  Play play;
  play.client.stops_taking();
  play.says(get);
  play.client.ends();
  CHECK(!play.client.is_closed());
  play.client.takes_again();
  CHECK(play.answer() == ok("/a"));
  CHECK(!play.request().client_gone);
}

TEST_CASE("an idle client that leaves is forgotten") {
  Play play;
  SECTION("before any request") {}
  SECTION("within a head") {
    play.says("GET / HT");
  }
  SECTION("after an answer") {
    play.says(get);
  }
  play.client.ends();
  turn(play.loop);
  CHECK(play.client.is_closed());
  CHECK(play.server->connections() == 0);
}

TEST_CASE("HTTP/1.0") {
  Play play;
  SECTION("is closed after the answer") {
    play.says("GET /a HTTP/1.0\r\n\r\n");
    CHECK(play.answer() == ok("/a", "Connection: close\r\n"));
    CHECK(play.client.saw_end);
    CHECK(play.server->connections() == 0);
  }
  SECTION("is kept if the client asks for it") {
    play.says("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    CHECK(play.answer() == ok("/a", "Connection: keep-alive\r\n"));
    CHECK(play.server->connections() == 1);
  }
  SECTION("gets a body of unknown length up to the connection's end") {
    play.gate.on_begin = [](Seen&, Reply& reply) {
      reply.start(200, {}, BodyLength::unknown());
      reply.body("ab");
      reply.body("cd");
      reply.finish();
    };
    play.says("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(play.answer() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd");
    CHECK(play.client.saw_end);
  }
}

TEST_CASE("Connection: close is honoured") {
  Play play;
  play.says("GET /a HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n" + get);
  CHECK(play.answer() == ok("/a", "Connection: close\r\n"));
  CHECK(play.client.saw_end);
  CHECK(play.gate.requests.size() == 1);
}

TEST_CASE("an answer of unknown length is chunked") {
  Play play;
  play.gate.on_begin = {};
  play.says(get);
  auto& reply = *play.request().reply;
  Headers headers;
  headers.add("Content-Type", "text/event-stream");
  headers.add("content-length", "99");
  headers.add("Transfer-Encoding", "gzip");
  headers.add("Connection", "upgrade");
  headers.add("Date", "never");
  reply.start(200, headers, BodyLength::unknown());
  CHECK(play.answer() ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  reply.body("hello world, again");
  CHECK(play.answer() == "12\r\nhello world, again\r\n");
  reply.give_body("hello");
  CHECK(play.answer() == "5\r\nhello\r\n");
  reply.body("");
  reply.give_body("");
  CHECK(play.answer().empty());
  reply.finish();
  CHECK(play.answer() == "0\r\n\r\n");
  CHECK(play.server->connections() == 1);
}

TEST_CASE("no header can break out of its line") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) {
    Headers headers;
    headers.add("X-A", "b\r\nSet-Cookie: evil");
    headers.add("Bad Name", "x");
    headers.add("", "x");
    reply.send(200, headers, "");
  };
  play.says(get);
  CHECK(play.answer() == "HTTP/1.1 200 OK\r\nX-A: b  Set-Cookie: evil\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("bodies that may not be are swallowed") {
  Play play;
  int status = 200;
  BodyLength length = BodyLength::of(4);
  play.gate.on_begin = [&](Seen&, Reply& reply) {
    reply.start(status, {}, length);
    reply.body("body");
    reply.finish();
  };
  const std::string head_request = "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n";
  SECTION("of HEAD, with its length kept") {
    play.says(head_request);
    CHECK(play.answer() == "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  }
  SECTION("of HEAD, chunked") {
    length = BodyLength::unknown();
    play.says(head_request);
    CHECK(play.answer() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  SECTION("of 204, without a length") {
    status = 204;
    play.says(get);
    CHECK(play.answer() == "HTTP/1.1 204 No Content\r\n\r\n");
  }
  SECTION("of 304, with its length kept") {
    status = 304;
    play.says(get);
    CHECK(play.answer() == "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n");
  }
  CHECK(play.server->connections() == 1);
}

TEST_CASE("an answer without a body says so") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) {
    reply.start(200, {}, BodyLength::absent());
    reply.finish();
  };
  play.says(get);
  CHECK(play.answer() == ok(""));
}

TEST_CASE("an answer that is not whole ends with the connection") {
  Play play;
  SECTION("shorter than announced") {
    play.gate.on_begin = [](Seen&, Reply& reply) {
      reply.start(200, {}, BodyLength::of(10));
      reply.body("abc");
      reply.finish();
    };
  }
  SECTION("longer than announced: the excess is not sent") {
    play.gate.on_begin = [](Seen&, Reply& reply) {
      reply.start(200, {}, BodyLength::of(10));
      reply.give_body("abc");
      reply.give_body("defghijklmn");
      reply.finish();
    };
  }
  SECTION("aborted") {
    play.gate.on_begin = [](Seen&, Reply& reply) {
      reply.start(200, {}, BodyLength::of(10));
      reply.body("abc");
      reply.abort();
      reply.body("def");
      reply.finish();
    };
  }
  play.says(get + get);
  CHECK(play.answer() == "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(play.client.is_closed());
  CHECK(play.gate.requests.size() == 1);
  CHECK(!play.request().client_gone);
  CHECK(play.request().handler_destroyed);
}

TEST_CASE("an aborted chunked answer has no last chunk") {
  Play play;
  play.gate.on_begin = {};
  play.says(get);
  play.request().reply->start(200, {}, BodyLength::unknown());
  play.request().reply->body("abc");
  play.request().reply->abort();
  CHECK(play.answer() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(play.client.is_closed());
}

TEST_CASE("a handler that finishes without an answer closes the connection") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) { reply.finish(); };
  play.says(get);
  CHECK(play.client.is_closed());
  CHECK(play.answer().empty());
}

TEST_CASE("the end of the server tells the handlers") {
  Play play;
  play.gate.on_begin = {};
  play.says(get);
  play.server.reset();
  CHECK(play.request().client_gone);
  CHECK(play.client.is_closed());
  turn(play.loop);
  CHECK(play.request().handler_destroyed);
}
