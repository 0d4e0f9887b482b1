// The pool of one process: all of it in memory, under one mutex.
//
// Two locks. `changes_` puts changes of who is in the pool, and the observer's calls about them, into one
// order; it is taken first and never on the way of a request that goes well. `core_.mutex` guards the data
// and is held briefly: what looks at all keys for people takes it anew for every few of them.
//
// memory_key_pool.cpp: who is in the pool, and looking. key_choice.cpp: choosing and waiting.
// key_outcomes.cpp: what became of requests.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "pool/change_journal.h"
#include "pool/conversations.h"
#include "pool/key_entry.h"
#include "pool/key_pool.h"
#include "pool/reservations.h"
#include "pool/roster.h"
#include "pool/waiting_lines.h"

namespace pollux {

class MemoryKeyPool final : public KeyPool {
 public:
  explicit MemoryKeyPool(const Clock& clock);

  void set_observer(PoolObserver* observer) override;
  void set_limits(std::shared_ptr<const LimitTable> limits) override;

  void restore(KeyRecord record, KeyState state) override;
  void restore(QuotaState state) override;
  Result<Added> add(const GivenKey& given) override;
  Result<KeyRef> guest(std::string_view secret) override;
  bool remove(std::string_view id) override;
  std::vector<std::string> remove_all(std::span<const std::string> ids) override;
  Result<void> change(std::string_view id, const Patch& patch) override;
  KeyRef find(std::string_view id_or_name) const override;
  std::size_t size() const override;

  Choice round_robin(const KeyQuery& query) override { return choose(Way::round_robin, query); }
  Choice least_busy(const KeyQuery& query) override { return choose(Way::least_busy, query); }
  Choice most_remaining(const KeyQuery& query) override { return choose(Way::most_remaining, query); }
  Choice best(const KeyQuery& query) override { return choose(Way::best, query); }
  Choice weighted(const KeyQuery& query) override { return choose(Way::weighted, query); }
  Choice kept_for(const KeyQuery& query, std::string_view conversation) override;
  void keep(std::string_view conversation, const Key& key) override;
  std::size_t count(const KeyQuery& query) const override;
  std::vector<KeyRef> each(const KeyQuery& query) const override;
  bool can_pay(const Key& key, std::string_view model) const override;
  std::optional<std::int64_t> remaining(const Key& key, std::string_view kind,
                                        std::string_view model) const override;
  std::optional<Milliseconds> next_free_in(const KeyQuery& query) override;
  bool none_may_use(const KeyQuery& query) const override;
  bool any_usable() const override;

  std::unique_ptr<WaitingPlace> wait_in_line(std::span<const KeyQuery> queries,
                                             std::function<void()> on_turn) override;
  bool is_first(const WaitingPlace& place) const override;
  std::size_t waiting() const override;

  Reservation reserve(const KeyRef& key, std::string_view model, std::int64_t tokens,
                      bool regardless) override;
  void succeeded(const Key& key, std::string_view model) override;
  void failed(const Key& key, std::string_view model, int status, std::string_view message) override;
  void cool_down(const Key& key, std::string_view model, Milliseconds duration,
                 std::string_view reason) override;
  void back_off(const Key& key, std::string_view model, BackOff rest) override;
  void back_off_model(std::string_view model, BackOff rest) override;
  void learn_limit(const Key& key, std::string_view model, std::string_view kind,
                   std::int64_t limit) override;
  void forget_limits(std::optional<std::string_view> id) override;
  void learn_project(const Key& key, std::string_view project) override;
  void disable(const Key& key, std::string_view reason) override;
  void disable_project(const Key& key, std::string_view reason) override;
  void strike(const Key& key, int max_failures, std::string_view reason) override;
  bool reset(std::optional<std::string_view> id) override;

  std::vector<KeyRef> sick_keys() const override;
  void bring_back(const Key& key) override;

  std::vector<KeyStatus> statuses() const override;
  std::optional<KeyStatus> status(std::string_view id) const override;
  std::vector<Standing> standings() const override;
  PoolState take_changes() override;

 private:
  using EntryRef = std::shared_ptr<KeyEntry>;
  using ProjectRef = std::shared_ptr<ProjectQuota>;

