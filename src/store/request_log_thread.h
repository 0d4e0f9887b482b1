// The thread behind the request log: gathers what is told of exchanges, writes it in batches, answers
// questions, throws away what is too old or too much. Sleeps while nothing happens.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/request_file.h"
#include "store/request_log_limits.h"

namespace pollux {

class RequestLogThread : public std::enable_shared_from_this<RequestLogThread> {
 public:
  // What is asked of the file. One of both is called, on the thread; `read` may throw SQLite::Exception, and
  // `refuse` is called then.
  struct Job {
    std::function<bool()> is_wanted;  // Asked first: whoever asked may have left.
    std::function<void(RequestFile&)> read;
    std::function<void(Error)> refuse;
  };

  static std::shared_ptr<RequestLogThread> start(std::string directory, const Clock& clock,
                                                 const RequestLogLimits& limits);
  // Writes what waits, answers what was asked and ends, within 5 s. Called once.
  void stop();

  void configure(const RequestLogLimits& limits);
  void add(ExchangeRecord record);
  void ask(Job job);

  RequestLogCounts counts() const;
  std::string health() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Batch = std::vector<ExchangeRecord>;

  RequestLogThread(std::string directory, const Clock& clock, const RequestLogLimits& limits);
  void run();
  void wait(std::unique_lock<std::mutex>& lock);
  Batch take_batch();
  std::optional<Job> take_job();

  RequestFile* opened();
  void write(Batch batch);
  void drop(std::size_t records);
  void answer(const Job& job);
  void tidy(const RequestLogLimits& limits);
  void rest();
  std::optional<WallTime> trusted_time();
  void on_written();
  void on_failure(const SQLite::Exception& failure);
  void on_trouble(const std::string& why);

  const std::string directory_;
  const Clock& clock_;
  std::thread thread_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable wake_, ended_;
  RequestLogLimits limits_;
  Batch waiting_;
  std::size_t waiting_bytes_ = 0;
  Time next_write_;
  std::deque<Job> jobs_;
  RequestLogCounts counts_;
  std::string trouble_;  // Empty: the file was written the last time.
  std::uint64_t told_dropped_ = 0;
  bool configured_ = false, stopping_ = false, running_ = true;

  // The thread's own.
  std::unique_ptr<RequestFile> file_;
  TrafficHistory history_;
  Time next_open_, next_try_, rest_at_;
  bool is_damaged_ = false;
  bool tidying_ = true, resting_ = false;
  Milliseconds clock_offset_, steady_since_;
};

}  // namespace pollux
