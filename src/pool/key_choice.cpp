// Choosing among those that can pay. Every way looks at all keys today.

#include <algorithm>
#include <mutex>

#include "pool/memory_key_pool.h"

namespace pollux {
namespace {

bool meets_all(const KeyEntry& entry, const KeyQuery& query) {
  return std::ranges::all_of(query.conditions, [&](const auto& condition) { return entry.meets(condition); });
}

bool is_avoided(const KeyEntry& entry, const KeyQuery& query) {
  return std::ranges::find(query.avoid, entry.id()) != query.avoid.end();
}

}  // namespace

KeyRef MemoryKeyPool::chosen(KeyEntry& entry) {
  entry.turn = ++turn_;
  return entry.shared_from_this();
}

template <typename Before>
KeyRef MemoryKeyPool::choose(const KeyQuery& query, Before before) {
  const auto now = core_.now();
  const auto model = core_.models.find(query.model);
  KeyEntry* best = nullptr;
  bool best_is_avoided = false;
  for (const auto& entry : entries_) {
    if (!entry->can_pay(model, now) || !meets_all(*entry, query)) continue;
    const bool avoided = is_avoided(*entry, query);
    const bool wins =
        best == nullptr || (avoided != best_is_avoided ? best_is_avoided : before(*entry, *best, now, model));
    if (wins) best = entry.get(), best_is_avoided = avoided;
  }
  return best == nullptr ? nullptr : chosen(*best);
}

KeyRef MemoryKeyPool::round_robin(const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  return choose(query,
                [](const KeyEntry& a, const KeyEntry& b, const Moment&, ModelId) { return a.turn < b.turn; });
}

KeyRef MemoryKeyPool::least_busy(const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  return choose(query, [](const KeyEntry& a, const KeyEntry& b, const Moment&, ModelId) {
    return std::pair(a.state.in_flight, a.turn) < std::pair(b.state.in_flight, b.turn);
  });
}

KeyRef MemoryKeyPool::most_remaining(const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  const auto today = core_.today(core_.now());
  return choose(query, [today](const KeyEntry& a, const KeyEntry& b, const Moment&, ModelId model) {
    return std::pair(a.used_today(model, today), a.turn) < std::pair(b.used_today(model, today), b.turn);
  });
}

KeyRef MemoryKeyPool::best(const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  return choose(query, [](const KeyEntry& a, const KeyEntry& b, const Moment& now, ModelId) {
    const auto a_rate = a.state.success.step(now.monotonic), b_rate = b.state.success.step(now.monotonic);
    return std::tuple(-a_rate, a.state.in_flight, a.turn) < std::tuple(-b_rate, b.state.in_flight, b.turn);
  });
}

// Every candidate earns its weight, the one with the most credit is chosen and pays for all: keys come as
// often as their weights say, and evenly mixed.
KeyRef MemoryKeyPool::weighted(const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  const auto model = core_.models.find(query.model);
  for (const bool avoided : {false, true}) {
    KeyEntry* best = nullptr;
    double total = 0;
    for (const auto& entry : entries_) {
      const auto weight = entry->state.profile.weight;
      if (weight <= 0 || !entry->can_pay(model, now) || !meets_all(*entry, query)) continue;
      if (is_avoided(*entry, query) != avoided) continue;
      total += weight;
      entry->credit += weight;
      if (best == nullptr || entry->credit > best->credit) best = entry.get();
    }
    if (best == nullptr) continue;
    best->credit -= total;
    return chosen(*best);
  }
  return nullptr;
}

std::size_t MemoryKeyPool::count(const KeyQuery& query) const {
  const std::lock_guard lock(core_.mutex);
  return static_cast<std::size_t>(std::ranges::count_if(
      entries_, [&](const auto& entry) { return entry->state.profile.enabled && meets_all(*entry, query); }));
}

std::vector<KeyRef> MemoryKeyPool::each(const KeyQuery& query) const {
  const std::lock_guard lock(core_.mutex);
  std::vector<KeyRef> keys;
  for (const auto& entry : entries_) {
    if (entry->state.profile.enabled && meets_all(*entry, query)) keys.push_back(entry);
  }
  return keys;
}

bool MemoryKeyPool::can_pay(const Key& key, std::string_view model) const {
  const std::lock_guard lock(core_.mutex);
  return entry_of(key).can_pay(core_.models.find(model), core_.now());
}

std::optional<std::int64_t> MemoryKeyPool::remaining(const Key&, std::string_view, std::string_view) const {
  return std::nullopt;  // No limits are known to this pool: only a refusal tells.
}

std::optional<Milliseconds> MemoryKeyPool::next_free_in(const KeyQuery& query) const {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  const auto model = core_.models.find(query.model);
  std::optional<Milliseconds> soonest;
  for (const auto& entry : entries_) {
    if (!entry->state.profile.enabled || !meets_all(*entry, query)) continue;
    const auto rest = entry->rests_for(model, now);
    soonest = std::min(soonest.value_or(rest), rest);
  }
  return soonest;
}

bool MemoryKeyPool::any_usable() const {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  return std::ranges::any_of(entries_, [&](const auto& entry) { return entry->usable(now); });
}

}  // namespace pollux
