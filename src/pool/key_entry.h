// A key as the pool keeps it: everything but id and secret is guarded by the pool's mutex.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "pool/key_counts.h"
#include "pool/key_pool.h"
#include "pool/model_table.h"
#include "pool/pacific_day.h"
#include "pool/rest.h"

namespace pollux {

// What keys share; `mutex` guards all of it and all entries.
struct PoolCore {
  explicit PoolCore(const Clock& its_clock) : clock(its_clock) {}

  Moment now() const { return {clock.wall(), clock.monotonic()}; }
  std::int64_t today(const Moment& now) { return calendar.at(now.wall).date; }

  const Clock& clock;
  std::mutex mutex;
  PacificCalendar calendar;
  ModelTable models;
};

class KeyEntry final : public Key, public std::enable_shared_from_this<KeyEntry> {
 public:
  KeyEntry(PoolCore& core, KeyRecord record);

  const std::string& id() const override { return id_; }
  const std::string& secret() const override { return secret_; }
  KeyProfile profile() const override;
  std::string name() const override;
  int in_flight() const override;
  int failures_in_a_row() const override;
  std::int64_t requests_today() const override;

  // -- All below: REQUIRES that the caller holds core.mutex
  // ------------------------------------------------------
  bool usable(const Moment& now) const { return state.profile.enabled && !removed && state.rest.over(now); }
  bool can_pay(ModelId model, const Moment& now) const;
  // Until its own rest and the model's are over; 0: now.
  Milliseconds rests_for(ModelId model, const Moment& now) const;
  bool meets(const KeyQuery::Condition& condition) const;
  std::int64_t used_today(ModelId model, std::int64_t today) const;

  ModelCounts& counts_of(std::string_view model, const Moment& now);
  void remember_error(KeyError error, std::size_t most);
  void start_anew();  // Counters, rests and failures to zero.

  void restore(const KeyState& from, const Moment& now);
  KeyState stored_state(const Moment& now);
  KeyRecord record() const;
  KeyStatus status(const Moment& now, bool with_errors);

  struct State {
    KeyProfile profile;
    WallTime added_at;
    Rest rest;
    int in_flight = 0, failures_in_a_row = 0;
    std::optional<WallTime> last_used, last_success;
    CountsByModel counts;
    SuccessRate success;
    std::deque<KeyError> errors;  // Newest first.
  };
  State state;
  std::uint64_t turn = 0;  // When it was last chosen: the lowest is next among equals.
  double credit = 0;       // For weighted choosing: what it is owed, in weights.
  bool changed = false;    // Waits for take_changed_states().
  bool removed = false;

 private:
  PoolCore& core_;
  const std::string id_, secret_;
};

}  // namespace pollux
