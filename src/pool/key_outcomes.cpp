// What became of requests: reservations, successes, failures, and what policies make of them.

#include <algorithm>
#include <utility>

#include "base/redact.h"
#include "pool/key_text.h"
#include "pool/memory_key_pool.h"

namespace pollux {
namespace {

constexpr std::size_t most_errors_of_a_key = 20;
constexpr std::size_t most_errors = 4'000;  // Of the whole pool, about: 2 MiB.

// A rest that follows on another which was not enough. Nothing: the last one still runs, and what failed now
// was sent before it.
std::optional<Milliseconds> next_back_off(const Rest& last, int& in_a_row, KeyPool::BackOff wish,
                                          const Moment& now) {
  if (!last.over(now)) return std::nullopt;
  auto rest = wish.first;
  for (int doubled = 0; doubled < in_a_row && rest > Milliseconds(0) && rest < wish.most; ++doubled)
    rest *= 2;
  ++in_a_row;
  return std::min(rest, wish.most);
}

std::optional<std::int64_t>* limit_of_kind(Limits& limits, std::string_view kind) {
  if (kind == "rpm") return &limits.rpm;
  if (kind == "tpm") return &limits.tpm;
  return kind == "rpd" ? &limits.rpd : nullptr;
}

}  // namespace

// -- Reservations

KeyPool::Reservation MemoryKeyPool::reserve(const KeyRef& key, std::string_view model, std::int64_t tokens,
                                            bool regardless) {
  auto& entry = entry_of(*key);
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  const auto id = entry.project ? core_.models.remember(model, now.monotonic) : ModelTable::others;
  ReservedRequest request{.key = entry.shared_from_this(), .project = {}, .model = id, .used = {}};
  if (entry.project) {
    if (!regardless && entry.free_in(id, tokens, now) != Milliseconds(0)) return {};
    request.day = core_.today(now);
    entry.counts_of(id, now).count_today(request.day, 1, {});
    if (id != ModelTable::others) {
      auto& quota = quota_of(entry, id, now);
      const auto limit = entry.limits(id).tpm;
      request.project = entry.project;
      request.tokens = limit ? std::min(tokens, *limit) : tokens;
      quota.under_way.requests += 1;
      quota.under_way.tokens += request.tokens;
      quota.count_today(request.day, 1);
      mark_changed(*entry.project, quota);
    }
    mark_changed(entry);
  }
  ++entry.state.in_flight;
  entry.state.last_used = now.wall;
  touch(entry);
  return {this, key, reservations_.add(std::move(request))};
}

void MemoryKeyPool::answered(std::uint64_t reservation) noexcept {
  const std::lock_guard lock(core_.mutex);
  auto& request = reservations_.at(reservation);
  if (request.stage != ReservedRequest::Stage::under_way) return;
  const auto now = core_.now();
  request.stage = ReservedRequest::Stage::answered;
  request.answered_at = now.monotonic;
  auto* quota = request.project ? request.project->find(request.model) : nullptr;
  if (quota == nullptr) return;
  quota->under_way.requests -= 1;
  quota->under_way.tokens -= request.tokens;
  quota->minute.add(request.answered_at, {1, request.tokens});
  if (const auto today = core_.today(now); today > request.day) {
    quota->count_today(today, 1);  // Google may have counted it on either side of midnight.
    request.day = today;
  }
  mark_changed(*request.project, *quota);
}

void MemoryKeyPool::used(std::uint64_t reservation, const TokenCounts& tokens) noexcept {
  const std::lock_guard lock(core_.mutex);
  reservations_.at(reservation).used = tokens;
}

void MemoryKeyPool::give_back(std::uint64_t reservation) noexcept {
  const Held held(*this);
  auto& request = reservations_.at(reservation);
  const auto stage = std::exchange(request.stage, ReservedRequest::Stage::given_back);
  auto* quota = request.project ? request.project->find(request.model) : nullptr;
  if (quota == nullptr || stage == ReservedRequest::Stage::given_back) return;
  if (stage == ReservedRequest::Stage::under_way) {
    quota->under_way.requests -= 1;
    quota->under_way.tokens -= request.tokens;
  } else {
    quota->minute.correct(request.answered_at, {-1, -request.tokens}, core_.clock.monotonic());
  }
  if (quota->day == request.day) quota->count_today(request.day, -1);
  mark_changed(*request.project, *quota);
  freed(*request.project);
}

void MemoryKeyPool::ended(std::uint64_t reservation) noexcept {
  answered(reservation);  // If nobody has said so: Google may have counted it.
  const Held held(*this);
  auto& request = reservations_.at(reservation);
  auto& entry = *request.key;
  --entry.state.in_flight;
  touch(entry);
  if (entry.state.on_trial) freed(entry);
  if (request.used != TokenCounts{} && entry.project) {
    entry.counts_of(request.model, core_.now()).count_today(core_.today(core_.now()), 0, request.used);
    mark_changed(entry);
  }
  auto* quota = request.project ? request.project->find(request.model) : nullptr;
  if (quota != nullptr && request.used.input > 0 && request.stage == ReservedRequest::Stage::answered) {
    quota->minute.correct(request.answered_at, {0, request.used.input - request.tokens},
                          core_.clock.monotonic());
    mark_changed(*request.project, *quota);
    if (request.used.input < request.tokens) freed(*request.project);
  }
  const auto kept_alive = std::move(request.key);  // Until the lock is released.
  reservations_.remove(reservation);
}

// -- How it went

void MemoryKeyPool::succeeded(const Key& key, std::string_view model) {
  auto& entry = entry_of(key);
  if (!entry.project) return;
  const Held held(*this);
  const auto now = core_.now();
  const auto id = core_.models.remember(model, now.monotonic);
  // It is no invented one: what it has counted today is worth more.
  core_.models.keep_until(id, now.monotonic + (core_.day(now).end - now.wall));
  ++entry.counts_of(id, now).successes;
  entry.state.failures_in_a_row = 0;
  entry.state.last_success = now.wall;
  entry.state.success.add(true, now.monotonic);
  if (std::exchange(entry.state.on_trial, false)) freed(entry);
  if (auto* everybodys = core_.models.rest_of(id)) everybodys->back_offs = 0;
  if (auto* quota = entry.project->find(id)) quota->back_offs = 0;
  mark_changed(entry);
  touch(entry);
}

void MemoryKeyPool::failed(const Key& key, std::string_view model, int status, std::string_view message) {
  auto& entry = entry_of(key);
  if (!entry.project) return;
  KeyError error{.at = {}, .model = {}, .status = status, .message = {}};
  error.model = cut_to(redact_keys(model.substr(0, 4 * ModelTable::longest_name)), ModelTable::longest_name);
  error.message = cut_to(redact_keys(message.substr(0, 4 * longest_reason)), longest_reason);
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  error.at = now.wall;
  ++entry.counts_of(core_.models.remember(model, now.monotonic), now).failures;
  entry.state.success.add(false, now.monotonic);
  const auto keys = std::max<std::size_t>(entries_.size(), 1);
  entry.remember_error(std::move(error),
                       std::clamp<std::size_t>(most_errors / keys, 1, most_errors_of_a_key));
  mark_changed(entry);
  touch(entry);
}

// -- Rests

ModelQuota& MemoryKeyPool::quota_of(KeyEntry& entry, ModelId model, const Moment& now) {
  return entry.project->of(model, core_.models, now);
}

void MemoryKeyPool::cool_down(const Key& key, std::string_view model, Milliseconds duration,
                              std::string_view reason) {
  auto& entry = entry_of(key);
  if (!entry.project) return;
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  if (model.empty()) {
    if (!entry.state.rest.extend(duration, now)) return;
    entry.state.rest_reason = cut_to(redact_keys(reason), longest_reason);
    mark_changed(entry);
    return touch(entry);
  }
  const auto id = core_.models.remember(model, now.monotonic);
  if (id == ModelTable::others) return;
  auto& quota = quota_of(entry, id, now);
  if (quota.rest.extend(duration, now)) rests(*entry.project, quota, now);
}

// Those who slept till the old end are looked at anew: they foretell when the first key is free.
void MemoryKeyPool::rests(ProjectQuota& project, ModelQuota& quota, const Moment& now) {
  core_.models.keep_until(quota.model, now.monotonic + quota.rest.left(now));
  for (const auto* member : project.members) touch(*member);
  mark_changed(project, quota);
}

void MemoryKeyPool::back_off(const Key& key, std::string_view model, BackOff rest) {
  auto& entry = entry_of(key);
  if (!entry.project) return;
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  const auto id = core_.models.remember(model, now.monotonic);
  if (id == ModelTable::others) return;
  auto& quota = quota_of(entry, id, now);
  const auto duration = next_back_off(quota.rest, quota.back_offs, rest, now);
  if (duration && quota.rest.extend(*duration, now)) rests(*entry.project, quota, now);
}

void MemoryKeyPool::back_off_model(std::string_view model, BackOff rest) {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  auto* everybodys = core_.models.rest_of(core_.models.remember(model, now.monotonic));
  if (everybodys == nullptr) return;
  const auto duration = next_back_off(everybodys->rest, everybodys->back_offs, rest, now);
  if (duration) everybodys->rest.extend(*duration, now);
}

// -- What Google tells of itself

void MemoryKeyPool::learn_limit(const Key& key, std::string_view model, std::string_view kind,
                                std::int64_t limit) {
  auto& entry = entry_of(key);
  if (!entry.project || limit < 0) return;
  const Held held(*this);
  const auto now = core_.now();
  const auto id = core_.models.remember(model, now.monotonic);
  if (id == ModelTable::others) return;
  auto& quota = quota_of(entry, id, now);
  auto* learned = limit_of_kind(quota.learned, kind);
  if (learned == nullptr || *learned == limit) return;
  *learned = limit;
  core_.models.keep_until(id, now.monotonic + Rest::longest);
  mark_changed(*entry.project, quota);
  for (const auto* member : entry.project->members) touch(*member);
  may_be_free_ = true;  // It may be more than was known.
}

void MemoryKeyPool::forget_limits(std::optional<std::string_view> id) {
  const Held held(*this);
  for (const auto& entry : entries_) {
    if (id && entry->id() != *id) continue;
    entry->project->forget_limits();
    for (auto& quota : entry->project->all()) mark_changed(*entry->project, quota);
  }
  everything_changed();
}

void MemoryKeyPool::learn_project(const Key& key, std::string_view project) {
  auto& entry = entry_of(key);
  if (!check_label("project", std::string(project))) return;
  const std::lock_guard changes(changes_);
  KeyRecord record;
  {
    const Held held(*this);
    if (!entry.project || entry.removed || !entry.state.profile.project.empty()) return;
    Patch patch;
    patch.project = std::string(project);
    apply(entry, patch);
    record = entry.record();
  }
  if (observer_) observer_->on_key_changed(record);
}

// -- Putting away, and back

bool MemoryKeyPool::disable_now(KeyEntry& entry, std::string_view reason) {
  auto& profile = entry.state.profile;
  if (!profile.enabled || entry.removed || !entry.project) return false;  // The first reason is the true one.
  profile.enabled = false;
  profile.disabled_by_owner = false;
  profile.disabled_reason = cut_to(redact_keys(reason), longest_reason);
  profile.disabled_since = core_.now().wall;
  entry.state.on_trial = false;
  touch(entry);
  return true;
}

void MemoryKeyPool::disable(const Key& key, std::string_view reason) {
  auto& entry = entry_of(key);
  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  if (!disable_now(entry, reason)) return;
  const auto record = entry.record();
  lock.unlock();
  if (observer_) observer_->on_key_changed(record);
}

void MemoryKeyPool::disable_project(const Key& key, std::string_view reason) {
  auto& entry = entry_of(key);
  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  if (!entry.project) return;
  std::vector<KeyRecord> records;
  for (auto* member : entry.project->members) {
    if (disable_now(*member, reason)) records.push_back(member->record());
  }
  lock.unlock();
  for (const auto& record : records) {
    if (observer_) observer_->on_key_changed(record);
  }
}

void MemoryKeyPool::strike(const Key& key, int max_failures, std::string_view reason) {
  auto& entry = entry_of(key);
  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  if (!entry.state.profile.enabled || !entry.project) return;
  ++entry.state.failures_in_a_row;
  mark_changed(entry);
  if (max_failures <= 0 || entry.state.failures_in_a_row < max_failures || !disable_now(entry, reason))
    return;
  const auto record = entry.record();
  lock.unlock();
  if (observer_) observer_->on_key_changed(record);
}

bool MemoryKeyPool::reset(std::optional<std::string_view> id) {
  const std::lock_guard changes(changes_);
  std::vector<EntryRef> wanted;
  {
    const std::lock_guard lock(core_.mutex);
    if (!id) {
      wanted = entries_;
    } else if (auto* entry = find_by_id(*id)) {
      wanted.push_back(entry->shared_from_this());
    } else {
      return false;
    }
  }
  for (const auto& entry : wanted) {
    std::unique_lock lock(core_.mutex);
    const auto woken = start_anew(*entry);
    lock.unlock();
    if (woken && observer_) observer_->on_key_changed(*woken);
  }
  const Held held(*this);  // Those who wait are told once.
  if (!id) core_.models.end_rests();
  everything_changed();
  return true;
}

// The key's record, if it was put away and is no longer.
std::optional<KeyRecord> MemoryKeyPool::start_anew(KeyEntry& entry) {
  entry.start_anew();
  entry.project->start_anew();
  for (auto& quota : entry.project->all()) mark_changed(*entry.project, quota);
  const auto& profile = entry.state.profile;
  const bool wakes = !profile.enabled && !profile.disabled_by_owner;
  if (wakes) set_enabled(entry, true, {});
  mark_changed(entry);
  if (!wakes) return std::nullopt;
  return entry.record();
}

std::vector<KeyRef> MemoryKeyPool::sick_keys() const {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  std::vector<KeyRef> sick;
  for (const auto& entry : entries_) {
    const auto& profile = entry->state.profile;
    const bool put_away = !profile.enabled && !profile.disabled_by_owner;
    if (put_away || (profile.enabled && !entry->state.rest.over(now))) sick.push_back(entry);
  }
  return sick;
}

void MemoryKeyPool::bring_back(const Key& key) {
  auto& entry = entry_of(key);
  const std::lock_guard changes(changes_);
  KeyRecord record;
  {
    const Held held(*this);
    const auto& profile = entry.state.profile;
    const bool put_away = !profile.enabled;
    if (entry.removed || profile.disabled_by_owner) return;
    if (!put_away && entry.state.rest.over(core_.now())) return;
    if (put_away) set_enabled(entry, true, {});
    entry.state.rest = {};
    entry.state.rest_reason.clear();
    entry.state.on_trial = true;
    mark_changed(entry);
    freed(entry);
    record = entry.record();
  }
  if (observer_) observer_->on_key_changed(record);
}

}  // namespace pollux
