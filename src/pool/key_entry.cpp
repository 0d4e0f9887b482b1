#include "pool/key_entry.h"

#include <algorithm>
#include <utility>

#include "base/redact.h"

namespace pollux {

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

bool KeyEntry::can_pay(ModelId model, const Moment& now) const {
  if (!usable(now)) return false;
  if (model == ModelTable::others) return true;
  const auto* counts = state.counts.find(model);
  return counts == nullptr || counts->rest.over(now);
}

Milliseconds KeyEntry::rests_for(ModelId model, const Moment& now) const {
  const auto own = state.rest.left(now);
  const auto* counts = model == ModelTable::others ? nullptr : state.counts.find(model);
  return counts == nullptr ? own : std::max(own, counts->rest.left(now));
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

std::int64_t KeyEntry::used_today(ModelId model, std::int64_t today) const {
  if (model == ModelTable::others) return state.counts.requests_on(today);
  const auto* counts = state.counts.find(model);
  return counts == nullptr ? 0 : counts->requests_on(today);
}

ModelCounts& KeyEntry::counts_of(std::string_view model, const Moment& now) {
  return state.counts.of(core_.models.remember(model, now.monotonic), core_.models, now);
}

void KeyEntry::remember_error(KeyError error, std::size_t most) {
  while (state.errors.size() >= most) state.errors.pop_back();
  state.errors.push_front(std::move(error));
}

void KeyEntry::start_anew() {
  state.rest = {};
  state.failures_in_a_row = 0;
  state.counts.clear();
  state.success = {};
  state.errors.clear();
}

void KeyEntry::restore(const KeyState& from, const Moment& now) {
  if (from.cooldown_until) state.rest.restore(*from.cooldown_until, now);
  state.failures_in_a_row = from.failures_in_a_row;
  state.last_used = from.last_used;
  state.last_success = from.last_success;
  for (const auto& model : from.models) {
    auto& counts = counts_of(model.model, now);
    counts.add(model.day, model.requests_today, model.successes, model.failures);
    if (!model.cooldown_until || counts.model == ModelTable::others) continue;
    counts.rest.restore(*model.cooldown_until, now);
    core_.models.keep_until(counts.model, now.monotonic + counts.rest.left(now));
  }
}

KeyState KeyEntry::stored_state(const Moment& now) {
  state.counts.forget_unknown(core_.models);
  KeyState stored{.cooldown_until = state.rest.until(now),
                  .failures_in_a_row = state.failures_in_a_row,
                  .last_used = state.last_used,
                  .last_success = state.last_success};
  for (const auto& counts : state.counts) {
    stored.models.push_back({.model = std::string(core_.models.name(counts.model)),
                             .day = counts.day,
                             .requests_today = counts.requests_today,
                             .successes = counts.successes,
                             .failures = counts.failures,
                             .cooldown_until = counts.rest.until(now)});
  }
  return stored;
}

KeyRecord KeyEntry::record() const {
  return {.id = id_, .secret = secret_, .profile = state.profile, .added_at = state.added_at};
}

KeyStatus KeyEntry::status(const Moment& now, bool with_errors) {
  state.counts.forget_unknown(core_.models);
  const auto today = core_.today(now);
  KeyStatus status{.id = id_, .profile = state.profile, .masked_secret = mask_secret(secret_)};
  status.cooldown_until = state.rest.until(now);
  status.state = !state.profile.enabled ? "disabled" : status.cooldown_until ? "resting" : "ready";
  status.in_flight = state.in_flight;
  status.failures_in_a_row = state.failures_in_a_row;
  status.last_used = state.last_used;
  status.last_success = state.last_success;
  for (const auto& counts : state.counts) {
    KeyModelStatus model{.model = std::string(core_.models.name(counts.model)),
                         .requests_today = counts.requests_on(today),
                         .successes = counts.successes,
                         .failures = counts.failures,
                         .requests_this_minute = counts.minute.at(now.monotonic),
                         .cooldown_until = counts.rest.until(now)};
    status.requests_today += model.requests_today;
    status.successes += model.successes;
    status.failures += model.failures;
    status.models.push_back(std::move(model));
  }
  std::ranges::sort(status.models, {}, &KeyModelStatus::model);
  if (with_errors) status.recent_errors.assign(state.errors.begin(), state.errors.end());
  return status;
}

}  // namespace pollux
