// One worker: a thread with an event loop, its own HTTP server, upstream connections and policies, on the
// shared port.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "admin/admin.h"
#include "admin/key_checks.h"
#include "admin/sessions.h"
#include "admin/sign_in_throttle.h"
#include "admin/web_files.h"
#include "app/live_settings.h"
#include "gateway/gateway.h"
#include "gateway/health_clock.h"
#include "http/server.h"
#include "net/listener.h"
#include "script/google_fetch.h"

namespace pollux {

// What all workers share; outlives them.
struct Shared {
  LiveSettings& settings;
  const Clock& clock;
  KeyPool& pool;
  Clients& clients;
  SharedTable& shared_table;
  SharedTable& cache;
  Store& store;
  RequestLog& requests;
  PolicyLibrary& policies;
  LiveFeed& feed;
  MetricsReporter& metrics;
  JobThread& jobs;
  HeldBodies& held_bodies;
  ExchangeSink& sink;
  const AdminAccount& account;
  Sessions& sessions;
  SignInThrottle& throttle;
  KeyChecks& key_checks;
  const std::string& upload_secret;
  std::shared_ptr<TlsClientContext> tls_client;
  std::shared_ptr<TlsServerContext> tls_server;  // Null: plain HTTP.
  std::string_view version;
};

class Worker final : private Gate {
 public:
  Worker(const Shared& shared, const Upstream& upstream, std::size_t number);
  ~Worker() override;

  // Binds the port; port 0 takes a free one.
  Result<std::uint16_t> listen(std::uint16_t port);
  void start();

  // Goes by these settings from now on, and then calls `done` on the worker's thread. Safe from any thread.
  void adopt(std::shared_ptr<const Settings> settings, std::function<void()> done);
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
  Settings settings_;  // Changed on the loop's thread only, as what follows from it.
  Upstream upstream_;
  std::unique_ptr<HttpClient> client_;
  GoogleAddress google_;
  PolicyHost host_;
  Gateway gateway_;
  Admin admin_;
  WebFiles web_files_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<HealthClock> health_clock_;  // One worker's alone.
  std::unique_ptr<KeyChecker> key_checker_;    // Likewise.
  std::thread thread_;
};

}  // namespace pollux
