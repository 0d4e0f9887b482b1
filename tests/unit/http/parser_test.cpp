#include "http/parser.h"

#include <random>
#include <string>
#include <vector>

#include "catch.h"

using namespace pollux;

namespace {

void note_head(std::string& transcript, Parser& parser, Parser::Kind kind) {
  const bool request = kind == Parser::Kind::request;
  transcript += request ? parser.request().method + " " + parser.request().target
                        : std::to_string(parser.response().status) + " " + parser.response().reason;
  transcript += parser.keep_alive() ? " keep" : " close";
  for (const auto& [name, value] : request ? parser.request().headers : parser.response().headers)
    transcript.append("|").append(name).append("=").append(value);
  transcript += "|";
}

// What a parser sees in a stream that is cut into pieces by `next_size`: heads, bodies, ends, and the first
// error.
template <typename NextSize>
std::string read(const std::string& stream, Parser::Kind kind, NextSize&& next_size) {
  Parser parser(kind, {});
  std::string transcript, waiting;
  std::size_t at = 0;
  while (true) {
    std::string_view rest = waiting;
    while (true) {
      const auto event = parser.next(rest);
      if (event == Parser::Event::need_more) break;
      if (event == Parser::Event::head) note_head(transcript, parser, kind);
      if (event == Parser::Event::body) transcript += parser.body();
      if (event == Parser::Event::error) return transcript + "<refused>";
      if (event == Parser::Event::end) {
        transcript += "<end>";
        parser.restart();
      }
    }
    CHECK(rest.empty());  // need_more means that all was taken.
    if (at == stream.size()) return transcript;
    // In memory of its own and no larger: the sanitizer sees every step beyond.
    waiting = std::string(stream, at, std::min(next_size(), stream.size() - at));
    waiting.shrink_to_fit();
    at += waiting.size();
  }
}

std::string read_whole(const std::string& stream, Parser::Kind kind) {
  return read(stream, kind, [&] { return stream.size(); });
}

std::string read_bytewise(const std::string& stream, Parser::Kind kind) {
  return read(stream, kind, [] { return std::size_t{1}; });
}

std::string read_at_random(const std::string& stream, Parser::Kind kind, std::mt19937& random) {
  return read(stream, kind, [&] { return std::size_t{1} + random() % 40; });
}

const std::vector<std::string>& requests() {
  static const std::vector<std::string> all = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /path?query=%20 HTTP/1.1\r\nHost: a\r\nX-A:b\r\nX-Empty:\r\nX-B:  c d  \r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5\r\nhello\r\n6;a=b\r\n world\r\n00\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
       "chunked\r\n\r\n1\r\na\r\n1\r\nb\r\nA\r\n0123456789\r\n0\r\n\r\n"),
      "GET http://b/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
      ("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nGET / "
       "HTTP/1.1\r\nHost: a\r\n\r\n"),
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nbytes",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  };
  return all;
}

const std::vector<std::string>& responses() {
  static const std::vector<std::string> all = {
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
      ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhistray",
      "HTTP/1.1 99 No\r\n\r\n",
      "garbage\r\n\r\n",
  };
  return all;
}

template <typename Check>
void for_all(Check&& check) {
  for (const auto& one : requests()) check(one, Parser::Kind::request);
  for (const auto& one : responses()) check(one, Parser::Kind::response);
}

}  // namespace

TEST_CASE("a message reads the same however it is cut") {
  std::mt19937 random(1);  // NOLINT: the same cuts in every run.
  for_all([&](const std::string& stream, Parser::Kind kind) {
    INFO(stream);
    const auto whole = read_whole(stream, kind);
    CHECK(read_bytewise(stream, kind) == whole);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      bool first = true;
      CHECK(read(stream, kind, [&] { return std::exchange(first, false) ? cut : stream.size(); }) == whole);
    }
    for (int i = 0; i < 50; ++i) CHECK(read_at_random(stream, kind, random) == whole);
  });
}

TEST_CASE("a damaged message reads the same however it is cut") {
  std::mt19937 random(2);  // NOLINT: the same damage in every run.
  const std::string bytes = std::string("\r\n\t :;,0aA/*\x7f\xff", 14) + '\0';
  for_all([&](const std::string& stream, Parser::Kind kind) {
    for (int i = 0; i < 400; ++i) {
      auto damaged = stream;
      for (auto blows = 1 + random() % 3; blows > 0; --blows) {
        const auto at = random() % damaged.size();
        switch (random() % 3) {
          case 0:
            damaged[at] = bytes[random() % bytes.size()];
            break;
          case 1:
            damaged.insert(at, 1, bytes[random() % bytes.size()]);
            break;
          default:
            damaged.erase(at, 1);
        }
      }
      INFO(damaged);
      const auto whole = read_whole(damaged, kind);
      CHECK(read_bytewise(damaged, kind) == whole);
      CHECK(read_at_random(damaged, kind, random) == whole);
    }
  });
}

TEST_CASE("noise is survived") {
  std::mt19937 random(3);  // NOLINT: the same noise in every run.
  for (int i = 0; i < 2000; ++i) {
    std::string noise(random() % 200, ' ');
    for (auto& c : noise) c = static_cast<char>(random());
    const auto kind = i % 2 == 0 ? Parser::Kind::request : Parser::Kind::response;
    CHECK(read_bytewise(noise, kind) == read_whole(noise, kind));
  }
}

TEST_CASE("chunks are read strictly") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto read_chunks = [&](const std::string& chunks) {
    const auto whole = read_whole(head + chunks, Parser::Kind::request);
    CHECK(read_bytewise(head + chunks, Parser::Kind::request) == whole);
    return whole.substr(whole.rfind('|') + 1);
  };
  CHECK(read_chunks("5\r\nhello\r\n0\r\n\r\n") == "hello<end>");
  CHECK(read_chunks("0005\r\nhello\r\n0\r\n\r\n") == "hello<end>");
  CHECK(read_chunks("5;a;b=c\r\nhello\r\n0;d\r\n\r\n") == "hello<end>");
  CHECK(read_chunks("0\r\nX: y\r\nZ: w\r\n\r\n") == "<end>");
  for (const auto* bad : {"5 \r\nhello\r\n0\r\n\r\n",
                          " 5\r\nhello\r\n0\r\n\r\n",
                          "5 ;a\r\nhello\r\n0\r\n\r\n",
                          "0x5\r\nhello\r\n0\r\n\r\n",
                          "+5\r\nhello\r\n0\r\n\r\n",
                          "-5\r\nhello\r\n0\r\n\r\n",
                          "\r\nhello\r\n0\r\n\r\n",
                          "5\nhello\r\n0\r\n\r\n",
                          "5\rhello\r\n0\r\n\r\n",
                          "5;a\nb\r\nhello\r\n0\r\n\r\n",
                          "5;\x01\r\nhello\r\n",
                          "10000000000000005\r\nhello\r\n",
                          "fffffffffffffffff\r\nhello",
                          "0\r\n X: y\r\n\r\n",
                          "0\r\nX : y\r\n\r\n",
                          "0\r\nX: y\n\n",
                          "0\n\n",
                          "g\r\n",
                          "0\r\nX: y\r\n z\r\n\r\n",
                          "0\r\nX: y\rZ: w\r\n\r\n"}) {
    INFO(bad);
    CHECK(read_chunks(bad) == "<refused>");
  }
  for (const auto* bad :
       {"5\r\nhello0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0"}) {
    INFO(bad);
    CHECK(read_chunks(bad) == "hello<refused>");
  }
}
