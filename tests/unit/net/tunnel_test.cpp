// Outgoing proxies, as small as they can be told: each answers the test's script and then relays by echoing.
#include "net/tunnel.h"

#include "base/digest.h"
#include "catch.h"
#include "net/test_loop.h"

using namespace pollux;
using namespace pollux::test;
using namespace std::chrono_literals;

namespace {

// Plays one side of a conversation: what must come, and what is said then.
struct Line {
  std::string expected, answer;
};

class ScriptedProxy {
 public:
  ScriptedProxy(TestLoop& loop, std::vector<Line> script)
      : loop_(loop), door_(loop), script_(std::move(script)) {}

  Proxy proxy(Proxy::Kind kind, const std::string& user = "", const std::string& password = "") const {
    return {kind, "127.0.0.1", door_.port(), user, password};
  }
  // Runs until the attempt through this proxy is over.
  void serve(const Origin& origin, const Proxy& proxy, const ConnectLimits& limits = {}) {
    connecting_ = connect(loop_, origin, nullptr, proxy, limits, outcome);
    REQUIRE(loop_.wait_until([this] {
      step();
      return outcome.over();
    }));
  }

  ConnectRecorder outcome;
  Recorder seen;

 private:
  void step() {
    if (door_.accepted.empty()) return;
    door_.accepted.front()->set_events(&seen);
    if (at_ >= script_.size() || seen.data != script_[at_].expected) return;
    seen.data.clear();
    door_.accepted.front()->write(script_[at_++].answer);
  }

  TestLoop& loop_;
  Door door_;
  std::vector<Line> script_;
  std::size_t at_ = 0;
  std::unique_ptr<Connecting> connecting_;
};

std::string bytes(std::initializer_list<int> values) {
  std::string all;
  for (const int value : values) all += static_cast<char>(value);
  return all;
}

const Origin origin{false, "example.com", 8080};
const std::string connected = bytes({5, 0, 0, 1, 10, 0, 0, 1, 0, 80});
const std::string asked = bytes({5, 1, 0, 3, 11}) + "example.com" + bytes({31, 144});

}  // namespace

TEST_CASE("an http proxy is asked to connect, with user and password") {
  TestLoop loop;
  ScriptedProxy script(loop, {{"CONNECT example.com:8080 HTTP/1.1\r\nHost: example.com:8080\r\n"
                               "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n",
                               "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"}});
  script.serve(origin, script.proxy(Proxy::Kind::http, "user", "pass"));

  REQUIRE(script.outcome.stream != nullptr);
  script.outcome.stream->write("through");
  CHECK(loop.wait_until([&] { return script.seen.data == "through"; }));
}

TEST_CASE("an http proxy's refusal names it, without the password") {
  TestLoop loop;
  ScriptedProxy script(loop, {{"CONNECT example.com:8080 HTTP/1.1\r\nHost: example.com:8080\r\n"
                               "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n",
                               "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"}});
  const auto proxy = script.proxy(Proxy::Kind::http, "user", "pass");
  script.serve(origin, proxy);

  REQUIRE(script.outcome.failed);
  CHECK(script.outcome.error.kind == NetError::Kind::proxy);
  CHECK(script.outcome.error.message == "cannot reach example.com:8080 through " + proxy.text() +
                                            ": the proxy asks for another user and password (407)");
}

