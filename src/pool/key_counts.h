// What one key has seen, in numbers: by model, in the last minute, and how well it went lately.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pool/model_table.h"
#include "pool/rest.h"

namespace pollux {

// Requests of the last 60 s, to within 5 s.
class MinuteCount {
 public:
  void add(Milliseconds now) {
    move_to(now);
    ++steps_[static_cast<std::size_t>(step_) % steps_.size()];
  }
  std::int64_t at(Milliseconds now) const;

 private:
  static std::int64_t step_at(Milliseconds now) { return now.count() / 5'000; }
  void move_to(Milliseconds now);

  std::array<std::uint32_t, 12> steps_{};
  std::int64_t step_ = 0;
};

// The share of recent requests that went well, between 0 and 1. A failure weighs less with every later
// success and is forgotten by half every five minutes, so that a key which was left out gets its chance
// again.
class SuccessRate {
 public:
  void add(bool success, Milliseconds now);
  double at(Milliseconds now) const;
  // In steps of a twentieth: keys that differ by less are equally good.
  int step(Milliseconds now) const { return perfect() ? 20 : static_cast<int>(at(now) * 20); }

 private:
  bool perfect() const { return failing_ < 0.001F; }
  float failing_ = 0;  // 1 minus the rate, when last changed.
  Milliseconds changed_at_{0};
};

// One key and one model.
struct ModelCounts {
  ModelId model;
  Rest rest;
  std::int64_t day = 0;  // yyyymmdd, of requests_today.
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  MinuteCount minute;
  Milliseconds last_used{0};

  std::int64_t requests_on(std::int64_t date) const { return day == date ? requests_today : 0; }
  void count_request(std::int64_t date, Milliseconds now) {
    if (day != date) day = date, requests_today = 0;
    ++requests_today;
    minute.add(now);
  }
  // Counts from elsewhere; of two days the later one's requests count.
  void add(std::int64_t date, std::int64_t requests, std::int64_t more_successes,
           std::int64_t more_failures) {
    if (date > day) day = date, requests_today = 0;
    if (date == day) requests_today += requests;
    successes += more_successes;
    failures += more_failures;
  }
};

// All models of one key, few as a rule; at most `most`. What is forgotten is added to ModelTable::others, so
// that the key's sums stay true.
class CountsByModel {
 public:
  static constexpr std::size_t most = 64;

  // Null: never used with this key.
  const ModelCounts* find(ModelId model) const;
  // Finds or adds. The reference is valid until the next call.
  ModelCounts& of(ModelId model, const ModelTable& models, const Moment& now);
  void forget_unknown(const ModelTable& models);
  void clear() { counts_.clear(); }

  auto begin() const { return counts_.begin(); }
  auto end() const { return counts_.end(); }
  std::int64_t requests_on(std::int64_t date) const;

 private:
  ModelCounts& insert(ModelId model);
  void make_room(const Moment& now);
  template <typename Condition>
  void fold_into_others(Condition condition);

  std::vector<ModelCounts> counts_;  // By model.
};

}  // namespace pollux
