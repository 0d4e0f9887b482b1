// One way of choosing for one model among the keys that meet some conditions: those that can pay in the order
// in which they are to be taken, the others in the order in which they will be free.
//
// A roster is put together once, in O(n), and then follows the journal of changes: a choice costs O(log n)
// and what has changed since the last one. What only ever gets worse (quota, being busy) is looked at anew
// when a key comes to the top; what gets better by itself has its time; what gets better by an event is in
// the journal.
//
// Guarded by the pool's mutex.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pool/change_journal.h"
#include "pool/indexed_heap.h"
#include "pool/key_entry.h"

namespace pollux {

enum class Way : std::uint8_t { round_robin, least_busy, most_remaining, best, weighted };

class Roster {
 public:
  using Conditions = std::vector<KeyQuery::Condition>;
  using Entries = std::span<const std::shared_ptr<KeyEntry>>;  // By slot.

  Roster(Way way, ModelId model, Conditions conditions)
      : way_(way), model_(model), conditions_(std::move(conditions)) {}

  Way way() const noexcept { return way_; }
  ModelId model() const noexcept { return model_; }
  const Conditions& conditions() const noexcept { return conditions_; }
  std::size_t size() const noexcept { return candidates_.size(); }

  struct Chosen {
    KeyEntry* entry = nullptr;
    std::optional<Milliseconds>
        free_in;  // Without one: until the first can pay; nothing: none will by itself.
  };
  struct Wish {
    std::int64_t tokens = 0;
    std::span<const std::string> avoid;
  };
  // `version` changes whenever a key comes, goes, or meets other conditions than before.
  Chosen choose(const Wish& wish, Entries entries, std::uint64_t version, const ChangeJournal& journal,
                PoolCore& core);

 private:
  struct Rank {
    double first = 0, second = 0;
    std::uint64_t turn = 0;
    friend auto operator<=>(const Rank&, const Rank&) = default;  // NOLINT(modernize-use-nullptr)
  };
  void put_together(Entries entries, std::uint64_t version, const ChangeJournal& journal, const Moment& now);
  void follow(const ChangeJournal& journal, const Moment& now);
  void wake(const Moment& now);
  void look_at(std::uint32_t number, const Moment& now);
  void make_ready(std::uint32_t number, const Moment& now);
  void put_to_sleep(std::uint32_t number, std::optional<Milliseconds> wait, const Moment& now);
  Rank rank_of(const KeyEntry& entry, const Moment& now) const;
  bool is_out_of_date(std::uint64_t version, const ChangeJournal& journal, const Moment& now, PoolCore& core);

  const Way way_;
  const ModelId model_;
  const Conditions conditions_;

  static constexpr std::uint32_t nobody = 0xFFFFFFFF;
  std::vector<KeyEntry*> candidates_;  // Those who meet the conditions. Their places here are their numbers.
  std::vector<std::uint32_t> number_of_slot_;  // Or nobody.
  IndexedHeap<Rank> ready_;                    // Those that can pay, as far as is known.
  IndexedHeap<Milliseconds>
      due_;  // When to look again at those that will be able to, or whose rank rises by itself.
  std::vector<std::pair<std::uint32_t, Rank>> aside_;  // Taken out during a choice.
  std::uint64_t version_ = 0, read_to_ = 0;
  double virtual_time_ = 0;  // Of weighted choosing: the pass of the latest choice.
  std::int64_t today_ = 0;
  Milliseconds wall_offset_{0};  // Between the machine's clocks: a jump makes all foretold times doubtful.
};

}  // namespace pollux
