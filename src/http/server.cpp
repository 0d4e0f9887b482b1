#include "http/server.h"

#include <utility>
#include <vector>

#include "http/server_connection.h"

namespace pollux {
namespace {

class LoopServer final : public HttpServer, private ServerShared, private Flushable {
 public:
  LoopServer(Loop& on_loop, Gate& for_gate, const ServerLimits& within)
      : ServerShared(on_loop, for_gate, within) {}
  ~LoopServer() override {
    on_empty_ = nullptr;
    while (!connections_.empty()) connections_.back()->close();
    loop.forget(*this);
  }

  void serve(std::unique_ptr<Stream> stream, bool tls) override {
    const bool full = connections_.size() >= limits.connections;
    ServerShared& shared = *this;
    connections_.push_back(std::make_unique<ServerConnection>(shared, std::move(stream), tls));
    auto& connection = *connections_.back();
    connection.place = connections_.size() - 1;
    if (full) return connection.turn_away(503, "too many connections");
    if (draining) return connection.turn_away(503, "shutting down");
    connection.begin();
  }

  void drain(std::function<void()> on_empty) override {
    draining = true;
    on_empty_ = std::move(on_empty);
    for (auto at = connections_.size(); at-- > 0;)
      connections_[at]->drain();  // Those that close leave the list.
    if (connections_.empty()) loop.flush_later(*this);
  }

  std::size_t connections() const override { return connections_.size(); }

 private:
  void on_closed(ServerConnection& connection) override {
    auto& place = connections_[connection.place];
    loop.retire(std::shared_ptr<ServerConnection>(std::move(place)));
    if (&place != &connections_.back()) {
      place = std::move(connections_.back());
      place->place = connection.place;
    }
    connections_.pop_back();
    if (draining && connections_.empty()) loop.flush_later(*this);
  }

  void flush() override {
    if (!connections_.empty()) return;
    if (const auto told = std::exchange(on_empty_, nullptr)) told();
  }

  std::vector<std::unique_ptr<ServerConnection>> connections_;
  std::function<void()> on_empty_;
};

}  // namespace

std::unique_ptr<HttpServer> HttpServer::create(Loop& loop, Gate& gate, const ServerLimits& limits) {
  return std::make_unique<LoopServer>(loop, gate, limits);
}

}  // namespace pollux
