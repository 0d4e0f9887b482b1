// One thread for what may block and is rare: the administration's reading and writing of files, and its
// changes of the whole process. Jobs run one at a time, in their order. The thread begins with the first job.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace pollux {

class JobThread {
 public:
  static constexpr std::size_t most_waiting = 100;

  JobThread() = default;
  ~JobThread();
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  // False: too many wait, or it was stopped; the job is dropped. Safe from any thread.
  [[nodiscard]] bool post(std::function<void()> job);
  // Lets the running job end and drops those that wait; nothing runs after it. Not from within a job.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace pollux
