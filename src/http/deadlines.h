// Several deadlines of one connection on one timer. Setting and clearing one costs no call into the loop:
// the timer fires at the earliest, looks, and goes on waiting.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "net/timer.h"

namespace pollux {

// `Kind` is an enum class that counts from 0 and ends with `count`.
template <typename Kind>
class Deadlines {
 public:
  // `on_due` is called when one may have passed; it asks expired().
  Deadlines(Loop& loop, std::function<void()> on_due) : loop_(loop), timer_(loop, std::move(on_due)) {}

  void set(Kind kind, std::chrono::milliseconds after) {
    const auto due = loop_.now() + after;
    due_[index(kind)] = due;
    wake_by(due);
  }
  void clear(Kind kind) { due_[index(kind)] = none; }
  bool is_set(Kind kind) const { return due_[index(kind)] != none; }

  // Whether this one has passed; if so it is cleared.
  bool expired(Kind kind) {
    auto& due = due_[index(kind)];
    if (due == none || due > loop_.now()) return false;
    due = none;
    return true;
  }
  // Call it last from on_due: waits for the next one.
  void go_on() {
    wakes_at_ = none;
    for (const auto due : due_)
      if (due != none) wake_by(due);
  }
  void stop() {
    due_.fill(none);
    timer_.stop();
    wakes_at_ = none;
  }

 private:
  static constexpr std::chrono::milliseconds none{-1};
  static constexpr std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  static constexpr std::array<std::chrono::milliseconds, static_cast<std::size_t>(Kind::count)> all_none() {
    std::array<std::chrono::milliseconds, static_cast<std::size_t>(Kind::count)> all{};
    all.fill(none);
    return all;
  }

  void wake_by(std::chrono::milliseconds due) {
    if (wakes_at_ != none && wakes_at_ <= due) return;
    wakes_at_ = due;
    timer_.start(due > loop_.now() ? due - loop_.now() : std::chrono::milliseconds(0));
  }

  Loop& loop_;
  Timer timer_;
  std::array<std::chrono::milliseconds, static_cast<std::size_t>(Kind::count)> due_ = all_none();
  std::chrono::milliseconds wakes_at_ = none;
};

}  // namespace pollux
