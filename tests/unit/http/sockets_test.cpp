// The server and the client of this layer talk to each other over real sockets.
#include "catch.h"
#include "fake_stream.h"
#include "http/client.h"
#include "http/server.h"
#include "net/listener.h"
#include "scripted_gate.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

struct Answer final : ResponseEvents {
  int status = 0;
  std::uint64_t bytes = 0;
  std::string body;
  bool ended = false;
  bool keep_body = true;
  std::optional<TransportError> error;
  int drained = 0;
  std::function<void()> at_body, at_end, at_drained;

  void on_response_head(ResponseHead& head, BodyLength) override { status = head.status; }
  void on_response_body(std::string_view piece) override {
    bytes += piece.size();
    if (keep_body) body += piece;
    if (at_body) at_body();
  }
  void on_response_end() override {
    ended = true;
    if (at_end) at_end();
  }
  void on_response_error(const TransportError& what) override { error = what; }
  void on_request_drained() override {
    ++drained;
    if (at_drained) at_drained();
  }
  bool over() const { return ended || error; }
};

struct Play {
  Play() : server(HttpServer::create(loop, gate, {})), client(HttpClient::create(loop, nullptr, {})) {
    auto made = Listener::create(loop, "127.0.0.1", 0, nullptr, [this](std::unique_ptr<Stream> stream) {
      server->serve(std::move(stream), false);
    });
    REQUIRE(made);
    listener = std::move(*made);
    origin.tls = false;
    origin.host = "127.0.0.1";
    origin.port = listener->port();
    get.method = "GET";
    get.target = "/a";
    post.method = "POST";
    post.target = "/p";
  }
  ~Play() {
    listener.reset();
    client.reset();
    server.reset();
    turn(loop);
  }
  std::unique_ptr<ClientRequest> start(const OutgoingRequest& request, Answer& answer) {
    return client->start(origin, std::nullopt, request, answer);
  }

  Loop loop;
  ScriptedGate gate;
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<Listener> listener;
  Origin origin;
  OutgoingRequest get, post;
};

}  // namespace

TEST_CASE("requests follow each other on one connection") {
  Play play;
  for (int i = 0; i < 20; ++i) {
    Answer answer;
    auto request = play.start(play.get, answer);
    REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
    CHECK(answer.body == "/a");
  }
  CHECK(play.server->connections() == 1);
  CHECK(play.client->idle_connections() == 1);
}

TEST_CASE("a connection that the server closed while idle is replaced") {
  Play play;
  Answer first, second;
  auto request = play.start(play.get, first);
  REQUIRE(run_until(play.loop, [&] { return first.over(); }));
  play.server = HttpServer::create(play.loop, play.gate, {});  // The old one closes what it has.

  request = play.start(play.get, second);
  REQUIRE(run_until(play.loop, [&] { return second.over(); }));
  CHECK(second.body == "/a");
}

TEST_CASE("large bodies flow both ways while the receiver stops again and again") {
  Play play;
  const std::size_t size = 5'000'000;
  std::string large(size, 'x');
  for (std::size_t at = 0; at < size; at += 997) large[at] = static_cast<char>('a' + at % 26);
  play.gate.on_body = [&](Seen&, Reply& reply) {
    reply.pause_body();
    play.loop.post([&reply] { reply.resume_body(); });
  };
  play.gate.on_body_end = [](Seen& seen, Reply& reply) {
    reply.start(200, {}, BodyLength::unknown());
    reply.body(seen.body);
    reply.finish();
  };
  play.post.body = large;
  Answer answer;
  std::unique_ptr<ClientRequest> request;
  answer.at_body = [&] {
    request->pause();
    play.loop.post([&] { request->resume(); });
  };
  request = play.start(play.post, answer);
  REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
  turn(play.loop);
  CHECK(answer.body == large);
}

TEST_CASE("a streamed body waits for the one who takes it") {
  Play play;
  play.gate.on_begin = {};
  play.gate.on_body_end = [](Seen& seen, Reply& reply) {
    reply.send(200, {}, std::to_string(seen.body.size()));
  };
  play.post.streamed_length = BodyLength::unknown();
  Answer answer;
  auto request = play.start(play.post, answer);
  const std::string piece(50'000, 'x');
  std::size_t sent = 0;
  const auto send_until_full = [&] {
    while (sent < 200 && request->queued_bytes() < 100'000) {
      request->send_body(piece);
      ++sent;
    }
    if (sent == 200) request->end_body();
  };
  answer.at_drained = send_until_full;
  send_until_full();
  run_until(play.loop, [&] { return !play.gate.requests.empty(); });
  for (int i = 0; i < 50; ++i) turn(play.loop);
  CHECK(sent < 200);  // It stands in the sockets' buffers: nobody has asked for it.

  play.gate.requests.at(0)->reply->resume_body();
  REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
  CHECK(answer.body == "10000000");
}

TEST_CASE("an answer that nobody reads holds the one who sends it") {
  Play play;
  play.gate.on_begin = {};
  Answer answer;
  answer.keep_body = false;
  std::unique_ptr<ClientRequest> request;
  bool stopped = false;
  answer.at_body = [&] {
    if (!std::exchange(stopped, true)) request->pause();
  };
  request = play.start(play.get, answer);
  REQUIRE(run_until(play.loop, [&] { return !play.gate.requests.empty(); }));
  auto& reply = *play.gate.requests.at(0)->reply;
  const std::string piece(50'000, 'x');
  std::size_t sent = 0;
  const auto send_until_full = [&](Seen&, Reply& to) {
    while (sent < 400 && to.queued_bytes() < 100'000) {
      to.body(piece);
      ++sent;
    }
    if (sent == 400) to.finish();
  };
  play.gate.on_drained = send_until_full;
  reply.start(200, {}, BodyLength::unknown());
  send_until_full(*play.gate.requests.at(0), reply);
  for (int i = 0; i < 50; ++i) turn(play.loop);
  CHECK(sent < 400);

  request->resume();
  REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
  CHECK(answer.bytes == 20'000'000);
}

TEST_CASE("a request that is given up is noticed on the other side") {
  Play play;
  play.gate.on_begin = {};
  Answer answer;
  auto request = play.start(play.get, answer);
  REQUIRE(run_until(play.loop, [&] { return !play.gate.requests.empty(); }));
  request.reset();
  CHECK(run_until(play.loop, [&] { return play.gate.requests.at(0)->client_gone; }));
}

TEST_CASE("an answer that is broken off is noticed on the other side") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) {
    reply.start(200, {}, BodyLength::unknown());
    reply.body("abc");
    reply.abort();
  };
  Answer answer;
  auto request = play.start(play.get, answer);
  REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
  REQUIRE(answer.error);
  CHECK(answer.error->kind == TransportError::Kind::truncated);
  CHECK(answer.body == "abc");
}

TEST_CASE("a refusal reaches a client that is still sending") {
  Play play;
  play.gate.on_begin = [](Seen&, Reply& reply) { reply.send(413, {}, "too large"); };
  const std::string large(3'000'000, 'x');
  play.post.body = large;
  Answer answer;
  auto request = play.start(play.post, answer);
  REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
  CHECK(answer.status == 413);
  CHECK(answer.body == "too large");
}

TEST_CASE("an origin that is not there") {
  Play play;
  play.listener.reset();
  turn(play.loop);
  Answer answer;
  auto request = play.start(play.get, answer);
  REQUIRE(run_until(play.loop, [&] { return answer.over(); }));
  REQUIRE(answer.error);
  CHECK(answer.error->kind == TransportError::Kind::connect);
}
