#include "pool/memory_key_pool.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/digest.h"
#include "base/redact.h"
#include "pool/key_text.h"

namespace pollux {
namespace {

constexpr std::size_t at_a_time = 64;  // Keys looked at under one hold of the lock.
constexpr std::size_t most_errors_of_a_key = 20;
constexpr std::size_t most_errors = 4'000;  // Of the whole pool, about: 2 MiB.
constexpr std::size_t longest_error = 500;
constexpr double largest_weight = 1'000'000;

std::string cut_to(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
    --bytes;  // No half character.
  return std::string(text.substr(0, bytes));
}

Result<void> check_tags(const std::vector<std::string>& tags) {
  if (tags.size() > 50) return invalid_input("tags: more than 50");
  for (const auto& tag : tags) {
    if (auto fine = check_label("tags", tag); !fine) return fine;
  }
  return {};
}

std::vector<std::string> without_duplicates(const std::vector<std::string>& tags) {
  std::vector<std::string> kept;
  for (const auto& tag : tags) {
    if (std::ranges::find(kept, tag) == kept.end()) kept.push_back(tag);
  }
  return kept;
}

Result<void> check_given(const GivenKey& given) {
  if (auto fine = check_secret(given.secret); !fine) return fine;
  if (!given.name.empty()) {
    if (auto fine = check_label("name", given.name); !fine) return fine;
  }
  if (!given.project.empty()) {
    if (auto fine = check_label("project_id", given.project); !fine) return fine;
  }
  return check_tags(given.tags);
}

}  // namespace

std::unique_ptr<KeyPool> KeyPool::create(const Clock& clock) {
  return std::make_unique<MemoryKeyPool>(clock);
}

MemoryKeyPool::MemoryKeyPool(const Clock& clock) : core_(clock) {
  core_.today(core_.now());  // Reads the time zone now rather than in the first request.
}

void MemoryKeyPool::set_observer(PoolObserver* observer) {
  const std::lock_guard changes(changes_);
  observer_ = observer;
}

// -- Who is in the pool

MemoryKeyPool::EntryRef MemoryKeyPool::insert(KeyRecord record) {
  if (record.profile.name.empty()) record.profile.name = "key-" + record.id.substr(0, 6);
  record.profile.name = free_name(record.profile.name);
  auto entry = std::make_shared<KeyEntry>(core_, std::move(record));
  entries_.push_back(entry);
  by_id_.emplace(entry->id(), entry.get());
  by_name_.emplace(entry->state.profile.name, entry.get());
  return entry;
}

std::string MemoryKeyPool::free_name(const std::string& wish) const {
  auto name = wish;
  for (int number = 2; by_name_.contains(name) || by_id_.contains(name); ++number) {
    name = wish + "-" + std::to_string(number);
  }
  return name;
}

KeyEntry* MemoryKeyPool::find_by_id(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void MemoryKeyPool::mark_changed(KeyEntry& entry) {
  if (entry.changed || entry.removed) return;
  entry.changed = true;
  changed_.push_back(entry.shared_from_this());
}

void MemoryKeyPool::restore(KeyRecord record, KeyState state) {
  const std::lock_guard lock(core_.mutex);
  if (by_id_.contains(record.id)) return;
  insert(std::move(record))->restore(state, core_.now());
}

Result<KeyPool::Added> MemoryKeyPool::add(const GivenKey& given) {
  if (auto fine = check_given(given); !fine) return std::move(fine).error();
  KeyRecord record{.id = hex(sha256(given.secret)).substr(0, 12), .secret = given.secret};
  record.profile.name = given.name;
  record.profile.project = given.project;
  record.profile.tags = without_duplicates(given.tags);

  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  if (auto* known = find_by_id(record.id)) {
    if (known->secret() != given.secret) return conflict("key: another key has the same id");
    return Added{known->shared_from_this(), false};
  }
  record.added_at = core_.now().wall;
  auto entry = insert(std::move(record));
  record = entry->record();
  lock.unlock();
  if (observer_) observer_->on_key_changed(record);
  return Added{std::move(entry), true};
}

bool MemoryKeyPool::remove(std::string_view id) {
  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  auto* entry = find_by_id(id);
  if (entry == nullptr) return false;
  const auto kept_alive = entry->shared_from_this();  // Until the lock is released.
  entry->removed = true;
  by_id_.erase(entry->id());
  by_name_.erase(entry->state.profile.name);
  std::erase(entries_, kept_alive);
  lock.unlock();
  if (observer_) observer_->on_key_removed(kept_alive->id());
  return true;
}

Result<void> MemoryKeyPool::check(const KeyEntry& entry, const Patch& patch) const {
  if (patch.name && *patch.name != entry.state.profile.name) {
    if (auto fine = check_label("name", *patch.name); !fine) return fine;
    if (by_name_.contains(*patch.name) || by_id_.contains(*patch.name)) {
      return conflict("name: another key is called " + *patch.name);
    }
  }
  if (patch.project && !patch.project->empty()) {
    if (auto fine = check_label("project_id", *patch.project); !fine) return fine;
  }
  if (patch.tags) {
    if (auto fine = check_tags(*patch.tags); !fine) return fine;
  }
  if (patch.weight && !(*patch.weight >= 0 && *patch.weight <= largest_weight)) {
    return invalid_input("weight: expected a number from 0 to 1000000");
  }
  return {};
}

void MemoryKeyPool::apply(KeyEntry& entry, const Patch& patch) {
  auto& profile = entry.state.profile;
  if (patch.name && *patch.name != profile.name) {
    by_name_.erase(profile.name);
    profile.name = *patch.name;
    by_name_.emplace(profile.name, &entry);
  }
  if (patch.project) profile.project = *patch.project;
  if (patch.tags) profile.tags = without_duplicates(*patch.tags);
  if (patch.weight) profile.weight = *patch.weight, entry.credit = 0;
  if (!patch.enabled) return;
  if (*patch.enabled) {
    profile.enabled = true;
    profile.disabled_by_owner = false;
    profile.disabled_reason.clear();
    profile.disabled_since.reset();
    entry.state.failures_in_a_row = 0;
    mark_changed(entry);
  } else {
    if (profile.enabled)
      profile.disabled_since = core_.now().wall, profile.disabled_reason = "disabled by hand";
    profile.enabled = false;
    profile.disabled_by_owner = true;
  }
}

Result<void> MemoryKeyPool::change(std::string_view id, const Patch& patch) {
  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  auto* entry = find_by_id(id);
  if (entry == nullptr) return not_found("no key has this id");
  if (auto fine = check(*entry, patch); !fine) return fine;
  apply(*entry, patch);
  const auto record = entry->record();
  lock.unlock();
  if (observer_) observer_->on_key_changed(record);
  return {};
}

KeyRef MemoryKeyPool::find(std::string_view id_or_name) const {
  const std::lock_guard lock(core_.mutex);
  if (auto* entry = find_by_id(id_or_name)) return entry->shared_from_this();
  const auto named = by_name_.find(id_or_name);
  return named == by_name_.end() ? nullptr : named->second->shared_from_this();
}

std::size_t MemoryKeyPool::size() const {
  const std::lock_guard lock(core_.mutex);
  return entries_.size();
}

// -- What became of a request

KeyPool::InFlight MemoryKeyPool::begin(const KeyRef& key, std::string_view model) {
  {
    auto& entry = entry_of(*key);
    const std::lock_guard lock(core_.mutex);
    const auto now = core_.now();
    entry.counts_of(model, now).count_request(core_.today(now), now.monotonic);
    ++entry.state.in_flight;
    entry.state.last_used = now.wall;
    mark_changed(entry);
  }
  return InFlight(this, key);
}

void MemoryKeyPool::ended(const Key& key) noexcept {
  const std::lock_guard lock(core_.mutex);
  --entry_of(key).state.in_flight;
}

void MemoryKeyPool::succeeded(const Key& key, std::string_view model) {
  auto& entry = entry_of(key);
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  ++entry.counts_of(model, now).successes;
  entry.state.failures_in_a_row = 0;
  entry.state.last_success = now.wall;
  entry.state.success.add(true, now.monotonic);
  mark_changed(entry);
}

void MemoryKeyPool::failed(const Key& key, std::string_view model, int status, std::string_view message) {
  auto& entry = entry_of(key);
  KeyError error{.model = cut_to(model, ModelTable::longest_name), .status = status};
  error.message = cut_to(redact_keys(message.substr(0, 4 * longest_error)), longest_error);
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  error.at = now.wall;
  ++entry.counts_of(model, now).failures;
  entry.state.success.add(false, now.monotonic);
  const auto keys = std::max<std::size_t>(entries_.size(), 1);
  entry.remember_error(std::move(error),
                       std::clamp<std::size_t>(most_errors / keys, 1, most_errors_of_a_key));
  mark_changed(entry);
}

void MemoryKeyPool::cool_down(const Key& key, std::string_view model, Milliseconds duration) {
  auto& entry = entry_of(key);
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  if (model.empty()) {
    if (entry.state.rest.extend(duration, now)) mark_changed(entry);
    return;
  }
  auto& counts = entry.counts_of(model, now);
  if (counts.model == ModelTable::others || !counts.rest.extend(duration, now)) return;
  core_.models.keep_until(counts.model, now.monotonic + counts.rest.left(now));
  mark_changed(entry);
}

bool MemoryKeyPool::disable_now(KeyEntry& entry, std::string_view reason) {
  auto& profile = entry.state.profile;
  if (!profile.enabled || entry.removed) return false;  // The first reason is the true one.
  profile.enabled = false;
  profile.disabled_by_owner = false;
  profile.disabled_reason = cut_to(redact_keys(reason), longest_error);
  profile.disabled_since = core_.now().wall;
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

void MemoryKeyPool::strike(const Key& key, int max_failures, std::string_view reason) {
  auto& entry = entry_of(key);
  const std::lock_guard changes(changes_);
  std::unique_lock lock(core_.mutex);
  if (!entry.state.profile.enabled) return;
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
  std::unique_lock lock(core_.mutex);
  std::vector<EntryRef> wanted;
  if (!id) {
    wanted = entries_;
  } else if (auto* entry = find_by_id(*id)) {
    wanted.push_back(entry->shared_from_this());
  } else {
    return false;
  }
  lock.unlock();
  for (const auto& entry : wanted) {
    lock.lock();
    entry->start_anew();
    const auto& profile = entry->state.profile;
    const bool wakes = !profile.enabled && !profile.disabled_by_owner;
    if (wakes) apply(*entry, {.enabled = true});
    mark_changed(*entry);
    const auto record = wakes ? entry->record() : KeyRecord{};
    lock.unlock();
    if (wakes && observer_) observer_->on_key_changed(record);
  }
  return true;
}

// -- Looking

std::vector<KeyStatus> MemoryKeyPool::statuses() const {
  std::unique_lock lock(core_.mutex);
  const auto entries = entries_;
  lock.unlock();
  std::vector<KeyStatus> statuses;
  statuses.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); i += at_a_time) {
    lock.lock();
    const auto now = core_.now();
    for (const auto& entry : std::span(entries).subspan(i, std::min(at_a_time, entries.size() - i))) {
      if (!entry->removed) statuses.push_back(entry->status(now, false));
    }
    lock.unlock();
  }
  return statuses;
}

std::optional<KeyStatus> MemoryKeyPool::status(std::string_view id) const {
  const std::lock_guard lock(core_.mutex);
  auto* entry = find_by_id(id);
  if (entry == nullptr) return std::nullopt;
  return entry->status(core_.now(), true);
}

std::vector<std::pair<std::string, KeyState>> MemoryKeyPool::take_changed_states() {
  std::unique_lock lock(core_.mutex);
  const auto changed = std::exchange(changed_, {});
  lock.unlock();
  std::vector<std::pair<std::string, KeyState>> states;
  states.reserve(changed.size());
  for (std::size_t i = 0; i < changed.size(); i += at_a_time) {
    lock.lock();
    const auto now = core_.now();
    for (const auto& entry : std::span(changed).subspan(i, std::min(at_a_time, changed.size() - i))) {
      entry->changed = false;  // What changes from now on is for the next call.
      if (!entry->removed) states.emplace_back(entry->id(), entry->stored_state(now));
    }
    lock.unlock();
  }
  return states;
}

}  // namespace pollux
