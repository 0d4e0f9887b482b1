#include "net/write_queue.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pollux {
namespace {

constexpr std::size_t joined_bytes = std::size_t{16} * 1024;  // The payload of one TLS record.
constexpr std::size_t copied_bytes =
    std::size_t{4} * 1024;               // Above it, a place in the gathered write is cheaper than a copy.
constexpr std::size_t kept_pieces = 16;  // Room that an idle connection may keep.

}  // namespace

void WriteQueue::push(std::string bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  if (!pieces_.empty() && bytes.size() <= copied_bytes) {
    auto& last = pieces_.back();
    if (last.size() + bytes.size() <= joined_bytes) {
      last += bytes;
      return;
    }
  }
  pieces_.push_back(std::move(bytes));
}

std::string_view WriteQueue::front() const noexcept {
  assert(!empty());
  return std::string_view(pieces_[first_]).substr(offset_);
}

unsigned WriteQueue::gather(std::span<uv_buf_t> buffers) const noexcept {
  const auto count = std::min(buffers.size(), pieces());
  for (std::size_t at = 0; at < count; ++at) {
    const auto& piece = pieces_[first_ + at];
    const auto gone = at == 0 ? offset_ : 0;
    // libuv only reads what it writes; its buffers know no const.
    buffers[at].base = const_cast<char*>(piece.data()) + gone;
    buffers[at].len = piece.size() - gone;
  }
  return static_cast<unsigned>(count);
}

void WriteQueue::consume(std::size_t count) {
  assert(count <= bytes_);
  bytes_ -= count;
  if (bytes_ == 0) return clear();
  while (count > 0) {
    const auto rest = pieces_[first_].size() - offset_;
    if (count < rest) {
      offset_ += count;
      return;
    }
    count -= rest;
    pieces_[first_] = {};
    ++first_;
    offset_ = 0;
  }
}

void WriteQueue::clear() {
  pieces_.clear();
  if (pieces_.capacity() > kept_pieces) pieces_.shrink_to_fit();
  first_ = offset_ = bytes_ = 0;
}

}  // namespace pollux
