#include "catch.h"
#include "server_play.h"

using namespace pollux;
using Play = ServerPlay;

TEST_CASE("an expectation that nobody knows is refused") {
  Play play;
  play.says("GET /a HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n");
  CHECK(begins_with(play.answer(), "HTTP/1.1 417 Expectation Failed\r\n"));
  CHECK(play.client.saw_end);
}

TEST_CASE("an Upgrade is an ordinary request and loses no byte") {
  Play play;
  play.says("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + get);
  CHECK(play.answer() == ok("/ws") + ok("/a"));
}

TEST_CASE("what breaks the rules is refused and the connection closed") {
  struct Case {
    const char* what;
    std::string request;
    int status;
  };
  const auto with = [](const std::string& line) {
    return "POST /p HTTP/1.1\r\nHost: h\r\n" + line + "\r\n\r\n";
  };
  const Case cases[] = {
      {"both lengths", with("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400},
      {"both lengths, the other way", with("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400},
      {"two lengths", with("Content-Length: 5\r\nContent-Length: 6"), 400},
      {"the same length twice", with("Content-Length: 5\r\nContent-Length: 5"), 400},
      {"a list of lengths", with("Content-Length: 5, 5"), 400},
      {"a signed length", with("Content-Length: +5"), 400},
      {"a negative length", with("Content-Length: -5"), 400},
      {"a length in hex", with("Content-Length: 0x5"), 400},
      {"an empty length", with("Content-Length:"), 400},
      {"a length beyond all numbers", with("Content-Length: 99999999999999999999"), 400},
      {"another coding", with("Transfer-Encoding: gzip"), 501},
      {"chunked within others", with("Transfer-Encoding: gzip, chunked"), 501},
      {"chunked twice", with("Transfer-Encoding: chunked, chunked"), 400},
      {"chunked on two lines", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400},
      {"nearly chunked", with("Transfer-Encoding: xchunked"), 501},
      {"chunked behind a vertical tab", with("Transfer-Encoding: \vchunked"), 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"a blank before the colon", with("Transfer-Encoding : chunked"), 400},
      {"a blank in a name", with("X Y: z"), 400},
      {"a strange byte in a name", with("X\xE9: z"), 400},
      {"a name that is none", with(": z"), 400},
      {"a line without a colon", with("XYZ"), 400},
      {"a folded field", with("X: y\r\n z"), 400},
      {"a folded first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      {"a bare CR in a value", with("X: y\rZ: 1"), 400},
      {"a bare CR at a line's end", "GET / HTTP/1.1\r\nHost: h\r\rX: y\r\n\r\n", 400},
      {"bare LFs", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"a NUL in a value", with(std::string("X: a\0b", 6)), 400},
      {"a DEL in a value", with("X: a\x7f"), 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"a Host that is a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two blanks before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a star for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a user in the target", "GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/0.9", "GET /\r\n\r\n", 505},
      {"HTTP/3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
      {"another protocol", "DESCRIBE / RTSP/1.0\r\n\r\n", 400},
      {"TLS", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", 400},
      {"garbage", "hello, is anybody there?\r\n\r\n", 400},
  };
  const std::string smuggled = "5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const auto& one : cases) {
    for (const bool spelled : {false, true}) {
      INFO(one.what << (spelled ? ", byte by byte" : ""));
      Play play;
      if (spelled) {
        play.client.spells(one.request + smuggled);
      } else {
        play.client.says(one.request + smuggled);
      }
      const auto answer = play.answer();
      CHECK(begins_with(answer, "HTTP/1.1 " + std::to_string(one.status) + " "));
      CHECK(has(answer, "Connection: close\r\n"));
      CHECK(play.gate.requests.empty());
      CHECK(play.gate.refused.size() == 1);
      CHECK(play.client.saw_end);
      CHECK(play.server->connections() == 0);
    }
  }
}

TEST_CASE("what the rules allow is served") {
  Play play;
  SECTION("an absolute target, whose host is the one that counts") {
    play.says("GET http://real/x?y HTTP/1.1\r\nHost: other\r\n\r\n");
    CHECK(play.request().head.target == "/x?y");
    CHECK(play.request().head.headers.get("host") == "real");
  }
  SECTION("an absolute target without a path") {
    play.says("GET http://real?y HTTP/1.1\r\nHost: other\r\n\r\n");
    CHECK(play.request().head.target == "/?y");
  }
  SECTION("a star for OPTIONS") {
    play.says("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(play.request().head.target == "*");
  }
  SECTION("empty lines before a request") {
    play.says("\r\n\r\n" + get);
    CHECK(play.gate.requests.size() == 1);
  }
  SECTION("an empty Host") {
    play.says("GET / HTTP/1.1\r\nHost:\r\n\r\n");
    CHECK(play.gate.requests.size() == 1);
  }
  SECTION("bytes above ASCII in a value") {
    play.says("GET / HTTP/1.1\r\nHost: h\r\nX: \xC3\xA9\r\n\r\n");
    CHECK(play.request().head.headers.get("X") == "\xC3\xA9");
  }
  CHECK(play.gate.refused.empty());
}

TEST_CASE("heads that are too large are refused") {
  ServerLimits limits;
  limits.header_bytes = 2000;
  limits.header_count = 10;
  limits.target_bytes = 100;
  Play play(limits);
  SECTION("a long target") {
    play.says("GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(begins_with(play.answer(), "HTTP/1.1 414 URI Too Long\r\n"));
  }
  SECTION("a long field") {
    play.says("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'a') + "\r\n\r\n");
    CHECK(begins_with(play.answer(), "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
  }
  SECTION("a field that never ends") {
    play.says("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 100; ++i) play.says(std::string(100, 'a'));
    CHECK(begins_with(play.answer(), "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
  }
  SECTION("blanks that never end") {
    play.says("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 200; ++i) play.says(std::string(100, ' '));
    CHECK(begins_with(play.answer(), "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
  }
  SECTION("many fields") {
    std::string request = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 10; ++i) request += "X: y\r\n";
    play.says(request + "\r\n");
    CHECK(begins_with(play.answer(), "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
  }
  CHECK(play.gate.requests.empty());
}

TEST_CASE("what lies between two chunks is bounded") {
  Play play;
  play.says("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  SECTION("extensions") {
    play.says("5;");
    for (int i = 0; i < 200; ++i) play.says(std::string(100, 'a'));
  }
  SECTION("trailers") {
    play.says("0\r\n");
    for (int i = 0; i < 200; ++i) play.says("X: " + std::string(100, 'a') + "\r\n");
  }
  CHECK(begins_with(play.answer(), "HTTP/1.1 400 Bad Request\r\n"));
}
