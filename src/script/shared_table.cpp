#include <cmath>
#include <limits>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "script/policy_state.h"

namespace pollux {

namespace {

using Milliseconds = std::chrono::milliseconds;

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
};

class MemorySharedTable final : public SharedTable {
 public:
  MemorySharedTable(const Clock& clock, std::size_t max_bytes, GivesWay gives_way)
      : clock_(clock), max_bytes_(max_bytes), gives_way_(gives_way) {}

  Value get(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    const auto found = find(name);
    return found == entries_.end() ? Value{} : found->second.value;
  }

  Result<void> set(std::string_view name, Value value, Milliseconds ttl) override {
    const std::lock_guard lock(mutex_);
    const auto found = find(name);
    if (std::holds_alternative<std::monostate>(value)) {
      if (found != entries_.end()) remove(found);
      return {};
    }
    const std::size_t bytes = size_of(name, value);
    if (bytes > max_bytes_) return invalid_input("the value is larger than the whole table");
    if (found != entries_.end()) remove(found);
    insert(name, std::move(value), bytes, ttl);
    return {};
  }

  Result<double> incr(std::string_view name, double by, Milliseconds ttl) override {
    const std::lock_guard lock(mutex_);
    const auto found = find(name);
    if (found == entries_.end()) {
      Value value(by);
      const std::size_t bytes = size_of(name, value);
      if (bytes > max_bytes_) return invalid_input("the name is larger than the whole table");
      insert(name, std::move(value), bytes, ttl);
      return by;
    }
    double* number = std::get_if<double>(&found->second.value);
    if (!number) return invalid_input("the value there is no number");
    return *number += by;
  }

 private:
  struct Entry {
    Value value;
    std::size_t bytes;
    Milliseconds ends_at;
    std::int64_t rank;  // Those with the lowest give way.
  };
  using Entries = std::unordered_map<std::string, Entry, NameHash, std::equal_to<>>;
  static constexpr Milliseconds never = Milliseconds::max();
  static constexpr std::size_t entry_overhead_bytes = 200;  // Nodes, hash and order, roughly.

  static std::size_t size_of(std::string_view name, const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return entry_overhead_bytes + 2 * name.size() + (text ? text->size() : 0);
  }

  // The entry, unless its time is over: then it goes.
  Entries::iterator find(std::string_view name) {
    const auto found = entries_.find(name);
    if (found == entries_.end() || found->second.ends_at > clock_.monotonic()) return found;
    remove(found);
    return entries_.end();
  }

  void remove(Entries::iterator entry) {
    bytes_ -= entry->second.bytes;
    by_rank_.erase({entry->second.rank, entry->first});
    entries_.erase(entry);
  }

  void insert(std::string_view name, Value&& value, std::size_t bytes, Milliseconds ttl) {
    // Of those without an end, any one: none of them asked to go first.
    while (bytes_ + bytes > max_bytes_) remove(entries_.find(by_rank_.begin()->second));
    const Milliseconds ends_at = ttl.count() > 0 ? clock_.monotonic() + ttl : never;
    const std::int64_t rank = gives_way_ == GivesWay::oldest ? ++last_set_ : ends_at.count();
    by_rank_.emplace(rank, name);
    entries_.emplace(std::string(name), Entry{std::move(value), bytes, ends_at, rank});
    bytes_ += bytes;
  }

  const Clock& clock_;
  const std::size_t max_bytes_;
  const GivesWay gives_way_;
  std::mutex mutex_;
  Entries entries_;
  std::set<std::pair<std::int64_t, std::string>> by_rank_;
  std::int64_t last_set_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<SharedTable> SharedTable::create(const Clock& clock, std::size_t max_bytes,
                                                 GivesWay gives_way) {
  return std::make_unique<MemorySharedTable>(clock, max_bytes, gives_way);
}

std::unique_ptr<SharedTable> SharedTable::create_cache(const Clock& clock) {
  constexpr std::size_t max_bytes = std::size_t{8} * 1024 * 1024;
  return create(clock, max_bytes, GivesWay::oldest);
}

}  // namespace pollux
