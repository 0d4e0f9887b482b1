#include "http/message.h"

#include "catch.h"
#include "http/write.h"

using namespace pollux;

TEST_CASE("headers keep their order and are found without regard to case") {
  Headers headers;
  headers.add("B", "1");
  headers.add("a", "2");
  headers.add("b", "3");
  REQUIRE(headers.size() == 3);
  CHECK(headers.get("b") == "1");
  CHECK(headers.get("A") == "2");
  CHECK(!headers.get("c"));
  std::string all;
  for (const auto& [name, value] : headers) all += std::string(name) + "=" + std::string(value) + ";";
  CHECK(all == "B=1;a=2;b=3;");
}

TEST_CASE("set replaces all of a name in the place of the first") {
  Headers headers;
  headers.add("a", "1");
  headers.add("b", "2");
  headers.add("A", "3");
  SECTION("by a longer value") {
    headers.set("a", "much longer");
    CHECK(headers[0].value == "much longer");
  }
  SECTION("by a shorter value") {
    headers.set("a", "");
    CHECK(headers[0].value.empty());
  }
  CHECK(headers.size() == 2);
  CHECK(headers.get("b") == "2");
  headers.set("c", "4");
  CHECK(headers.get("c") == "4");
}

TEST_CASE("remove takes all of a name") {
  Headers headers;
  headers.add("a", "1");
  headers.add("b", "2");
  headers.add("A", "3");
  headers.remove("a");
  CHECK(headers.size() == 1);
  CHECK(headers.get("b") == "2");
  headers.clear();
  CHECK(headers.empty());
}

TEST_CASE("a field may be made from the same headers") {
  Headers headers;
  headers.add("name", "value");
  for (int i = 0; i < 100; ++i) headers.add(*headers.get("name"), headers[0].name);
  CHECK(headers[100].name == "value");
  CHECK(headers[100].value == "name");
  headers.set("name", headers[0].name);
  CHECK(headers.get("name") == "name");
}

TEST_CASE("a field that comes in pieces loses the blanks around its value") {
  Headers headers;
  headers.begin_field();
  headers.append_to_name("Na");
  headers.append_to_name("me");
  headers.append_to_value(" \tva");
  headers.append_to_value("lue ");
  const auto field = headers.end_field();
  CHECK(field.name == "Name");
  CHECK(field.value == "value");
}

TEST_CASE("a comma-separated field lists its words") {
  Headers headers;
  headers.add("Connection", "foo , Keep-Alive");
  headers.add("connection", "x-y,");
  CHECK(headers.lists("Connection", "keep-alive"));
  CHECK(headers.lists("Connection", "FOO"));
  CHECK(headers.lists("Connection", "x-y"));
  CHECK(!headers.lists("Connection", "keep"));
  CHECK(!headers.lists("Other", "foo"));
}

TEST_CASE("hop-by-hop fields are told apart") {
  for (const auto* name : {"Connection", "keep-alive", "TE", "trailer", "UPGRADE", "Transfer-Encoding",
                           "Proxy-Authorization", "proxy-connection"})
    CHECK(is_hop_by_hop(name));
  for (const auto* name : {"Content-Type", "T", "Host", "Proxy", "Content-Length", "x-transfer-encodin"})
    CHECK(!is_hop_by_hop(name));
}

TEST_CASE("statuses have their phrases") {
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(529) == "Site Is Overloaded");
  CHECK(reason_phrase(299) == "Unknown");
  CHECK(reason_phrase(0) == "Unknown");
}

TEST_CASE("queries are taken apart and decoded") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(parse_query("").empty());
  CHECK(parse_query("a=1&b=%20x+y&c&=d&&e=f=g") ==
        Pairs{{"a", "1"}, {"b", " x y"}, {"c", ""}, {"", "d"}, {"e", "f=g"}});
  CHECK(parse_query("%61%3D=%26") == Pairs{{"a=", "&"}});
  CHECK(percent_decode("a%2Fb+c") == "a/b+c");
  CHECK(percent_decode("100%") == "100%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%zz%41") == "%zzA");
}

TEST_CASE("chunks are framed in hexadecimal") {
  CHECK(as_chunk("hello") == "5\r\nhello\r\n");
  CHECK(as_chunk(std::string(255, 'x')).substr(0, 4) == "ff\r\n");
}

TEST_CASE("a piece of a path is encoded so that it stays one") {
  CHECK(percent_encode_path("tunedModels/my model") == "tunedModels/my%20model");
  CHECK(percent_encode_path("a?key=b#c%\r\n") == "a%3Fkey%3Db%23c%25%0D%0A");
  CHECK(percent_encode_path("gemini-3.8_flash~x") == "gemini-3.8_flash~x");
}
