// A connection in memory whose other end the test plays: for orders of events that sockets seldom show.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "net/loop.h"
#include "net/stream.h"

namespace pollux {

class FakeStream;

// The other end. Outlives the stream.
class FakePeer {
 public:
  std::unique_ptr<Stream> stream(Loop& loop);

  // Each is delivered at once if the stream is being read, or as soon as it is.
  void says(std::string_view bytes);
  void ends();
  void breaks();
  // Says it byte by byte.
  void spells(std::string_view bytes) {
    for (const char c : bytes) says({&c, 1});
  }

  // Takes nothing more of what is sent to it, or takes again.
  void stops_taking() { takes = false; }
  void takes_again();

  bool is_closed() const { return stream_ == nullptr; }  // The stream was destroyed.
  bool is_paused() const;

  std::string seen;      // What reached this end.
  bool saw_end = false;  // After it, our side was shut down.
  bool takes = true;
  int writes = 0;  // Gathered writes that reached this end.

 private:
  friend class FakeStream;
  FakeStream* stream_ = nullptr;
};

class FakeStream final : public Stream, private Flushable {
 public:
  FakeStream(Loop& loop, FakePeer& peer) : loop_(loop), peer_(peer) { peer.stream_ = this; }
  ~FakeStream() override {
    loop_.forget(*this);
    peer_.stream_ = nullptr;
  }

  void set_events(StreamEvents* events) override {
    events_ = events;
    loop_.flush_later(*this);
  }
  void write(std::string bytes) override {
    if (shut_) return;
    queue_ += bytes;
    loop_.flush_later(*this);
  }
  std::size_t queued_bytes() const override {
    if (!queue_.empty()) drained_is_due_ = true;
    return queue_.size();
  }
  void pause() override { paused_ = true; }
  void resume() override {
    paused_ = false;
    loop_.flush_later(*this);
  }
  void shutdown() override {
    shut_ = true;
    loop_.flush_later(*this);
  }
  std::string remote_address() const override { return "203.0.113.7"; }

 private:
  friend class FakePeer;
  enum class End { none, ended, broken };

  void flush() override {
    if (peer_.takes && !queue_.empty()) {
      peer_.seen += std::exchange(queue_, {});
      ++peer_.writes;
    }
    if (queue_.empty() && shut_) peer_.saw_end = true;
    auto& peer = peer_;
    deliver();
    if (peer.stream_ != this) return;
    if (!queue_.empty() || !drained_is_due_ || events_ == nullptr) return;
    drained_is_due_ = false;
    events_->on_drained();
  }

  void deliver() {
    auto& peer = peer_;
    while (peer.stream_ == this && events_ != nullptr && !paused_ && !inbox_.empty()) {
      const auto bytes = std::exchange(inbox_, {});
      events_->on_data(bytes);
    }
    if (peer.stream_ != this || events_ == nullptr || paused_) return;
    switch (std::exchange(end_, End::none)) {
      case End::none:
        return;
      case End::ended:
        return events_->on_end();
      case End::broken:
        return events_->on_error({NetError::Kind::reset, "connection was reset"});
    }
  }

  Loop& loop_;
  FakePeer& peer_;
  StreamEvents* events_ = nullptr;
  std::string queue_, inbox_;
  End end_ = End::none;
  bool paused_ = false;
  bool shut_ = false;
  mutable bool drained_is_due_ = false;
};

inline std::unique_ptr<Stream> FakePeer::stream(Loop& loop) {
  return std::make_unique<FakeStream>(loop, *this);
}

inline void FakePeer::says(std::string_view bytes) {
  if (stream_ == nullptr) return;
  stream_->inbox_ += bytes;
  stream_->deliver();
}

inline void FakePeer::ends() {
  if (stream_ == nullptr) return;
  stream_->end_ = FakeStream::End::ended;
  stream_->deliver();
}

inline void FakePeer::breaks() {
  if (stream_ == nullptr) return;
  stream_->end_ = FakeStream::End::broken;
  stream_->deliver();
}

inline void FakePeer::takes_again() {
  takes = true;
  if (stream_ != nullptr) stream_->loop_.flush_later(*stream_);
}

inline bool FakePeer::is_paused() const {
  return stream_ != nullptr && stream_->paused_;
}

// Lets the loop turn a few times without waiting: flushes, retired objects, what is due.
inline void turn(Loop& loop) {
  for (int i = 0; i < 4; ++i) uv_run(loop.uv(), UV_RUN_NOWAIT);
}

// Turns the loop until it is so; false after ten seconds.
inline bool run_until(Loop& loop, const std::function<bool()>& so) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!so()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace pollux
