#include "app/serve.h"

#include <sys/resource.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#endif

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "admin/authorization.h"
#include "admin/live_ticker.h"
#include "admin/traffic.h"
#include "app/identity.h"
#include "app/worker.h"
#include "base/log.h"
#include "net/timer.h"
#include "version.h"

namespace pollux {
namespace {

constexpr std::chrono::seconds drain_limit{30};            // For running exchanges after the first signal.
constexpr std::uint64_t held_bodies_bytes = 256ULL << 20;  // Of all workers; see HeldBodies.

// What reading settings, keys and certificates left behind goes back to the system: a third of the heap at
// rest, and the pages of program text that only the start needed. Text that serves is mapped again as it is
// used.
void give_back_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
#ifdef __linux__
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void*) {
        const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        for (int at = 0; at < object->dlpi_phnum; ++at) {
          const auto& segment = object->dlpi_phdr[at];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0 || (segment.p_flags & PF_X) == 0)
            continue;
          const auto begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
          const auto end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
          // NOLINTNEXTLINE(performance-no-int-to-ptr): segments are told as numbers.
          madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
        }
        return 0;
      },
      nullptr);
#endif
}

// A connection costs a file, and an exchange two.
void allow_many_files() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

// Ends the program in order on SIGTERM or SIGINT, at once on the second.
class Signals {
 public:
  Signals(Loop& loop, std::function<void()> on_first) : on_first_(std::move(on_first)) {
    for (const int number : {SIGTERM, SIGINT}) {
      auto signal = std::make_unique<uv_signal_t>();
      uv_signal_init(loop.uv(), signal.get());
      handles_.emplace_back(signal.release());
      handles_.back()->data = this;
      uv_signal_start(handles_.back().get(), &Signals::on_signal, number);
    }
  }

 private:
  static void on_signal(uv_signal_t* handle, int number) {
    auto* self = static_cast<Signals*>(handle->data);
    if (!self) return;
    if (self->seen_) _exit(128 + number);
    self->seen_ = true;
    log_info("stopping: running requests may finish, a second signal ends at once",
             {{"signal", number}, {"limit_s", static_cast<std::int64_t>(drain_limit.count())}});
    self->on_first_();
  }

  std::function<void()> on_first_;
  std::vector<Handle<uv_signal_t>> handles_;
  bool seen_ = false;
};

// The running program: what serve() has built, from its first request to its last.
class Server {
 public:
  Server(Loop& loop, const Shared& shared, PolicyLibrary& policies)
      : loop_(loop), shared_(shared), policies_(policies) {}

  Result<void> start() {
    const auto settings = shared_.settings.current();
    auto upstream = Upstream::from(*settings);
    if (!upstream) return upstream.error();
    std::uint16_t port = settings->port;
    for (int number = 0; number < settings->workers; ++number) {
      workers_.push_back(std::make_unique<Worker>(shared_, *upstream, static_cast<std::size_t>(number)));
      auto bound = workers_.back()->listen(port);
      if (!bound) return std::move(bound).error().within("HOST, PORT");
      port = *bound;
    }
    for (auto& worker : workers_) worker->start();
    policies_.watch(loop_);
    const auto& host = settings->host;
    const auto shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
    log_info((shared_.tls_server ? "listening on https://" : "listening on http://") + shown + ":" +
                 std::to_string(port),
             {{"workers", settings->workers}, {"keys", shared_.pool.size()}});
    return {};
  }

  // Until a signal has come and every exchange is over, or the limit has passed.
  void run() {
    Signals signals(loop_, [this] { drain(); });
    Timer deadline(loop_, [this] {
      log_warn("some requests were still running and are cut now");
      loop_.stop();
    });
    deadline_ = &deadline;
    loop_.run();
    policies_.stop_watching();
  }

  void stop() {
    for (auto& worker : workers_) worker->stop();
  }

  // Has every worker go by these settings; `done` is called on the last one's thread.
  void hand_out(const std::shared_ptr<const Settings>& settings, const std::function<void()>& done) {
    const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
    for (auto& worker : workers_) {
      worker->adopt(settings, [left, done] {
        if (--*left == 0) done();
      });
    }
  }

 private:
  void drain() {
    deadline_->start(drain_limit);
    shared_.feed.close();
    busy_workers_ = workers_.size();
    for (auto& worker : workers_) {
      worker->drain([this] {
        loop_.post([this] {
          if (--busy_workers_ == 0) loop_.stop();
        });
      });
    }
  }

  Loop& loop_;
  const Shared& shared_;
  PolicyLibrary& policies_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Timer* deadline_ = nullptr;
  std::size_t busy_workers_ = 0;
};

// Closes the store while what it gathers from is still there, however run_with_store() ends.
class StoreCloser {
 public:
  StoreCloser(KeyPool& pool, Clients& clients, std::unique_ptr<Store>& store)
      : pool_(pool), clients_(clients), store_(store) {}
  ~StoreCloser() { close(); }
  StoreCloser(const StoreCloser&) = delete;
  StoreCloser& operator=(const StoreCloser&) = delete;

  // What ends later tells nobody.
  void close() {
    pool_.set_observer(nullptr);
    clients_.set_observer(nullptr);
    store_.reset();
  }

