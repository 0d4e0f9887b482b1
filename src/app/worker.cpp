#include "app/worker.h"

#include "gateway/exchange.h"
#include "gateway/own_answer.h"

namespace pollux {
namespace {

// An answer that is known as soon as the head has come.
class FixedAnswer final : public RequestHandler {
 public:
  FixedAnswer(Reply& reply, int status, Headers headers)
      : reply_(reply), status_(status), headers_(std::move(headers)) {}
  void on_begin() override { reply_.send(status_, headers_, {}); }
  void on_body(std::string_view) override {}
  void on_body_end() override {}
  void on_drained() override {}
  void on_client_gone() override {}

 private:
  Reply& reply_;
  int status_;
  Headers headers_;
};

ClientLimits client_limits(const Settings& settings) {
  ClientLimits limits;
  limits.first_byte = settings.time_out;
  limits.between_bytes = settings.time_out;
  return limits;
}

}  // namespace

Worker::Worker(const Shared& shared, std::size_t number)
    : shared_(shared),
      client_(HttpClient::create(loop_, shared.tls_client, client_limits(shared.settings))),
      google_{shared.upstream.gemini, shared.upstream.gemini_prefix, shared.upstream.proxies},
      host_{&loop_,        client_.get(), &shared.pool,     &shared.clients, &shared.shared_table,
            &shared.cache, &shared.clock, &shared.settings, &google_},
      gateway_{
          .loop = loop_,
          .client = *client_,
          .pool = shared.pool,
          .policies = shared.policies,
          .host = host_,
          .settings = shared.settings,
          .upstream = shared.upstream,
          .clock = shared.clock,
          .held_bodies = shared.held_bodies,
          .sink = shared.sink,
          .worker = number,
          .upload_secret = shared.upload_secret,
      },
      admin_{
          .loop = loop_,
          .settings = shared.settings,
          .pool = shared.pool,
          .clients = shared.clients,
          .store = shared.store,
          .requests = shared.requests,
          .policies = shared.policies,
          .host = host_,
          .worker = number,
          .account = shared.account,
          .clock = shared.clock,
          .version = shared.version,
      },
      server_(HttpServer::create(loop_, *this, ServerLimits{})) {
  if (number == 0) health_clock_ = std::make_unique<HealthClock>(gateway_);
}

Worker::~Worker() {
  stop();
  health_clock_.reset();
  listener_.reset();
  server_.reset();
  shared_.policies.detach(gateway_.worker);
  client_.reset();
}

Result<std::uint16_t> Worker::listen(std::uint16_t port) {
  const bool tls = shared_.tls_server != nullptr;
  auto listener = Listener::create(
      loop_, shared_.settings.host, port, shared_.tls_server,
      [this, tls](std::unique_ptr<Stream> stream) { server_->serve(std::move(stream), tls); });
  if (!listener) return std::move(listener).error();
  listener_ = *std::move(listener);
  return listener_->port();
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::drain(std::function<void()> on_empty) {
  loop_.post([this, on_empty = std::move(on_empty)]() mutable {
    listener_.reset();
    server_->drain(std::move(on_empty));
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

std::unique_ptr<RequestHandler> Worker::accept(RequestHead head, BodyLength body, const ClientInfo& client,
                                               Reply& reply) {
  if (head.method == "OPTIONS") {
    Headers headers;
    answer_preflight(head.headers, headers);
    return std::make_unique<FixedAnswer>(reply, 204, std::move(headers));
  }
  auto path = normal_path(head.target);
  if (is_admin_path(path)) return answer_admin(admin_, std::move(head), std::move(path), body, client, reply);
  auto route = find_route(head.method, head.target, head.headers);
  return std::make_unique<Exchange>(gateway_, std::move(route), std::move(head), body, client, reply);
}

std::string Worker::refuse(int status, std::string_view message, std::string_view target, Headers& headers) {
  OwnError error{status, status == 503 ? "too_many_connections" : "bad_request", std::string(message), {}};
  if (status == 503) error.retry_after = 1;
  return own_error(find_route("GET", target, {}).dialect, error, headers);
}

}  // namespace pollux
