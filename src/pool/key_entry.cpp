#include "pool/key_entry.h"

#include <algorithm>
#include <utility>

#include "base/redact.h"

namespace pollux {
namespace {

// How long the one request of a key on trial may well take: its end tells those who wait.
constexpr Milliseconds trial_takes{1'000};

}  // namespace

KeyEntry::KeyEntry(PoolCore& core, KeyRecord record)
    : core_(core), id_(std::move(record.id)), secret_(std::move(record.secret)) {
  state.profile = std::move(record.profile);
  state.added_at = record.added_at;
}

KeyProfile KeyEntry::profile() const {
  const std::lock_guard lock(core_.mutex);
  return state.profile;
}

std::string KeyEntry::name() const {
  const std::lock_guard lock(core_.mutex);
  return state.profile.name;
}

int KeyEntry::in_flight() const {
  const std::lock_guard lock(core_.mutex);
  return state.in_flight;
}

int KeyEntry::failures_in_a_row() const {
  const std::lock_guard lock(core_.mutex);
  return state.failures_in_a_row;
}

std::int64_t KeyEntry::requests_today() const {
  const std::lock_guard lock(core_.mutex);
  return state.counts.requests_on(core_.today(core_.now()));
}

std::optional<Milliseconds> KeyEntry::free_in(ModelId model, std::int64_t tokens, const Moment& now) const {
  if (!state.profile.enabled || removed) return std::nullopt;
  auto wait = state.rest.left(now);
  if (state.on_trial && state.in_flight > 0) wait = std::max(wait, trial_takes);
  if (model == ModelTable::others) return wait;
  const auto& known = core_.limits.of(project->tier, model, core_.models);
  auto* quota = project->find(model);
  if (quota == nullptr) {
    if (known.rpm == 0 || known.tpm == 0 || known.rpd == 0) return std::nullopt;
    return wait;
  }
  const auto by_quota = quota->free_in(quota->in_force(known), tokens, now, core_.day(now));
  if (!by_quota) return std::nullopt;
  if (*by_quota > Milliseconds(0)) project->kept_keys_waiting = true;
  return std::max(wait, *by_quota);
}

Limits KeyEntry::limits(ModelId model) const {
  const auto& known = core_.limits.of(project->tier, model, core_.models);
  const auto* quota = project->find(model);
  return quota == nullptr ? known : quota->in_force(known);
}

bool KeyEntry::may_never_use(ModelId model) const {
  const auto limits = this->limits(model);
  return limits.rpm == 0 || limits.tpm == 0 || limits.rpd == 0;
}

double KeyEntry::share_left(ModelId model, const Moment& now) const {
  const auto today = core_.today(now);
  constexpr double unlimited =
      1e9;  // Keys without a known limit: nearly all is left, the least used have most.
  if (model == ModelTable::others)
    return 1 - static_cast<double>(state.counts.requests_on(today)) / unlimited;
  const auto* quota = project->find(model);
  const auto used = static_cast<double>(quota == nullptr ? 0 : quota->requests_on(today));
  const auto limit = limits(model).rpd;
  return 1 - used / (limit && *limit > 0 ? static_cast<double>(*limit) : unlimited);
}

bool KeyEntry::meets(const KeyQuery::Condition& condition) const {
  const auto& profile = state.profile;
  switch (condition.kind) {
    case KeyQuery::Condition::Kind::tagged:
      return std::ranges::find(profile.tags, condition.value) != profile.tags.end();
    case KeyQuery::Condition::Kind::in_project:
      return profile.project == condition.value;
    case KeyQuery::Condition::Kind::named:
      return profile.name == condition.value || id_ == condition.value;
  }
  return false;
}

bool KeyEntry::meets_all(const std::vector<KeyQuery::Condition>& conditions) const {
  return std::ranges::all_of(conditions, [this](const auto& condition) { return meets(condition); });
}

void KeyEntry::remember_error(KeyError error, std::size_t most) {
  while (state.errors.size() >= most) state.errors.erase(state.errors.begin());
  state.errors.push_back(std::move(error));
}

void KeyEntry::start_anew() {
  state.rest = {};
  state.rest_reason.clear();
  state.on_trial = false;
  state.failures_in_a_row = 0;
  state.counts.clear();
  state.success = {};
  state.errors.clear();
}

void KeyEntry::restore(const KeyState& from, const Moment& now) {
  if (from.cooldown_until) state.rest.restore(*from.cooldown_until, now);
  state.rest_reason = from.rest_reason;
  state.on_trial = from.on_trial;
  state.failures_in_a_row = from.failures_in_a_row;
  state.last_used = from.last_used;
  state.last_success = from.last_success;
  for (const auto& model : from.models) {
    counts_of(core_.models.remember(model.model, now.monotonic), now)
        .add({.model = {},
              .day = model.day,
              .requests_today = model.requests_today,
              .successes = model.successes,
              .failures = model.failures,
              .tokens_today = model.tokens_today});
  }
}

KeyState KeyEntry::stored_state(const Moment& now) {
  state.counts.forget_unknown(core_.models);
  KeyState stored{.cooldown_until = state.rest.until(now),
                  .rest_reason = state.rest_reason,
                  .on_trial = state.on_trial,
                  .failures_in_a_row = state.failures_in_a_row,
                  .last_used = state.last_used,
                  .last_success = state.last_success,
                  .models = {}};
  for (const auto& counts : state.counts) {
    stored.models.push_back({.model = std::string(core_.models.name(counts.model)),
                             .day = counts.day,
                             .requests_today = counts.requests_today,
                             .successes = counts.successes,
                             .failures = counts.failures,
                             .tokens_today = counts.tokens_today});
  }
  return stored;
}

KeyRecord KeyEntry::record() const {
  return {.id = id_, .secret = secret_, .profile = state.profile, .added_at = state.added_at};
}

// What was counted of this key, and what its project may still do; of either there may be nothing.
KeyModelStatus KeyEntry::model_status(ModelId model, const Moment& now) const {
  const auto today = core_.today(now);
  KeyModelStatus status{.model = std::string(core_.models.name(model))};
  if (const auto* counts = state.counts.find(model)) {
    status.requests_today = counts->requests_on(today);
    status.successes = counts->successes;
    status.failures = counts->failures;
    status.tokens_today = counts->tokens_on(today);
  }
  if (model == ModelTable::others) return status;
  status.limits = limits(model);
  if (auto* quota = project->find(model)) {
    status.requests_this_minute = quota->minute_requests(now.monotonic);
    status.tokens_this_minute = quota->minute_tokens(now.monotonic);
    status.project_requests_today = quota->requests_on(today);
    status.rpm_learned = quota->learned.rpm.has_value();
    status.tpm_learned = quota->learned.tpm.has_value();
    status.rpd_learned = quota->learned.rpd.has_value();
    status.cooldown_until = quota->rest.until(now);
  }
  return status;
}

KeyStanding KeyEntry::standing(const Moment& now) const {
  if (!state.profile.enabled) return KeyStanding::disabled;
  if (!state.rest.over(now)) return KeyStanding::resting;
  return state.on_trial ? KeyStanding::probing : KeyStanding::ready;
}

KeyStatus KeyEntry::status(const Moment& now, bool with_errors) {
  state.counts.forget_unknown(core_.models);
  project->forget_unknown(core_.models);
  KeyStatus status{
      .id = id_, .profile = state.profile, .masked_secret = mask_secret(secret_), .added_at = state.added_at};
  status.cooldown_until = state.rest.until(now);
  if (status.cooldown_until) status.rest_reason = state.rest_reason;
  status.state = name_of(standing(now));
  status.in_flight = state.in_flight;
  status.failures_in_a_row = state.failures_in_a_row;
  status.last_used = state.last_used;
  status.last_success = state.last_success;
  for (const auto& counts : state.counts) status.models.push_back(model_status(counts.model, now));
  for (const auto& quota : project->all()) {  // Those that only other keys of the project have used.
    if (state.counts.find(quota.model) == nullptr) status.models.push_back(model_status(quota.model, now));
  }
  for (const auto& model : status.models) {
    status.requests_today += model.requests_today;
    status.successes += model.successes;
    status.failures += model.failures;
  }
  std::ranges::sort(status.models, {}, &KeyModelStatus::model);
  if (with_errors) status.recent_errors.assign(state.errors.rbegin(), state.errors.rend());
  return status;
}

}  // namespace pollux
