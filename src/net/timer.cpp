#include "net/timer.h"

#include <utility>

namespace pollux {

Timer::Timer(Loop& loop, std::function<void()> on_due) : loop_(loop), on_due_(std::move(on_due)) {}

void Timer::start(std::chrono::milliseconds after) {
  if (after.count() < 0) after = std::chrono::milliseconds(0);
  due_at_ = loop_.now() + after;
  if (due_at_.count() == 0) due_at_ = std::chrono::milliseconds(1);
  if (armed_for_.count() != 0 && armed_for_ <= due_at_) return;
  if (!timer_) {
    auto* timer = new uv_timer_t;
    uv_timer_init(loop_.uv(), timer);  // Never fails.
    timer->data = this;
    timer_.reset(timer);
  }
  arm(after);
}

void Timer::stop() {
  due_at_ = std::chrono::milliseconds(0);
}

void Timer::arm(std::chrono::milliseconds after) {
  armed_for_ = due_at_;
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<Timer*>(timer->data)->on_fired();
      },
      static_cast<std::uint64_t>(after.count()), 0);
}

void Timer::on_fired() {
  armed_for_ = std::chrono::milliseconds(0);
  if (!running()) return;
  const auto now = loop_.now();
  if (due_at_ > now) return arm(due_at_ - now);

  due_at_ = std::chrono::milliseconds(0);
  // The call may destroy this timer; its function must not die while it runs.
  auto* const handle = timer_.get();
  auto call = std::move(on_due_);
  call();
  if (handle->data != nullptr) on_due_ = std::move(call);
}

}  // namespace pollux
