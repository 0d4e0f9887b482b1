// A server with one client, played by the test.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "fake_stream.h"
#include "http/server.h"
#include "scripted_gate.h"

namespace pollux {

struct ServerPlay {
  explicit ServerPlay(const ServerLimits& limits = {}) : server(HttpServer::create(loop, gate, limits)) {
    join(client);
  }
  ~ServerPlay() {
    server.reset();
    turn(loop);
  }

  void join(FakePeer& peer) {
    server->serve(peer.stream(loop), false);
    turn(loop);
  }
  void says(std::string_view bytes) {
    client.says(bytes);
    turn(loop);
  }
  // What came back since the last time, without the Date line.
  std::string answer() {
    turn(loop);
    auto text = std::exchange(client.seen, {});
    for (auto at = text.find("Date: "); at != std::string::npos; at = text.find("Date: "))
      text.erase(at, text.find("\r\n", at) + 2 - at);
    return text;
  }
  Seen& request(std::size_t at = 0) { return *gate.requests.at(at); }

  Loop loop;
  ScriptedGate gate;
  FakePeer client;
  std::unique_ptr<HttpServer> server;
};

inline const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

inline std::string post(std::string_view body, std::string_view more = "") {
  return "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}

inline std::string ok(std::string_view body, std::string_view connection = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(connection) + "\r\n" + std::string(body);
}

inline bool begins_with(const std::string& text, std::string_view start) {
  return text.compare(0, start.size(), start) == 0;
}
inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace pollux
