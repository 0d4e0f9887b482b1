// The log of every exchange, and the numbers behind the charts: DIR/requests.db, apart from the database of
// keys and settings, which it never endangers. Where the disk is full or read-only, exchanges are not
// recorded, health() says so, and nothing else suffers; where the file is damaged, it is put aside as
// requests.db.damaged and a new one begun.
//
// A thread of its own writes batches, a second after the first of them came, and reads. A kill -9 costs at
// most that second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "net/loop.h"
#include "store/exchange_record.h"
#include "store/request_log_limits.h"
#include "store/request_log_thread.h"
#include "store/request_query.h"
#include "store/traffic_history.h"

namespace pollux {

class RequestLog {
 public:
  // Held by whoever asked and is still interested. Let go, on the loop that the answer would come to, nothing
  // comes any more.
  using Question = std::shared_ptr<const void>;
  template <typename T>
  using Answer = std::function<void(Result<T>)>;

  // The file is opened later, on the thread. `directory` is there already, or nothing is recorded.
  RequestLog(std::string directory, const Clock& clock, const RequestLogLimits& limits)
      : thread_(RequestLogThread::start(std::move(directory), clock, limits)) {
    remember_bodies(limits);
  }
  ~RequestLog() { stop(); }
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;
  // Writes what waits, within 5 s. What is asked later is refused.
  void stop() {
    if (!std::exchange(stopped_, true)) thread_->stop();
  }

  // From any thread, while exchanges go on.
  void configure(const RequestLogLimits& limits) {
    remember_bodies(limits);
    thread_->configure(limits);
  }

  // An id for an exchange that is over. Of a thousand in one millisecond no two are the same.
  std::int64_t make_id(const ExchangeRecord& record) noexcept {
    const auto ended = record.began + std::chrono::floor<Milliseconds>(record.duration);
    const auto number = next_.fetch_add(1, std::memory_order_relaxed) % 1000;
    return first_id_of(ended) + static_cast<std::int64_t>(number);
  }
  // How much of each body an exchange that begins now shall bring along.
  std::size_t wanted_body_bytes() const noexcept { return body_bytes_.load(std::memory_order_relaxed); }
  // From any thread; waits for nothing. Bodies that are not to be kept are left out.
  void add(ExchangeRecord record);

  // -- Questions: answered on the loop. What was added before is found.
  Question find(Loop& loop, RequestQuery query, Answer<RequestPage> answer);
  Question get(Loop& loop, std::int64_t id, Answer<std::optional<ExchangeRecord>> answer);
  // Removes what is found; like a page it may have to be asked again for what is `next`.
  Question remove(Loop& loop, RequestQuery query, Answer<RemovedRequests> answer);
  Question stats(Loop& loop, std::chrono::minutes window, WallTime now, Answer<TrafficStats> answer);

  RequestLogCounts counts() const { return thread_->counts(); }
  // Empty when all is well; else one sentence for /ready: "request log: disk is full; 12 requests were not
  // recorded".
  std::string health() const { return thread_->health(); }

 private:
  void remember_bodies(const RequestLogLimits& limits) {
    const bool kept = limits.bodies != KeptBodies::off && !limits.keeps_nothing();
    body_bytes_.store(kept ? limits.body_bytes : 0, std::memory_order_relaxed);
    only_errors_.store(limits.bodies == KeptBodies::errors, std::memory_order_relaxed);
  }
  template <typename T>
  Question ask(Loop& loop, std::function<T(RequestFile&)> read, Answer<T> answer);

  const std::shared_ptr<RequestLogThread> thread_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<bool> only_errors_{false};
  bool stopped_ = false;
};

}  // namespace pollux
