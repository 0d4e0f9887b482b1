// A client whose origins are played by the test.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "catch.h"
#include "fake_stream.h"
#include "http/client.h"
#include "net/connector.h"

namespace pollux {

// Connections that the client asked for and the test has not answered yet.
struct FakeDial;
inline std::deque<FakeDial*> dials;
inline Origin last_origin;

struct FakeDial final : Connecting {
  explicit FakeDial(ConnectEvents& told) : events(told) { dials.push_back(this); }
  ~FakeDial() override { std::erase(dials, this); }
  ConnectEvents& events;
};

// Stands in for the real one, which the linker leaves in its library.
std::unique_ptr<Connecting> connect(
    Loop&, const Origin& origin,
    std::shared_ptr<TlsClientContext>,  // NOLINT(performance-unnecessary-value-param): as it was declared.
    const std::optional<Proxy>&, const ConnectLimits&, ConnectEvents& events) {
  last_origin = origin;
  return std::make_unique<FakeDial>(events);
}

struct PlayedAnswer final : ResponseEvents {
  int status = 0;
  Headers headers;
  BodyLength length;
  std::string body;
  bool ended = false;
  std::optional<TransportError> error;
  int drained = 0;
  std::function<void()> at_head, at_body, at_end, at_error;

  void on_response_head(ResponseHead& head, BodyLength announced) override {
    status = head.status;
    headers = std::move(head.headers);
    length = announced;
    if (at_head) at_head();
  }
  void on_response_body(std::string_view bytes) override {
    body += bytes;
    if (at_body) at_body();
  }
  void on_response_end() override {
    ended = true;
    if (at_end) at_end();
  }
  void on_response_error(const TransportError& what) override {
    error = what;
    if (at_error) at_error();
  }
  void on_request_drained() override { ++drained; }
};

struct ClientPlay {
  explicit ClientPlay(const ClientLimits& limits = {}) : client(HttpClient::create(loop, nullptr, limits)) {
    origin.tls = false;
    origin.host = "up";
    origin.port = 80;
    get.method = "GET";
    get.target = "/a";
    post.method = "POST";
    post.target = "/p";
    post.body = "hello";
  }
  ~ClientPlay() {
    client.reset();
    turn(loop);
  }

  std::unique_ptr<ClientRequest> start(const OutgoingRequest& request, PlayedAnswer& answer) {
    return client->start(origin, std::nullopt, request, answer);
  }
  // The connection that was asked for first comes about, with this peer.
  void connects(FakePeer& peer) {
    REQUIRE(!dials.empty());
    dials.front()->events.on_connected(peer.stream(loop));
    turn(loop);
  }
  void fails(NetError::Kind kind) {
    REQUIRE(!dials.empty());
    dials.front()->events.on_connect_failed({kind, "up: no"});
    turn(loop);
  }
  // A connection that has served one request and waits in the pool.
  void warm_up(FakePeer& peer) {
    PlayedAnswer answer;
    auto request = start(get, answer);
    connects(peer);
    peer.says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(answer.ended);
    REQUIRE(client->idle_connections() == 1);
    peer.seen.clear();
    turn(loop);
  }

  Loop loop;
  Origin origin;
  OutgoingRequest get, post;
  std::unique_ptr<HttpClient> client;
};

inline const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

}  // namespace pollux
