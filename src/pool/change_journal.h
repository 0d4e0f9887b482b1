// Which keys have changed lately, in order: whoever keeps an order of keys reads on from where it last was,
// and begins anew where it has missed too much.
#pragma once

#include <cstdint>
#include <vector>

namespace pollux {

class ChangeJournal {
 public:
  std::uint64_t end() const noexcept { return end_; }
  // Whoever has read to the end says so.
  void was_read() noexcept { read_ = end_; }
  // Whether everything from there on is still known.
  bool reaches(std::uint64_t from) const noexcept { return end_ - from <= slots_.size(); }
  std::uint32_t at(std::uint64_t number) const { return slots_[number % slots_.size()]; }

  void note(std::uint32_t slot) {
    // A request changes its key several times in a row; once is enough while nobody has read it.
    if (end_ > read_ && at(end_ - 1) == slot) return;
    slots_[end_++ % slots_.size()] = slot;
  }

 private:
  static constexpr std::size_t kept = 4096;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(kept);
  std::uint64_t end_ = 0, read_ = 0;
};

}  // namespace pollux
