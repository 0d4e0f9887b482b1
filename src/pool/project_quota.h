// What one Google Cloud project has asked of its models, and when it may ask again. Google counts by project
// and model; a key whose project is unknown is a project of its own.
//
// Guarded by the pool's mutex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pool/model_table.h"
#include "pool/pacific_day.h"
#include "pool/quota_limits.h"
#include "pool/quota_window.h"
#include "pool/rest.h"

namespace pollux {

class KeyEntry;

// One project and one model.
struct ModelQuota {
  ModelId model;
  std::string name;  // The model's, which its table may have forgotten.
  QuotaWindow minute;
  QuotaWindow::Use under_way;  // Sent, and no answer has begun.
  std::int64_t day = 0;        // yyyymmdd, of requests_today.
  std::int64_t requests_today = 0;
  Rest rest;
  int back_offs = 0;  // In a row, without a success.
  Limits learned;
  Milliseconds last_used{0};
  bool changed = false;  // Waits to be stored.

  Limits in_force(const Limits& known) const;
  std::int64_t requests_on(std::int64_t date) const { return day == date ? requests_today : 0; }
  void count_today(std::int64_t date, std::int64_t requests);
  // Until a request of so many tokens may be sent: 0 now; nothing: never, for a limit is 0. A request of more
  // tokens than the limit needs the whole limit: an estimate alone refuses nothing.
  std::optional<Milliseconds> free_in(const Limits& limits, std::int64_t tokens, const Moment& now,
                                      const PacificDay& today);
  // What is left to be sent now.
  std::int64_t minute_requests(Milliseconds now) { return minute.used(now).requests + under_way.requests; }
  std::int64_t minute_tokens(Milliseconds now) { return minute.used(now).tokens + under_way.tokens; }
  bool worth_storing(const Moment& now, std::int64_t today);
};

class ProjectQuota {
 public:
  static constexpr std::size_t most_models = 64;

  explicit ProjectQuota(std::string name) : name_(std::move(name)) {}

  // "my-project", or "key:3f9a2c..." for a key that stands alone.
  const std::string& name() const noexcept { return name_; }

  // Null: nothing was ever asked of the model, and nothing learned.
  ModelQuota* find(ModelId model);
  // Finds or adds; where there are too many models, the one that is least missed goes. Others are then
  // elsewhere.
  ModelQuota& of(ModelId model, const ModelTable& models, const Moment& now);
  std::vector<ModelQuota>& all() noexcept { return quotas_; }
  // Takes over what another project has counted: two names turned out to be one project.
  void merge(ProjectQuota& other, const ModelTable& models, const Moment& now);
  void forget_unknown(const ModelTable& models);
  void start_anew();     // Counts, rests and what was learned.
  void forget_limits();  // What was learned alone.

  // Models that were dropped since the last call and are not there again: what is stored of them may go.
  std::vector<std::string> take_dropped();

  std::vector<KeyEntry*> members;
  std::size_t tier = LimitTable::no_tier;  // By the tags of its keys.
  bool changed = false;                    // Some quota is: set by who lists it to be stored.
  bool kept_keys_waiting = false;          // Since a member was last found unable to pay for want of quota.

 private:
  void make_room(const ModelTable& models, const Moment& now);

  void drop(const ModelQuota& quota);

  static constexpr std::size_t most_dropped = 1000;  // Where nobody stores anything.
  std::vector<ModelQuota> quotas_;                   // By model.
  std::vector<std::string> dropped_;
  std::string name_;
};

}  // namespace pollux
