// Gathers what GET /metrics tells, on a loop that serves nobody: looking at thousands of keys and files holds
// up no request.
//
// How late the workers' loops are is measured when it is asked for, by a task that each of them is handed: at
// rest nothing wakes, and a request pays nothing for it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/live_feed.h"
#include "admin/metrics.h"
#include "net/loop.h"
#include "net/timer.h"
#include "pool/key_pool.h"
#include "script/policy_library.h"
#include "store/request_log.h"
#include "store/store.h"

namespace pollux {

class MetricsReporter {
 public:
  struct Sources {
    const Metrics& metrics;
    const LiveFeed& feed;
    const KeyPool& pool;
    const Store& store;
    const RequestLog& requests;
    const PolicyLibrary& policies;
    const Clock& clock;
    std::string_view version;
  };
  // A loop that has not answered by then is reported to be so late.
  static constexpr std::chrono::milliseconds patience{1000};

  MetricsReporter(Loop& loop, const Sources& sources);

  // A worker's loop, in the order of the workers, before it runs. Both loops outlive every report.
  void watch(Loop& worker) { workers_.push_back(&worker); }

  // From any thread; `done` is called on the reporter's loop, or never if that ends. Whoever asks while a
  // report is being made gets that one.
  void report(std::function<void(const std::string& text)> done);

 private:
  using Time = std::chrono::steady_clock::time_point;

  void begin();
  void on_worker(std::size_t worker, std::uint64_t round, std::chrono::nanoseconds lag);
  void finish();

  Loop& loop_;
  const Sources sources_;
  const WallTime started_;
  std::vector<Loop*> workers_;
  Timer timer_;
  std::vector<std::function<void(const std::string&)>> asked_;
  std::uint64_t round_ = 0;
  Time began_;
  std::vector<std::chrono::nanoseconds> lags_;  // Negative: not known yet.
  std::size_t missing_ = 0;
};

}  // namespace pollux
