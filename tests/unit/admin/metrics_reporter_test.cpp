#include "admin/metrics_reporter.h"

#include <cstdlib>
#include <thread>

#include "catch.h"
#include "fake_policies.h"
#include "temporary_folder.h"

using namespace pollux;
using std::chrono::milliseconds;

namespace {

struct Play {
  SystemClock clock;
  TemporaryFolder folder;
  // They outlive the threads that open files: ThreadSanitizer does not see libuv close its own.
  Loop worker, loop;
  std::unique_ptr<Store> store = *Store::open(folder.root());
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);
  RequestLog requests{folder.root(), clock, {}};
  Metrics metrics;
  LiveFeed feed;
  FakePolicies policies;
  MetricsReporter reporter{loop, {metrics, feed, *pool, *store, requests, policies, clock, "1.2.3"}};
  std::vector<std::string> reports;

  Play() { reporter.watch(worker); }

  void ask() {
    reporter.report([this](const std::string& text) {
      reports.push_back(text);
      loop.stop();
    });
  }
  // As the last report tells it.
  double value_of(const std::string& sample) const {
    const auto at = reports.back().find("\n" + sample + " ");
    REQUIRE(at != std::string::npos);
    return std::strtod(reports.back().c_str() + at + sample.size() + 2, nullptr);
  }
};

const std::string lag = "pollux_loop_lag_seconds{worker=\"1\"}";

}  // namespace

TEST_CASE_METHOD(Play, "a report says how things are when it is asked for") {
  std::thread running([this] { worker.run(); });
  REQUIRE(pool->add({.secret = "a-secret"}));
  metrics.exchange_begun();
  policies.now.error = "keys.lua:7: oh";
  const auto listener = feed.listen([] {});
  ask();
  loop.run();
  REQUIRE(reports.size() == 1);
  CHECK(value_of("pollux_keys{state=\"ready\"}") == 1);
  CHECK(value_of("pollux_requests_in_flight") == 1);
  CHECK(value_of("pollux_in_trouble{part=\"policies\"}") == 1);
  CHECK(value_of("pollux_in_trouble{part=\"database\"}") == 0);
  CHECK(value_of("pollux_live_feed_listeners") == 1);
  CHECK(value_of("pollux_build_info{version=\"1.2.3\"}") == 1);
  CHECK(value_of(lag) > 0);
  worker.stop();
  running.join();
}

TEST_CASE_METHOD(Play, "whoever asks while a report is made gets that one") {
  for (int i = 0; i < 5; ++i) ask();
  std::thread running([this] { worker.run(); });
  while (reports.size() < 5) loop.run();
  for (const auto& report : reports) CHECK(report == reports.front());
  worker.stop();
  running.join();
}

TEST_CASE_METHOD(Play, "a loop that is held up is late by at least as long as the report has waited for it") {
  worker.post([] { std::this_thread::sleep_for(milliseconds(80)); });
  std::thread running([this] { worker.run(); });
  ask();
  loop.run();
  CHECK(value_of(lag) > 0.02);
  worker.stop();
  running.join();
}

TEST_CASE_METHOD(Play,
                 "a loop that does not answer holds up no report for long, and its late answer harms none") {
  ask();
  loop.run();
  CHECK(value_of(lag) >= 0.99);
  std::thread running([this] { worker.run(); });
  ask();
  while (reports.size() < 2) loop.run();
  CHECK(value_of(lag) < 1);
  worker.stop();
  running.join();
}
