#include "catch.h"
#include "net/connector.h"

using namespace pollux;

namespace {

std::string problem(std::string_view url) {
  const auto origin = Origin::parse(url);
  return origin ? "" : origin.error().message;
}

}  // namespace

TEST_CASE("an origin is read from a URL") {
  std::string path;
  const auto origin = Origin::parse("https://Example.COM:8443/v1beta", &path);
  REQUIRE(origin.has_value());
  CHECK(*origin == Origin{true, "example.com", 8443});
  CHECK(path == "/v1beta");
  CHECK(origin->text() == "https://example.com:8443");
  CHECK(origin->authority() == "example.com:8443");
}

TEST_CASE("an origin's usual port is not shown") {
  CHECK(Origin::parse("https://example.com")->text() == "https://example.com");
  CHECK(Origin::parse("http://example.com/")->authority() == "example.com");
  CHECK(Origin::parse("http://example.com:443")->authority() == "example.com:443");
}

TEST_CASE("an origin may be an IPv6 address") {
  const auto origin = Origin::parse("http://[2001:db8::1]:8080");
  REQUIRE(origin.has_value());
  CHECK(origin->host == "2001:db8::1");
  CHECK(origin->authority() == "[2001:db8::1]:8080");
  CHECK(Origin::parse("https://[::1]")->authority() == "[::1]");
}

TEST_CASE("a malformed origin is refused with what is wrong") {
  CHECK(problem("example.com") == "\"example.com\" does not begin with https:// or http://");
  CHECK(problem("ftp://example.com") == "\"ftp://example.com\" does not begin with https:// or http://");
  CHECK(problem("http://example.com:70000") ==
        "http://example.com:70000: \"70000\" is no port from 1 to 65535");
  CHECK(problem("http://example.com:") == "http://example.com:: \"\" is no port from 1 to 65535");
  CHECK(problem("http://") == "http://: \"\" is no host name or address");
  CHECK(problem("http://a b") == "http://a b: \"a b\" is no host name or address");
  CHECK(problem("http://[::1") == "http://[::1: \"[\" without \"]\"");
  CHECK(problem("http://[zz]") == "http://[zz]: \"zz\" is no IPv6 address");
  CHECK(problem("http://host?x=1") == "\"http://host?x=1\" must end before \"?\" or \"#\"");
  CHECK(problem("http://host/path") == "\"http://host/path\" must end after the host and port");
  CHECK(problem("https://user:secret@host") ==
        "an address with user or password (\"@\") is not supported here");
}

TEST_CASE("a proxy is read from a URL with its user and password") {
  const auto proxy = Proxy::parse("socks5://us%40er:p%3Aw@10.0.0.1:9050");
  REQUIRE(proxy.has_value());
  CHECK(proxy->kind == Proxy::Kind::socks5);
  CHECK(proxy->host == "10.0.0.1");
  CHECK(proxy->port == 9050);
  CHECK(proxy->user == "us@er");
  CHECK(proxy->password == "p:w");
  CHECK(proxy->text() == "socks5://10.0.0.1:9050");
}

TEST_CASE("a proxy's port may be left out") {
  CHECK(Proxy::parse("http://proxy")->port == 80);
  CHECK(Proxy::parse("socks5h://proxy/")->port == 1080);
}

TEST_CASE("the error about a proxy never shows its password") {
  for (const std::string url :
       {"https://u:secret@host", "http://u:secret@host:port", "http://u:secret@", "http://u:secret%@host",
        "http://u:sec/secret@host:1", "u:secret@host", "http://u:secret@host/path"}) {
    const auto proxy = Proxy::parse(url);
    REQUIRE_FALSE(proxy.has_value());
    CHECK(proxy.error().message.find("secret") == std::string::npos);
  }
}
