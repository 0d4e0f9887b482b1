#include "net/stream.h"

#include <utility>

#include "net/loop.h"
#include "net/timer.h"

namespace pollux {
namespace {

constexpr std::chrono::milliseconds look_every(1'000);
constexpr int looks_without_progress = 30;

// A stream on its way out, owned by the loop.
class Farewell final : public StreamEvents {
 public:
  Farewell(Loop& loop, std::unique_ptr<Stream> stream, std::chrono::milliseconds patience)
      : loop_(loop), stream_(std::move(stream)), patience_(patience), timer_(loop, [this] { look(); }) {}

  void begin() {
    stream_->set_events(this);
    stream_->resume();
    stream_->shutdown();
    queued_ = stream_->queued_bytes();
    timer_.start(queued_ == 0 ? patience_ : look_every);
  }

  void on_data(std::string_view) override {}
  void on_end() override {
    peer_closed_ = true;
    if (stream_->queued_bytes() == 0) loop_.release(this);
  }
  void on_error(const NetError&) override { loop_.release(this); }
  void on_drained() override {
    if (peer_closed_) return loop_.release(this);
    queued_ = 0;
    timer_.stop();
    timer_.start(patience_);
  }

 private:
  void look() {
    const auto before = std::exchange(queued_, stream_->queued_bytes());
    if (before == 0 || queued_ == 0) return loop_.release(this);
    idle_looks_ = queued_ < before ? 0 : idle_looks_ + 1;
    if (idle_looks_ >= looks_without_progress) return loop_.release(this);
    timer_.start(look_every);
  }

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  std::chrono::milliseconds patience_;
  Timer timer_;
  std::size_t queued_ = 0;
  int idle_looks_ = 0;
  bool peer_closed_ = false;
};

}  // namespace

void close_gently(Loop& loop, std::unique_ptr<Stream> stream, std::chrono::milliseconds patience) {
  auto farewell = std::make_shared<Farewell>(loop, std::move(stream), patience);
  loop.adopt(farewell);
  farewell->begin();
}

}  // namespace pollux