TEST_CASE("what is no http proxy is told so") {
  TestLoop loop;
  const std::string request = "CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n";
  std::string answer, reason;
  SECTION("another protocol") {
    answer = "220 mail.example.com ESMTP ready\r\n\r\n";
    reason = "the proxy does not speak HTTP";
  }
  SECTION("another status") {
    answer = "HTTP/1.1 502 Bad Gateway\r\n\r\n";
    reason = "the proxy answered CONNECT with status 502";
  }
  SECTION("an endless head") {
    answer = "HTTP/1.1 200 OK\r\nx: " + std::string(20'000, 'x');
    reason = "the proxy's answer is too long";
  }
  SECTION("bytes too many") {
    answer = "HTTP/1.1 200 OK\r\n\r\nhello";
    reason = "the proxy sent more than its answer";
  }
  ScriptedProxy script(loop, {{request, answer}});
  script.serve({false, "::1", 8080}, script.proxy(Proxy::Kind::http));

  REQUIRE(script.outcome.failed);
  CHECK(script.outcome.error.message.find(reason) != std::string::npos);
}

TEST_CASE("a proxy that does not answer is given up at the limit") {
  TestLoop loop;
  ScriptedProxy script(loop, {});
  script.serve(origin, script.proxy(Proxy::Kind::http), {.connect = 50ms});

  REQUIRE(script.outcome.failed);
  CHECK(script.outcome.error.kind == NetError::Kind::timeout);
}

TEST_CASE("a proxy that cannot be reached is an error of the proxy") {
  TestLoop loop;
  Proxy proxy{Proxy::Kind::socks5, "127.0.0.1", 0, "", ""};
  {
    const Door door(loop);
    proxy.port = door.port();
  }
  ConnectRecorder outcome;
  const auto connecting = connect(loop, origin, nullptr, proxy, {}, outcome);

  REQUIRE(loop.wait_until([&] { return outcome.over(); }));
  CHECK(outcome.error.kind == NetError::Kind::proxy);
  CHECK(outcome.error.message ==
        "cannot reach example.com:8080 through " + proxy.text() + ": connection refused");
}

TEST_CASE("a socks5 proxy is asked by name") {
  TestLoop loop;
  ScriptedProxy script(loop, {{bytes({5, 1, 0}), bytes({5, 0})}, {asked, connected}});
  script.serve(origin, script.proxy(Proxy::Kind::socks5));

  REQUIRE(script.outcome.stream != nullptr);
  script.outcome.stream->write("through");
  CHECK(loop.wait_until([&] { return script.seen.data == "through"; }));
}

TEST_CASE("a socks5 proxy is asked by address, with user and password") {
  TestLoop loop;
  const std::string with_name = bytes({5, 0, 0, 3, 4}) + "name" + bytes({0, 80});
  ScriptedProxy script(loop, {{bytes({5, 2, 0, 2}), bytes({5, 2})},
                              {bytes({1, 4}) + "user" + bytes({4}) + "pass", bytes({1, 0})},
                              {bytes({5, 1, 0, 1, 192, 0, 2, 1, 31, 144}), with_name}});
  script.serve({false, "192.0.2.1", 8080}, script.proxy(Proxy::Kind::socks5, "user", "pass"));

  CHECK(script.outcome.stream != nullptr);
}

TEST_CASE("a socks5 proxy's refusal is put into words") {
  TestLoop loop;
  std::vector<Line> lines;
  std::string user, reason;
  SECTION("of the connection") {
    lines = {{bytes({5, 1, 0}), bytes({5, 0})}, {asked, bytes({5, 5})}};
    reason = "connection refused to the proxy";
  }
  SECTION("of the password") {
    user = "user";
    lines = {{bytes({5, 2, 0, 2}), bytes({5, 2})}, {bytes({1, 4}) + "user" + bytes({0}), bytes({1, 1})}};
    reason = "the proxy does not accept the user and password";
  }
  SECTION("of a stranger") {
    lines = {{bytes({5, 1, 0}), bytes({5, 255})}};
    reason = "the proxy asks for a user and password";
  }
  SECTION("by another protocol") {
    lines = {{bytes({5, 1, 0}), "HTTP/1.1 400 Bad Request\r\n\r\n"}};
    reason = "the proxy does not speak SOCKS5";
  }
  ScriptedProxy script(loop, lines);
  script.serve(origin, script.proxy(Proxy::Kind::socks5, user));

  REQUIRE(script.outcome.failed);
  CHECK(script.outcome.error.kind == NetError::Kind::proxy);
  CHECK(script.outcome.error.message.find(reason) != std::string::npos);
}
