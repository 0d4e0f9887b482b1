// One event loop and what every part on it shares: the read buffer, work posted from other threads, objects
// waiting to be freed, and the writes gathered until the end of the turn.
//
// A loop belongs to the thread that runs it; only post() and stop() may be called from another.
#pragma once

#include <uv.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "net/handle.h"

namespace pollux {

class Resolver;

// Something with bytes to write. flush() is called once at the end of the turn in which it asked.
class Flushable {
 public:
  virtual ~Flushable() = default;
  virtual void flush() = 0;

 private:
  friend class Loop;
  bool flush_asked_ = false;
};

class Loop {
 public:
  // The first loop has the process ignore SIGPIPE: a peer that left is an error of the write, not a signal.
  Loop();
  // Closes what is left and runs the loop until every close callback has come.
  // REQUIRES: everything on the loop has been destroyed.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* uv() noexcept { return &loop_; }
  void run();
  // Makes run() return after the current turn. Safe from any thread.
  void stop();

  // Runs `task` on the loop's thread, soon and in order. Safe from any thread. Tasks posted after the loop
  // has ended are destroyed with it, never run.
  void post(std::function<void()> task);

  // Destroys the object on the loop's next turn: for one that ends inside its own callback.
  void retire(std::shared_ptr<void> finished);

  // Keeps an object whose maker does not wait for its end, until it is released (which retires it) or the
  // loop ends.
  void adopt(std::shared_ptr<void> orphan);
  void release(const void* orphan);

  // Has `flushable.flush()` called when this turn's callbacks are through; at most once a turn.
  // The owner calls forget() before it dies.
  void flush_later(Flushable& flushable);
  void forget(Flushable& flushable);

  // Scratch space for one read, valid inside the read callback only: reads are handled before the next
  // begins.
  std::span<char> read_buffer() noexcept { return {read_buffer_.get(), read_buffer_bytes}; }
  static constexpr std::size_t read_buffer_bytes = std::size_t{64} * 1024;

  // Names looked up lately, and the way to look up others.
  Resolver& resolver() noexcept { return *resolver_; }

  // The loop's cached time, in milliseconds since an arbitrary start.
  std::chrono::milliseconds now() const noexcept { return std::chrono::milliseconds(uv_now(&loop_)); }

 private:
  void run_posted();
  void flush_all();
  void sweep();

  uv_loop_t loop_;
  Handle<uv_async_t> wake_;
  Handle<uv_prepare_t> before_poll_;
  Handle<uv_idle_t> sweep_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::shared_ptr<void>> retired_;
  std::unordered_map<const void*, std::shared_ptr<void>> adopted_;
  std::vector<Flushable*> to_flush_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<char[]> read_buffer_;
  std::atomic<bool> stopping_{false};
};

}  // namespace pollux
