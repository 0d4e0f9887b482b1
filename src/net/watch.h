// Tells a member function, after it called somebody else, whether its own object still lives.
//
//   Watch watch(*this);
//   events_->on_data(bytes);
//   if (watch.gone()) return;
#pragma once

namespace pollux {

class Watched {
 public:
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 protected:
  ~Watched();

 private:
  friend class Watch;
  class Watch* innermost_ = nullptr;
};

class Watch {
 public:
  explicit Watch(Watched& watched) noexcept : watched_(&watched), outer_(watched.innermost_) {
    watched.innermost_ = this;
  }
  ~Watch() {
    if (watched_ != nullptr) watched_->innermost_ = outer_;
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool gone() const noexcept { return watched_ == nullptr; }

 private:
  friend class Watched;
  Watched* watched_;
  Watch* outer_;  // Of a call further out on the stack.
};

inline Watched::~Watched() {
  for (auto* watch = innermost_; watch != nullptr; watch = watch->outer_) watch->watched_ = nullptr;
}

}  // namespace pollux
