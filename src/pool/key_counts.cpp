#include "pool/key_counts.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace pollux {
namespace {

constexpr double half_life_ms = 5 * 60 * 1000;  // Of what is remembered of a failure.

}  // namespace

void SuccessRate::add(bool success, Milliseconds now) {
  if (success && perfect()) return;
  constexpr double weight_of_one = 0.1;
  const double failing = (1 - at(now)) * (1 - weight_of_one) + (success ? 0 : weight_of_one);
  failing_ = static_cast<float>(failing);
  changed_at_ = now;
}

double SuccessRate::at(Milliseconds now) const {
  if (perfect()) return 1;
  return 1 - static_cast<double>(failing_) *
                 std::exp2(-static_cast<double>((now - changed_at_).count()) / half_life_ms);
}

Milliseconds SuccessRate::rises_in(Milliseconds now) const {
  const int at_step = step(now);
  if (at_step >= 20) return Milliseconds(0);
  const double failing_then = 1 - (at_step + 0.5) / 20, failing_now = 1 - at(now);
  const double wait_ms = half_life_ms * std::log2(failing_now / failing_then);
  return Milliseconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(wait_ms))));
}

const ModelCounts* CountsByModel::find(ModelId model) const {
  const auto place = std::ranges::lower_bound(counts_, model, {}, &ModelCounts::model);
  return place != counts_.end() && place->model == model ? &*place : nullptr;
}

ModelCounts& CountsByModel::of(ModelId model, const ModelTable& models, Milliseconds now) {
  if (const auto* known = find(model)) {
    auto& counts = counts_[static_cast<std::size_t>(known - counts_.data())];
    counts.last_used = now;
    return counts;
  }
  forget_unknown(models);
  if (counts_.size() >= most) make_room();
  auto& counts = insert(model);
  counts.last_used = now;
  return counts;
}

void CountsByModel::forget_unknown(const ModelTable& models) {
  fold_into_others([&](const ModelCounts& counts) { return !models.knows(counts.model); });
}

std::int64_t CountsByModel::requests_on(std::int64_t date) const {
  std::int64_t sum = 0;
  for (const auto& counts : counts_) sum += counts.requests_on(date);
  return sum;
}

ModelCounts& CountsByModel::insert(ModelId model) {
  const auto place = std::ranges::lower_bound(counts_, model, {}, &ModelCounts::model);
  if (place != counts_.end() && place->model == model) return *place;
  return *counts_.insert(place, ModelCounts{.model = model});
}

// The model that was used least recently goes; two places, for others may need one itself.
void CountsByModel::make_room() {
  while (counts_.size() + 2 > most) {
    const auto least_missed = std::ranges::min_element(counts_, {}, [](const ModelCounts& counts) {
      return std::tuple(counts.model == ModelTable::others, counts.last_used);
    });
    const auto model = least_missed->model;
    fold_into_others([model](const ModelCounts& counts) { return counts.model == model; });
  }
}

template <typename Condition>
void CountsByModel::fold_into_others(Condition condition) {
  ModelCounts sum;
  const auto gone = std::remove_if(counts_.begin(), counts_.end(), [&](const ModelCounts& counts) {
    if (counts.model == ModelTable::others || !condition(counts)) return false;
    sum.add(counts);
    return true;
  });
  if (gone == counts_.end()) return;
  counts_.erase(gone, counts_.end());
  insert(ModelTable::others).add(sum);
}

}  // namespace pollux
