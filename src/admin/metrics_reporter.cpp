#include "admin/metrics_reporter.h"

#include <utility>

#include "admin/metrics_text.h"
#include "base/log.h"

namespace pollux {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

MetricsReporter::MetricsReporter(Loop& loop, const Sources& sources)
    : loop_(loop), sources_(sources), started_(sources.clock.wall()), timer_(loop, [this] { finish(); }) {}

void MetricsReporter::report(std::function<void(const std::string& text)> done) {
  loop_.post([this, done = std::move(done)]() mutable {
    asked_.push_back(std::move(done));
    if (asked_.size() == 1) begin();
  });
}

void MetricsReporter::begin() {
  began_ = steady_clock::now();
  lags_.assign(workers_.size(), nanoseconds(-1));
  missing_ = workers_.size();
  ++round_;
  for (std::size_t number = 0; number < workers_.size(); ++number) {
    workers_[number]->post([this, number, round = round_, began = began_] {
      const nanoseconds lag = steady_clock::now() - began;
      loop_.post([this, number, round, lag] { on_worker(number, round, lag); });
    });
  }
  timer_.start(patience);
}

void MetricsReporter::on_worker(std::size_t worker, std::uint64_t round, nanoseconds lag) {
  if (round != round_ || missing_ == 0) return;  // Too late.
  lags_[worker] = lag;
  if (--missing_ == 0) finish();
}

void MetricsReporter::finish() {
  timer_.stop();
  missing_ = 0;
  for (auto& lag : lags_) {
    if (lag < nanoseconds(0)) lag = steady_clock::now() - began_;
  }
  const auto text = metrics_text({
      .version = sources_.version,
      .traffic = sources_.metrics.counts(),
      .in_flight = sources_.metrics.in_flight(),
      .waiting = sources_.pool.waiting(),
      .keys = count_by_standing(sources_.pool.standings()),
      .loop_lags = lags_,
      .listeners = sources_.feed.listeners(),
      .in_trouble = {.database = !sources_.store.health().empty(),
                     .request_log = !sources_.requests.health().empty(),
                     .policies = !sources_.policies.report().error.empty()},
      .request_log = sources_.requests.counts(),
      .log_lines_dropped = log_lines_dropped(),
      .process = read_process_facts(started_),
  });
  for (const auto& done : std::exchange(asked_, {})) done(text);
}

}  // namespace pollux