  // The lock on the data; those whose turn has come are told once it is released.
  class Held {
   public:
    explicit Held(MemoryKeyPool& pool) : pool_(pool), lock_(pool.core_.mutex) {}
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    MemoryKeyPool& pool_;
    std::unique_lock<std::mutex> lock_;
  };
  class Place;

  void answered(std::uint64_t reservation) noexcept override;
  void used(std::uint64_t reservation, const TokenCounts& tokens) noexcept override;
  void give_back(std::uint64_t reservation) noexcept override;
  void ended(std::uint64_t reservation) noexcept override;

  // -- All below: REQUIRES that the caller holds core_.mutex
  EntryRef insert(KeyRecord record);
  EntryRef take_out(std::string_view id);
  void close_gaps();
  KeyEntry* find_by_id(std::string_view id) const;
  std::string free_name(const std::string& wish) const;
  Result<void> check(const KeyEntry& entry, const Patch& patch) const;
  void apply(KeyEntry& entry, const Patch& patch);
  void set_enabled(KeyEntry& entry, bool enabled, const std::string& reason);
  void note_change();
  void mark_changed(KeyEntry& entry);
  bool disable_now(KeyEntry& entry, std::string_view reason);
  std::optional<KeyRecord> start_anew(KeyEntry& entry);

  // -- Projects
  ProjectRef project_named(const std::string& name);
  void join_project(KeyEntry& entry);
  void leave_project(KeyEntry& entry);
  void move_to_project(KeyEntry& entry, const std::string& name);
  void find_tier(ProjectQuota& project);
  void find_tier_again(ProjectQuota& project);
  void heed_tier(ProjectQuota& project, const KeyEntry& member) const;
  ModelQuota& quota_of(KeyEntry& entry, ModelId model, const Moment& now);
  void mark_changed(ProjectQuota& project, ModelQuota& quota);
  void rests(ProjectQuota& project, ModelQuota& quota, const Moment& now);
  void take_changes_of(ProjectQuota& project, const Moment& now, PoolState& state);

  // -- Choosing
  Choice choose(Way way, const KeyQuery& query);
  Roster& roster_of(Way way, ModelId model, const Roster::Conditions& conditions);
  Roster::Chosen choose_now(Way way, const KeyQuery& query);
  static const WaitingLines::Waiter* waiter_of(const KeyQuery& query);
  // It may be able to pay now, or another key than before is the next.
  void touch(const KeyEntry& entry);
  void freed(const KeyEntry& entry);
  void freed(ProjectQuota& project);
  void everything_changed();  // Who is in the pool, or what is known of all of them.

  mutable PoolCore core_;
  std::vector<EntryRef> entries_;  // In the order in which they came; each knows its place as its slot.
  std::uint64_t removals_ = 0;     // Each moves those behind it to other slots.
  std::unordered_map<std::string, KeyEntry*, TextHash, std::equal_to<>> by_id_, by_name_;
  std::unordered_map<std::string, ProjectRef> projects_;
  std::vector<EntryRef> changed_;
  std::vector<ProjectRef> changed_projects_;
  std::vector<std::pair<std::string, std::string>> forgotten_quotas_;

  std::list<Roster> rosters_;  // Latest used first.
  std::uint64_t version_ = 1;  // Of who is in the pool and meets which conditions.
  ChangeJournal journal_;
  std::uint64_t turn_ = 0;
  Conversations conversations_;
  WaitingLines lines_;
  std::vector<WaitingLines::OnTurn> to_tell_;
  bool may_be_free_ = false;  // A key, for those who wait: they are told when the lock is released.
  Reservations reservations_;

  bool change_noted_ = false;  // Since the last take_changes(); guarded by core_.mutex.

  std::mutex changes_;
  PoolObserver* observer_ = nullptr;  // Read under either lock, written under both.
};

// REQUIRES: the key came from this kind of pool, which never makes one const.
inline KeyEntry& entry_of(const Key& key) {
  return const_cast<KeyEntry&>(static_cast<const KeyEntry&>(key));
}

}  // namespace pollux
