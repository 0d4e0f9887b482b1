#include "app/worker.h"

#include "admin/page.h"
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

Worker::Worker(const Shared& shared, const Upstream& upstream, std::size_t number)
    : shared_(shared),
      settings_(*shared.settings.current()),
      upstream_(upstream),
      client_(HttpClient::create(loop_, shared.tls_client, client_limits(settings_))),
      google_{upstream_.gemini, upstream_.gemini_prefix, upstream_.proxies},
      host_{&loop_,        client_.get(), &shared.pool, &shared.clients, &shared.shared_table,
            &shared.cache, &shared.clock, &settings_,   &google_},
      gateway_{
          .loop = loop_,
          .client = *client_,
          .pool = shared.pool,
          .policies = shared.policies,
          .host = host_,
          .settings = settings_,
          .upstream = upstream_,
          .clock = shared.clock,
          .held_bodies = shared.held_bodies,
          .sink = shared.sink,
          .worker = number,
          .upload_secret = shared.upload_secret,
      },
      admin_{
          .loop = loop_,
          .settings = settings_,
          .pool = shared.pool,
          .clients = shared.clients,
          .store = shared.store,
          .requests = shared.requests,
          .policies = shared.policies,
          .feed = shared.feed,
          .metrics = shared.metrics,
          .live_settings = shared.settings,
          .jobs = shared.jobs,
          .host = host_,
          .worker = number,
          .account = shared.account,
          .sessions = shared.sessions,
          .throttle = shared.throttle,
          .key_checks = shared.key_checks,
          .clock = shared.clock,
          .version = shared.version,
      },
      web_files_(loop_),
      server_(HttpServer::create(loop_, *this, ServerLimits{})) {
  shared.metrics.watch(loop_);
  if (number > 0) return;
  health_clock_ = std::make_unique<HealthClock>(gateway_);
  key_checker_ = std::make_unique<KeyChecker>(admin_);
}

Worker::~Worker() {
  stop();
  key_checker_.reset();
  health_clock_.reset();
  listener_.reset();
  server_.reset();
  shared_.policies.detach(gateway_.worker);
  client_.reset();
}

Result<std::uint16_t> Worker::listen(std::uint16_t port) {
  const bool tls = shared_.tls_server != nullptr;
  auto listener = Listener::create(
      loop_, settings_.host, port, shared_.tls_server,
      [this, tls](std::unique_ptr<Stream> stream) { server_->serve(std::move(stream), tls); });
  if (!listener) return std::move(listener).error();
  listener_ = *std::move(listener);
  return listener_->port();
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::adopt(std::shared_ptr<const Settings> settings, std::function<void()> done) {
  loop_.post([this, settings = std::move(settings), done = std::move(done)] {
    settings_ = *settings;
    client_->set_limits(client_limits(settings_));
    if (auto upstream = Upstream::from(settings_)) {  // Its parts were checked with the settings.
      upstream_ = *std::move(upstream);
      google_.proxies = upstream_.proxies;
    }
    if (const auto policies = shared_.policies.current(gateway_.worker, host_)) policies->settings_changed();
    if (health_clock_) health_clock_->settings_changed();
    done();
  });
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
  auto path = normal_path(head.target);
  if (is_page_request(head, path))
    return answer_page(web_files_, settings_.web_dir, std::move(head), path, client, reply);
  if (is_admin_path(path)) return answer_admin(admin_, std::move(head), std::move(path), body, client, reply);
  if (head.method == "OPTIONS") {  // Behind this are clients alone, which may be pages of any site.
    Headers headers;
    answer_preflight(head.headers, headers);
    return std::make_unique<FixedAnswer>(reply, 204, std::move(headers));
  }
  auto route = find_route(head.method, head.target, head.headers);
  return std::make_unique<Exchange>(gateway_, std::move(route), std::move(head), body, client, reply);
}

std::string Worker::refuse(int status, std::string_view message, std::string_view target, Headers& headers) {
  OwnError error{status, status == 503 ? "too_many_connections" : "bad_request", std::string(message), {}};
  if (status == 503) error.retry_after = 1;
  return own_error(find_route("GET", target, {}).dialect, error, headers);
}

}  // namespace pollux
