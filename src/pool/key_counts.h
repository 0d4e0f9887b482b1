// What one key has seen, in numbers: by model, and how well it went lately.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "pool/model_table.h"
#include "pool/rest.h"
#include "pool/token_counts.h"

namespace pollux {

// The share of recent requests that went well, between 0 and 1. A failure weighs less with every later
// success and is forgotten by half every five minutes, so that a key which was left out gets its chance
// again.
class SuccessRate {
 public:
  void add(bool success, Milliseconds now);
  double at(Milliseconds now) const;
  // In steps of a twentieth: keys that differ by less are equally good.
  int step(Milliseconds now) const { return perfect() ? 20 : static_cast<int>(std::lround(at(now) * 20)); }
  // How long until the step rises by itself; 0: it is at its highest.
  Milliseconds rises_in(Milliseconds now) const;

 private:
  bool perfect() const { return failing_ < 0.001F; }
  float failing_ = 0;  // 1 minus the rate, when last changed.
  Milliseconds changed_at_{0};
};

// One key and one model.
struct ModelCounts {
  ModelId model;
  std::int64_t day = 0;  // yyyymmdd, of requests_today and tokens_today.
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  TokenCounts tokens_today;
  Milliseconds last_used{0};

  std::int64_t requests_on(std::int64_t date) const { return day == date ? requests_today : 0; }
  TokenCounts tokens_on(std::int64_t date) const { return day == date ? tokens_today : TokenCounts{}; }
  void count_today(std::int64_t date, std::int64_t requests, const TokenCounts& tokens) {
    if (day != date) day = date, requests_today = 0, tokens_today = {};
    requests_today += requests;
    tokens_today += tokens;
  }
  // Counts from elsewhere; of two days the later one's requests count.
  void add(const ModelCounts& more) {
    if (more.day >= day) count_today(more.day, more.requests_today, more.tokens_today);
    successes += more.successes;
    failures += more.failures;
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
  ModelCounts& of(ModelId model, const ModelTable& models, Milliseconds now);
  void forget_unknown(const ModelTable& models);
  void clear() { counts_.clear(); }

  auto begin() const { return counts_.begin(); }
  auto end() const { return counts_.end(); }
  std::int64_t requests_on(std::int64_t date) const;

 private:
  ModelCounts& insert(ModelId model);
  void make_room();
  template <typename Condition>
  void fold_into_others(Condition condition);

  std::vector<ModelCounts> counts_;  // By model.
};

}  // namespace pollux
