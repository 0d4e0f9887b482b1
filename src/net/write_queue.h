// Strings waiting to be written, in order; small ones are joined so that one write, or one TLS record, takes
// many.
#pragma once

#include <uv.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pollux {

class WriteQueue {
 public:
  void push(std::string bytes);
  bool empty() const noexcept { return bytes_ == 0; }
  std::size_t bytes() const noexcept { return bytes_; }

  // What remains of the first string. Valid until the queue is changed. REQUIRES: !empty().
  std::string_view front() const noexcept;
  // Fills in as many strings as there is room for, without copying; returns their number.
  unsigned gather(std::span<uv_buf_t> buffers) const noexcept;
  std::size_t pieces() const noexcept { return pieces_.size() - first_; }

  // Takes away the first `count` bytes. REQUIRES: count <= bytes().
  void consume(std::size_t count);
  void clear();

 private:
  std::vector<std::string> pieces_;
  std::size_t first_ = 0;   // The piece that is at the head.
  std::size_t offset_ = 0;  // How much of it is gone.
  std::size_t bytes_ = 0;
};

}  // namespace pollux