 private:
  KeyPool& pool_;
  Clients& clients_;
  std::unique_ptr<Store>& store_;
};

// Where the owner saves policies: there from the start, so that nobody has to make it. Where that fails, it
// may still come later.
void make_policies_folder(const Settings& settings) {
  std::error_code failed;
  if (settings.policies_dir == settings.data_dir + "/policies")
    std::filesystem::create_directory(settings.policies_dir, failed);
}

int fail(const Error& error) {
  log_error("cannot start: " + error.message);
  log_stop();
  return 1;
}

int run_with_store(SettingsReading reading, std::unique_ptr<Store> store) {
  LiveSettings live_settings(std::move(reading), *store);
  live_settings.on_settings_changed([](const Settings& now) { log_set_level(now.log.level); });
  const auto at_start = live_settings.current();
  const auto& settings = *at_start;
  const SystemClock clock;
  KeyKeeper keeper(*store);
  const auto pool = KeyPool::create(clock);
  pool->set_observer(&keeper);
  LiveFeed feed;
  ClientKeeper client_keeper(*store, feed);
  const auto clients = Clients::create();
  clients->set_observer(&client_keeper);
  fill_clients(*clients, *store, settings, {clock.wall(), clock.monotonic()});
  const auto account = find_admin(*store, settings);
  fill_pool(*pool, *store, *clients, account, settings);
  Sessions sessions(*store, fingerprint(account), clock);
  SignInThrottle throttle(clock);
  KeyChecks key_checks;
  const auto upload_secret = find_or_make_secret(*store, "upload_secret");
  store->gather_states([&] {
    auto state = pool->take_changes();
    state.clients = clients->take_changes({clock.wall(), clock.monotonic()});
    return state;
  });
  StoreCloser closer(*pool, *clients, store);

  auto tls_client = TlsClientContext::create(settings.upstream_ca_file);
  if (!tls_client) return fail(std::move(tls_client).error().within("UPSTREAM_CA_FILE"));
  std::shared_ptr<TlsServerContext> tls_server;
  if (!settings.tls_cert_file.empty()) {
    auto created = TlsServerContext::create(settings.tls_cert_file, settings.tls_key_file);
    if (!created) return fail(std::move(created).error().within("TLS_CERT_FILE, TLS_KEY_FILE"));
    tls_server = *std::move(created);
  }

  const auto shared_table = SharedTable::create(clock);
  const auto cache = SharedTable::create_cache(clock);
  const PolicyHost host{nullptr,     nullptr, pool.get(), clients.get(), shared_table.get(),
                        cache.get(), &clock,  &settings};
  make_policies_folder(settings);
  const auto policies = PolicyLibrary::create({settings.policies_dir, settings.shipped_policies_dir},
                                              static_cast<std::size_t>(settings.workers), host);
  if (auto loaded = policies->load_at_start(); !loaded)
    return fail(std::move(loaded).error().within("policies"));

  JobThread jobs;
  HeldBodies held_bodies(held_bodies_bytes);
  Loop main_loop;
  Metrics metrics;
  RequestLog requests(settings.data_dir, clock, RequestLogLimits::from(settings));
  live_settings.on_settings_changed([&](const Settings& now) {
    requests.configure(RequestLogLimits::from(now));
    feed.publish("settings", "{}");
  });
  Traffic traffic(metrics, *clients, requests, feed, clock);
  LiveTicker ticker(main_loop, feed, {metrics, *pool, *policies, clock});
  MetricsReporter reporter(main_loop,
                           {metrics, feed, *pool, *store, requests, *policies, clock, POLLUX_VERSION});
  const Shared shared{
      .settings = live_settings,
      .clock = clock,
      .pool = *pool,
      .clients = *clients,
      .shared_table = *shared_table,
      .cache = *cache,
      .store = *store,
      .requests = requests,
      .policies = *policies,
      .feed = feed,
      .metrics = reporter,
      .jobs = jobs,
      .held_bodies = held_bodies,
      .sink = traffic,
      .account = account,
      .sessions = sessions,
      .throttle = throttle,
      .key_checks = key_checks,
      .upload_secret = upload_secret,
      .tls_client = *tls_client,
      .tls_server = tls_server,
      .version = POLLUX_VERSION,
  };
  Server server(main_loop, shared, *policies);
  live_settings.connect(*policies, jobs,
                        [&server](const auto& now, const auto& done) { server.hand_out(now, done); });
  live_settings.warn_of_strays();
  if (auto started = server.start(); !started) return fail(started.error());
  give_back_memory();
  server.run();
  server.stop();
  jobs.stop();
  requests.stop();
  closer.close();  // What is left is written while the loops that wait for a word of it are still there.
  log_info("stopped");
  log_stop();
  return 0;
}

}  // namespace

int serve(SettingsReading reading) {
  const auto& settings = reading.settings;
  allow_many_files();
  if (auto started = log_start(settings.log); !started) {
    std::fprintf(stderr, "pollux: %s\n", started.error().message.c_str());
    return 1;
  }
  log_info("starting", {{"version", std::string_view(POLLUX_VERSION)}, {"data", settings.data_dir}});
  auto store = Store::open(settings.data_dir);
  if (!store) return fail(store.error());
  return run_with_store(std::move(reading), *std::move(store));
}

}  // namespace pollux
