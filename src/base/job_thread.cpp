#include "base/job_thread.h"

#include <utility>

namespace pollux {

JobThread::~JobThread() {
  stop();
}

bool JobThread::post(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || waiting_.size() >= most_waiting) return false;
  waiting_.push_back(std::move(job));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_one();
  return true;
}

void JobThread::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
    wake_.notify_one();
  }
  dropped.clear();  // Outside of the lock.
  if (thread_.joinable()) thread_.join();
}

void JobThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // What it holds goes before the lock is taken.
    lock.lock();
  }
}

}  // namespace pollux
