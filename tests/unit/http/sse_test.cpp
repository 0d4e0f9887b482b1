#include "http/sse.h"

#include <vector>

#include "catch.h"

using namespace pollux;

namespace {

using Events = std::vector<std::string>;

struct Case {
  const char* what;
  std::string stream;
  Events events;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"LF", "data: a\n\ndata: b\n\n", {"a", "b"}},
      {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {"a", "b"}},
      {"CR", "data: a\r\rdata: b\r\r", {"a", "b"}},
      {"mixed ends", "data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", {"a", "b", "c"}},
      {"several lines", "data: a\ndata:b\ndata\n\n", {"a\nb\n"}},
      {"comments and other fields", ": hi\nevent: x\nid: 7\ndata: a\nretry: 3\ndatax: n\n\n", {"a"}},
      {"no data", ": keep-alive\n\nevent: x\n\n", {}},
      {"empty data", "data:\n\ndata\n\n", {"", ""}},
      {"one blank is cut", "data:  a \n\n", {" a "}},
      {"colons", "data: {\"a\": 1}\n\n", {"{\"a\": 1}"}},
      {"no last empty line", "data: a\n\ndata: b\n", {"a", "b"}},
      {"no last line end", "data: a\n\ndata: b", {"a", "b"}},
      {"many empty lines", "\n\n\r\r\r\ndata: a\n\n\n\n\n", {"a"}},
      {"a byte order mark",
       "\xEF\xBB\xBF"
       "data: a\n\n",
       {"a"}},
      {"nothing", "", {}},
  };
  return all;
}

Events scan(const std::vector<std::string>& pieces) {
  Events events;
  SseScanner scanner;
  const auto note = [&](std::string_view data) { events.emplace_back(data); };
  for (const auto& piece : pieces) CHECK(scanner.feed(piece, note));
  scanner.finish(note);
  return events;
}

}  // namespace

TEST_CASE("events are found whole, at every split, and byte by byte") {
  for (const auto& one : cases()) {
    INFO(one.what);
    CHECK(scan({one.stream}) == one.events);
    for (std::size_t cut = 0; cut <= one.stream.size(); ++cut) {
      INFO("cut at " << cut);
      CHECK(scan({one.stream.substr(0, cut), one.stream.substr(cut)}) == one.events);
      for (std::size_t second = cut; second <= one.stream.size(); ++second)
        CHECK(scan({one.stream.substr(0, cut), one.stream.substr(cut, second - cut),
                    one.stream.substr(second)}) == one.events);
    }
    std::vector<std::string> bytes;
    for (const char c : one.stream) bytes.emplace_back(1, c);
    CHECK(scan(bytes) == one.events);
  }
}

TEST_CASE("an event is reported as soon as it is complete") {
  SseScanner scanner;
  int events = 0;
  const auto note = [&](std::string_view) { ++events; };
  scanner.feed("data: a\r\n\r", note);  // The CR ends the line; an LF may follow or not.
  CHECK(events == 1);
  scanner.feed("\ndata: b\r\n\r\n", note);
  CHECK(events == 2);
}

TEST_CASE("an event in one piece is not copied") {
  const std::string stream = "data: abc\n\n";
  SseScanner scanner;
  scanner.feed(stream, [&](std::string_view data) { CHECK(data.data() == stream.data() + 6); });
}

TEST_CASE("an event beyond the bound is an error") {
  const auto none = [](std::string_view) { FAIL("an event came"); };
  SECTION("in one line") {
    CHECK(!SseScanner(100).feed("data: " + std::string(101, 'a') + "\n\n", none));
  }
  SECTION("in a line that never ends") {
    SseScanner scanner(100);
    bool good = true;
    for (int i = 0; i < 20 && good; ++i) good = scanner.feed("data: abcdef", none);
    CHECK(!good);
    CHECK(!scanner.feed("\n\n", none));
  }
  SECTION("in many lines") {
    SseScanner scanner(100);
    bool good = true;
    for (int i = 0; i < 30 && good; ++i) good = scanner.feed("data: abcdef\n", none);
    CHECK(!good);
    scanner.finish(none);
  }
  SECTION("but not at the bound") {
    int events = 0;
    CHECK(
        SseScanner(100).feed("data: " + std::string(100, 'a') + "\n\n", [&](std::string_view) { ++events; }));
    CHECK(events == 1);
  }
}
