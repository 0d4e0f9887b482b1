// A key as the pool keeps it: everything but id and secret is guarded by the pool's mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pool/key_counts.h"
#include "pool/key_pool.h"
#include "pool/known_limits.h"
#include "pool/model_table.h"
#include "pool/pacific_day.h"
#include "pool/project_quota.h"
#include "pool/rest.h"

namespace pollux {

// What keys share; `mutex` guards all of it and all entries.
struct PoolCore {
  explicit PoolCore(const Clock& its_clock) : clock(its_clock) {}

  Moment now() const { return {clock.wall(), clock.monotonic()}; }
  const PacificDay& day(const Moment& now) { return calendar.at(now.wall); }
  std::int64_t today(const Moment& now) { return day(now).date; }

  const Clock& clock;
  std::mutex mutex;
  PacificCalendar calendar;
  ModelTable models;
  KnownLimits limits;
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
  bool usable(const Moment& now) const { return state.profile.enabled && !removed && state.rest.over(now); }
  // Until a request of so many tokens may be sent: 0 now; nothing: not by itself. A rest of the model for
  // everybody is not looked at.
  std::optional<Milliseconds> free_in(ModelId model, std::int64_t tokens, const Moment& now) const;
  // A limit of 0: Google lets this key's project never use the model.
  bool may_never_use(ModelId model) const;
  Limits limits(ModelId model) const;  // In force for its project.
  bool meets(const KeyQuery::Condition& condition) const;
  bool meets_all(const std::vector<KeyQuery::Condition>& conditions) const;
  // The share of its project's day that is left for the model, 0 to 1; near 1 where no limit is known.
  double share_left(ModelId model, const Moment& now) const;

  ModelCounts& counts_of(ModelId model, const Moment& now) {
    return state.counts.of(model, core_.models, now.monotonic);
  }
  void remember_error(KeyError error, std::size_t most);
  void start_anew();  // Counters, rests and failures to zero.

  void restore(const KeyState& from, const Moment& now);
  KeyState stored_state(const Moment& now);
  KeyRecord record() const;
  KeyStatus status(const Moment& now, bool with_errors);
  KeyStanding standing(const Moment& now) const;

  struct State {
    KeyProfile profile;
    WallTime added_at;
    Rest rest;
    std::string rest_reason;
    bool on_trial = false;  // Was brought back: one request at a time, until one succeeds.
    int in_flight = 0, failures_in_a_row = 0;
    std::optional<WallTime> last_used, last_success;
    CountsByModel counts;
    SuccessRate success;
    std::vector<KeyError> errors;  // Oldest first.
  };
  State state;
  std::shared_ptr<ProjectQuota> project;  // Null for a guest.
  std::uint32_t slot = 0;                 // Its place among the pool's entries.
  std::uint64_t turn = 0;                 // When it was last chosen: the lowest is next among equals.
  double pass = 0;       // For weighted choosing: the lowest is next, and goes on by 1 / weight.
  bool changed = false;  // Waits for take_changes().
  bool removed = false;

 private:
  KeyModelStatus model_status(ModelId model, const Moment& now) const;

  PoolCore& core_;
  const std::string id_, secret_;
};

}  // namespace pollux
