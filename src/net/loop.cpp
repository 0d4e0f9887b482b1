#include "net/loop.h"

#include <cassert>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>

#include "net/resolver.h"

namespace pollux {
namespace {

void must_succeed(int status, const char* what) {
  if (status < 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

template <typename T>
Handle<T> start_handle(Loop& loop, T* handle, int status, const char* what) {
  std::unique_ptr<T> memory(handle);
  must_succeed(status, what);
  handle->data = &loop;
  return Handle<T>(memory.release());
}

}  // namespace

Loop::Loop() : resolver_(std::make_unique<Resolver>(*this)) {
  static std::once_flag once;
  std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });

  must_succeed(uv_loop_init(&loop_), "event loop");
  auto* wake = new uv_async_t;
  wake_ = start_handle(*this, wake,
                       uv_async_init(&loop_, wake,
                                     [](uv_async_t* handle) {
                                       if (handle->data != nullptr)
                                         static_cast<Loop*>(handle->data)->run_posted();
                                     }),
                       "wake-up handle");
  auto* prepare = new uv_prepare_t;
  before_poll_ = start_handle(*this, prepare, uv_prepare_init(&loop_, prepare), "prepare handle");
  uv_prepare_start(before_poll_.get(), [](uv_prepare_t* handle) {
    if (handle->data != nullptr) static_cast<Loop*>(handle->data)->flush_all();
  });
  auto* idle = new uv_idle_t;
  sweep_ = start_handle(*this, idle, uv_idle_init(&loop_, idle), "idle handle");
  read_buffer_.reset(
      new char[read_buffer_bytes]);  // Not zeroed: its pages stay untouched until they are read into.
}

Loop::~Loop() {
  std::vector<std::function<void()>> never_run;
  {
    const std::lock_guard lock(posted_mutex_);
    never_run.swap(posted_);
  }
  never_run.clear();
  // What is destroyed here may retire or adopt in turn.
  while (!adopted_.empty() || !retired_.empty()) {
    std::exchange(adopted_, {}).clear();
    std::exchange(retired_, {}).clear();
  }
  resolver_.reset();
  wake_.reset();
  before_poll_.reset();
  sweep_.reset();
  uv_walk(
      &loop_,
      [](uv_handle_t* handle, void*) {
        handle->data = nullptr;
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
      },
      nullptr);
  while (uv_loop_close(&loop_) == UV_EBUSY) uv_run(&loop_, UV_RUN_ONCE);
}

void Loop::run() {
  if (!stopping_) uv_run(&loop_, UV_RUN_DEFAULT);
  flush_all();  // The last turn's writes.
  stopping_ = false;
}

void Loop::stop() {
  stopping_ = true;
  uv_async_send(wake_.get());
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
    if (posted_.size() > 1) return;  // Whoever put the first in has woken the loop.
  }
  uv_async_send(wake_.get());
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) {
    task();
    task = nullptr;  // What it holds goes before the next task runs.
  }
  if (stopping_) uv_stop(&loop_);
}

void Loop::retire(std::shared_ptr<void> finished) {
  retired_.push_back(std::move(finished));
  // An idle handle also keeps the loop from sleeping in poll meanwhile.
  uv_idle_start(sweep_.get(), [](uv_idle_t* handle) {
    if (handle->data != nullptr) static_cast<Loop*>(handle->data)->sweep();
  });
}

void Loop::sweep() {
  uv_idle_stop(sweep_.get());
  std::exchange(retired_, {}).clear();
}

void Loop::adopt(std::shared_ptr<void> orphan) {
  const auto* key = orphan.get();
  adopted_.emplace(key, std::move(orphan));
}

void Loop::release(const void* orphan) {
  const auto found = adopted_.find(orphan);
  if (found == adopted_.end()) return;
  retire(std::move(found->second));
  adopted_.erase(found);
}

void Loop::flush_later(Flushable& flushable) {
  if (flushable.flush_asked_) return;
  flushable.flush_asked_ = true;
  to_flush_.push_back(&flushable);
}

void Loop::forget(Flushable& flushable) {
  if (!flushable.flush_asked_) return;
  flushable.flush_asked_ = false;
  for (auto*& waiting : to_flush_) {
    if (waiting == &flushable) waiting = nullptr;
  }
}

void Loop::flush_all() {
  // Flushing may ask for more flushes (TLS hands its records to the socket): they join the end of the list.
  for (std::size_t at = 0; at < to_flush_.size(); ++at) {
    auto* flushable = to_flush_[at];
    if (flushable == nullptr) continue;
    to_flush_[at] = nullptr;
    flushable->flush_asked_ = false;
    flushable->flush();
  }
  to_flush_.clear();
}

}  // namespace pollux
