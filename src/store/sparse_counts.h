// Counts by small numbers of which most are zero: times in a histogram, answers by status.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pollux {

class SparseCounts {
 public:
  using Entry = std::pair<std::uint32_t, std::uint64_t>;  // A number and its count.

  void add(std::uint32_t number, std::uint64_t count = 1);
  void add(const SparseCounts& more);
  bool empty() const noexcept { return entries_.empty(); }
  const std::vector<Entry>& entries() const noexcept { return entries_; }  // By number.

  // A few bytes an entry.
  std::string encode() const;
  // What is damaged ends it.
  static SparseCounts decode(std::string_view bytes);

 private:
  std::vector<Entry> entries_;
};

// A histogram of times whose buckets grow with them: each is a sixteenth of the time it is for, or less.
class TimeHistogram {
 public:
  TimeHistogram() = default;
  explicit TimeHistogram(SparseCounts counts) : counts_(std::move(counts)) {}

  void add(std::chrono::microseconds time);
  void add(const TimeHistogram& more) { counts_.add(more.counts_); }
  const SparseCounts& counts() const noexcept { return counts_; }

  // The time that so many of all (0 to 1) were not above, within 6 %; nothing: there were none.
  std::optional<std::chrono::microseconds> quantile(double share) const;

 private:
  SparseCounts counts_;
};

}  // namespace pollux
