// One worker: a thread with an event loop, its own HTTP server, upstream connections and policies, on the
// shared port.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "admin/admin.h"
#include "gateway/gateway.h"
#include "gateway/health_clock.h"
#include "http/server.h"
#include "net/listener.h"
#include "script/google_fetch.h"

namespace pollux {

// What all workers share; outlives them.
struct Shared {
  const Settings& settings;
  const Clock& clock;
  KeyPool& pool;
  Clients& clients;
  SharedTable& shared_table;
  SharedTable& cache;
  Store& store;
  RequestLog& requests;
  PolicyLibrary& policies;
  const Upstream& upstream;
  HeldBodies& held_bodies;
  ExchangeSink& sink;
  const AdminAccount& account;
  const std::string& upload_secret;
  std::shared_ptr<TlsClientContext> tls_client;
  std::shared_ptr<TlsServerContext> tls_server;  // Null: plain HTTP.
  std::string_view version;
};

class Worker final : private Gate {
 public:
  Worker(const Shared& shared, std::size_t number);
  ~Worker() override;

  // Binds the port; port 0 takes a free one.
  Result<std::uint16_t> listen(std::uint16_t port);
  void start();

  // Stops listening, lets running exchanges finish, and calls `on_empty` on the worker's thread. Safe from
  // any thread.
  void drain(std::function<void()> on_empty);
  // Ends the loop, cutting what still runs, and waits for the thread. From the thread that started it.
  void stop();

 private:
  std::unique_ptr<RequestHandler> accept(RequestHead head, BodyLength body, const ClientInfo& client,
                                         Reply& reply) override;
  std::string refuse(int status, std::string_view message, std::string_view target,
                     Headers& headers) override;

  const Shared& shared_;
  Loop loop_;
  std::unique_ptr<HttpClient> client_;
  GoogleAddress google_;
  PolicyHost host_;
  Gateway gateway_;
  Admin admin_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<HealthClock> health_clock_;  // One worker's alone.
  std::thread thread_;
};

}  // namespace pollux
