#include "admin/authorization.h"

#include "base/digest.h"
#include "catch.h"

using namespace pollux;

namespace {

const AdminAccount account{"admin", hex(sha256("secret"))};

Headers with(std::initializer_list<std::pair<const char*, const char*>> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

}  // namespace

TEST_CASE("the administrator is who knows the name and the token") {
  CHECK(is_administrator(account, "admin", "secret"));
  for (const auto& [name, token] : {std::pair{"admin", "Secret"},
                                    {"Admin", "secret"},
                                    {"admin", ""},
                                    {"", "secret"},
                                    {"", ""},
                                    {"secret", "admin"}}) {
    CHECK(!is_administrator(account, name, token));
  }
}

TEST_CASE("the fingerprint changes with the name and with the token") {
  const auto now = fingerprint(account);
  CHECK(now == fingerprint({"admin", hex(sha256("secret"))}));
  CHECK(now != fingerprint({"root", hex(sha256("secret"))}));
  CHECK(now != fingerprint({"admin", hex(sha256("other"))}));
}

TEST_CASE("session cookies are found among others, a few of them") {
  using Tokens = std::vector<std::string_view>;
  CHECK(session_tokens({}).empty());
  CHECK(session_tokens(with({{"Cookie", "pollux_session=abc"}})) == Tokens{"abc"});
  CHECK(session_tokens(with({{"cookie", "a=1;pollux_session=abc ; b=2"}, {"Cookie", "pollux_session=d"}})) ==
        Tokens{"abc", "d"});
  CHECK(session_tokens(with({{"Cookie", "xpollux_session=1; pollux_sessions=2; pollux_session; ;=;"}}))
            .empty());
  CHECK(session_tokens(with({{"Cookie",
                              "pollux_session=1;pollux_session=2;pollux_session=3;pollux_session=4;"
                              "pollux_session=5"}}))
            .size() == most_session_cookies);
}

TEST_CASE("where the browser tells from where a request comes, that decides") {
  const auto from = [](const char* site) {
    return is_from_another_origin(with({{"Host", "a"}, {"Origin", "http://b"}, {"Sec-Fetch-Site", site}}));
  };
  CHECK(!from("same-origin"));
  CHECK(!from("none"));
  CHECK(from("same-site"));
  CHECK(from("cross-site"));
  CHECK(from(""));
}

TEST_CASE("where it tells the origin alone, name and port must be the host's") {
  const auto differs = [](const char* host, const char* origin) {
    return is_from_another_origin(with({{"Host", host}, {"Origin", origin}}));
  };
  CHECK(!is_from_another_origin(with({{"Host", "pollux:8000"}})));  // No browser.
  CHECK(!differs("pollux:8000", "http://Pollux:8000"));
  CHECK(!differs("pollux", "http://pollux"));
  CHECK(!differs("pollux", "https://pollux"));
  CHECK(!differs("pollux:80", "http://pollux"));
  CHECK(!differs("pollux", "https://pollux:443"));
  CHECK(!differs("[::1]:8000", "http://[::1]:8000"));

  CHECK(differs("pollux:8000", "http://pollux:9000"));
  CHECK(differs("pollux:8000", "http://pollux"));
  CHECK(differs("pollux", "http://pollux:9000"));
  CHECK(differs("pollux:8000", "http://evil"));
  CHECK(differs("pollux", "http://pollux.evil"));
  CHECK(differs("[::1]:8000", "http://[::2]:8000"));
  CHECK(differs("pollux", "null"));
  CHECK(differs("pollux", "pollux"));
  CHECK(differs("pollux", "file://pollux"));
  CHECK(differs("pollux", "http://pollux:x"));
  CHECK(differs("", "http://"));
  CHECK(is_from_another_origin(with({{"Origin", "http://pollux"}})));
}

TEST_CASE("a proxy in front may leave out the port, or name the host in its own way") {
  CHECK(!is_from_another_origin(
      with({{"Host", "gate"}, {"Origin", "https://gate:8443"}, {"X-Forwarded-Proto", "https"}})));
  CHECK(!is_from_another_origin(
      with({{"Host", "127.0.0.1:8000"}, {"Origin", "https://gate"}, {"X-Forwarded-Host", "gate, inner"}})));
  CHECK(is_from_another_origin(
      with({{"Host", "127.0.0.1:8000"}, {"Origin", "https://evil"}, {"X-Forwarded-Host", "gate"}})));
  CHECK(is_from_another_origin(
      with({{"Host", "gate:8443"}, {"Origin", "https://gate:9443"}, {"X-Forwarded-Proto", "https"}})));
}

TEST_CASE("a browser that opens an address is told from a page that calls it") {
  CHECK(is_navigation(with({{"Sec-Fetch-Mode", "navigate"}})));
  CHECK(is_navigation(with({{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}})));
  CHECK(!is_navigation(with({{"Sec-Fetch-Mode", "cors"}, {"Accept", "text/html"}})));
  CHECK(!is_navigation(with({{"Accept", "*/*"}})));
  CHECK(!is_navigation({}));
}

TEST_CASE("only who can use its dialog is asked for Basic") {
  const auto asks_for_basic = [](const Headers& headers) { return challenge(headers).starts_with("Basic"); };
  CHECK(asks_for_basic({}));
  CHECK(asks_for_basic(with({{"Accept", "*/*"}})));
  CHECK(asks_for_basic(with({{"Sec-Fetch-Mode", "navigate"}, {"Accept", "text/html"}})));
  CHECK(!asks_for_basic(with({{"Sec-Fetch-Mode", "cors"}, {"Accept", "*/*"}})));
  CHECK(!asks_for_basic(with({{"X-Requested-With", "pollux"}, {"Accept", "application/json"}})));
  CHECK(!asks_for_basic(with({{"Accept", "text/event-stream"}})));
}

TEST_CASE("a connection is encrypted where it is, or where a proxy says so") {
  CHECK(is_encrypted({}, {.remote_address = "::1", .tls = true}));
  CHECK(is_encrypted(with({{"X-Forwarded-Proto", "HTTPS, http"}}), {}));
  CHECK(!is_encrypted(with({{"X-Forwarded-Proto", "http"}}), {}));
  CHECK(!is_encrypted({}, {}));
}
