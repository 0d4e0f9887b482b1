#include "gateway/key_wait.h"

#include <algorithm>
#include <utility>

namespace pollux {
namespace {

// A key that is foretold for now but went to somebody else must not be asked for without end.
constexpr Milliseconds shortest_wait{5};

}  // namespace

KeyWait::KeyWait(Loop& loop, KeyPool& pool, Milliseconds most, std::function<void()> on_turn)
    : loop_(loop),
      pool_(pool),
      on_turn_(std::move(on_turn)),
      timer_(loop, [this] { ask_again(); }),
      left_(most) {}

Milliseconds KeyWait::left() const {
  if (!place_) return left_;
  const auto waited = std::chrono::steady_clock::now() - began_;
  return std::max(Milliseconds(0), left_ - std::chrono::duration_cast<Milliseconds>(waited));
}

KeyWait::Outcome KeyWait::wait_for(const Selection& selection) {
  const auto left = this->left();
  if (left <= Milliseconds(0) || !selection.free_in || *selection.free_in > left) return Outcome::in_vain;
  const bool has_just_come = !place_;
  if (has_just_come) {
    // The pool calls from any thread; what it holds may outlive this wait, but not the loop.
    auto on_turn = [&loop = loop_, name = std::weak_ptr(name_)] {
      loop.post([name] {
        if (const auto wait = name.lock()) (*wait)->notified();
      });
    };
    place_ = pool_.wait_in_line(selection.asked, std::move(on_turn));
    if (!place_) return Outcome::crowded;
    began_ = std::chrono::steady_clock::now();
  }
  asks_ = false;
  timer_.start(ask_again_in(selection, has_just_come, left));
  return Outcome::waits;
}

Milliseconds KeyWait::ask_again_in(const Selection& selection, bool has_just_come, Milliseconds left) {
  const auto shortest = std::min(shortest_wait, left);
  if (std::exchange(was_told_, false)) return shortest;
  if (!pool_.is_first(*place_)) return left;  // Told when that changes.
  auto free_in = *selection.free_in;
  if (has_just_come || free_in == Milliseconds(0)) {
    // A key may have become free before there was anybody to tell; and others who are before it in one of
    // several lines are no reason to ask without end.
    free_in = left;
    for (const auto& query : selection.asked) {
      free_in = std::min(free_in, pool_.next_free_in(query).value_or(left));
    }
  }
  return std::clamp(free_in, shortest, left);
}

void KeyWait::ask_again() {
  asks_ = true;
  timer_.stop();
  on_turn_();
}

// A policy may take its time to ask: then it is asked once more, not twice at once.
void KeyWait::notified() {
  if (!place_) return;
  if (asks_) {
    was_told_ = true;
  } else {
    ask_again();
  }
}

void KeyWait::leave() {
  left_ = left();
  timer_.stop();
  place_.reset();
  asks_ = was_told_ = false;
}

}  // namespace pollux
