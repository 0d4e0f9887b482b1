// The pool of one process: all of it in memory, under one mutex.
//
// Two locks. `changes_` puts changes of who is in the pool, and the observer's calls about them, into one
// order; it is taken first and never on the way of a request that goes well. `core_.mutex` guards the data
// and is held briefly: what looks at all keys for people takes it anew for every few of them.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "pool/key_entry.h"
#include "pool/key_pool.h"

namespace pollux {

class MemoryKeyPool final : public KeyPool {
 public:
  explicit MemoryKeyPool(const Clock& clock);

  void set_observer(PoolObserver* observer) override;

  void restore(KeyRecord record, KeyState state) override;
  Result<Added> add(const GivenKey& given) override;
  bool remove(std::string_view id) override;
  Result<void> change(std::string_view id, const Patch& patch) override;
  KeyRef find(std::string_view id_or_name) const override;
  std::size_t size() const override;

  KeyRef round_robin(const KeyQuery& query) override;
  KeyRef least_busy(const KeyQuery& query) override;
  KeyRef most_remaining(const KeyQuery& query) override;
  KeyRef best(const KeyQuery& query) override;
  KeyRef weighted(const KeyQuery& query) override;
  std::size_t count(const KeyQuery& query) const override;
  std::vector<KeyRef> each(const KeyQuery& query) const override;
  bool can_pay(const Key& key, std::string_view model) const override;
  std::optional<std::int64_t> remaining(const Key& key, std::string_view kind,
                                        std::string_view model) const override;
  std::optional<Milliseconds> next_free_in(const KeyQuery& query) const override;
  bool any_usable() const override;

  InFlight begin(const KeyRef& key, std::string_view model) override;
  void succeeded(const Key& key, std::string_view model) override;
  void failed(const Key& key, std::string_view model, int status, std::string_view message) override;
  void cool_down(const Key& key, std::string_view model, Milliseconds duration) override;
  void disable(const Key& key, std::string_view reason) override;
  void strike(const Key& key, int max_failures, std::string_view reason) override;
  bool reset(std::optional<std::string_view> id) override;

  std::vector<KeyStatus> statuses() const override;
  std::optional<KeyStatus> status(std::string_view id) const override;
  std::vector<std::pair<std::string, KeyState>> take_changed_states() override;

 private:
  using EntryRef = std::shared_ptr<KeyEntry>;

  void ended(const Key& key) noexcept override;

  // -- All below: REQUIRES that the caller holds core_.mutex
  // -----------------------------------------------------
  EntryRef insert(KeyRecord record);
  KeyEntry* find_by_id(std::string_view id) const;
  std::string free_name(const std::string& wish) const;
  Result<void> check(const KeyEntry& entry, const Patch& patch) const;
  void apply(KeyEntry& entry, const Patch& patch);
  void mark_changed(KeyEntry& entry);
  bool disable_now(KeyEntry& entry, std::string_view reason);
  // Among those that can pay, the one before which no other comes; `before(a, b)` orders by the way of
  // choosing, equals take turns.
  template <typename Before>
  KeyRef choose(const KeyQuery& query, Before before);
  KeyRef chosen(KeyEntry& entry);

  mutable PoolCore core_;
  std::vector<EntryRef> entries_;  // In the order in which they came.
  std::unordered_map<std::string, KeyEntry*, TextHash, std::equal_to<>> by_id_, by_name_;
  std::vector<EntryRef> changed_;
  std::uint64_t turn_ = 0;

  std::mutex changes_;
  PoolObserver* observer_ = nullptr;
};

// REQUIRES: the key came from this kind of pool, which never makes one const.
inline KeyEntry& entry_of(const Key& key) {
  return const_cast<KeyEntry&>(static_cast<const KeyEntry&>(key));
}

}  // namespace pollux
