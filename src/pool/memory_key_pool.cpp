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

constexpr std::size_t at_a_time = 64;       // Keys looked at under one hold of the lock.
constexpr Milliseconds stored_every{1000};  // As the store asks for changes.
constexpr double largest_weight = 1'000'000;

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

Result<void> check_weight(double weight) {
  if (weight >= 0 && weight <= largest_weight) return {};
  return invalid_input("weight: expected a number from 0 to 1000000");
}

// The tags that a key has after a change.
std::vector<std::string> changed_tags(const KeyProfile& profile, const KeyPool::Patch& patch) {
  auto tags = patch.tags.value_or(profile.tags);
  tags.insert(tags.end(), patch.add_tags.begin(), patch.add_tags.end());
  std::erase_if(tags, [&patch](const auto& tag) {
    return std::ranges::find(patch.remove_tags, tag) != patch.remove_tags.end();
  });
  return without_duplicates(tags);
}

bool changes_tags(const KeyPool::Patch& patch) {
  return patch.tags || !patch.add_tags.empty() || !patch.remove_tags.empty();
}

Result<void> check_reason(std::string_view reason) {
  if (reason.size() > longest_reason) return invalid_input("reason: longer than 500 bytes");
  for (const char c : reason) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return invalid_input("reason: contains a control character");
  }
  return {};
}

}  // namespace

Result<void> check_given_key(const GivenKey& given) {
  if (auto fine = check_secret(given.secret); !fine) return fine;
  if (!given.name.empty()) {
    if (auto fine = check_label("name", given.name); !fine) return fine;
  }
  if (!given.project.empty()) {
    if (auto fine = check_label("project_id", given.project); !fine) return fine;
  }
  if (auto fine = check_weight(given.weight); !fine) return fine;
  return check_tags(given.tags);
}

std::string key_id_of(std::string_view secret) {
  return std::string(key_id_of_hash(hex(sha256(secret))));
}

std::string_view key_id_of_hash(std::string_view hash) {
  return hash.substr(0, 12);
}

std::string_view name_of(KeyStanding standing) noexcept {
  switch (standing) {
    case KeyStanding::ready:
      return "ready";
    case KeyStanding::resting:
      return "resting";
    case KeyStanding::disabled:
      return "disabled";
    case KeyStanding::probing:
      return "probing";
  }
  return "ready";
}

std::unique_ptr<KeyPool> KeyPool::create(const Clock& clock) {
  return std::make_unique<MemoryKeyPool>(clock);
}

MemoryKeyPool::MemoryKeyPool(const Clock& clock) : core_(clock) {
  core_.today(core_.now());  // Reads the time zone now rather than in the first request.
}

void MemoryKeyPool::set_observer(PoolObserver* observer) {
  const std::lock_guard changes(changes_);
  const std::lock_guard lock(core_.mutex);
  observer_ = observer;
  change_noted_ = false;
}

// -- Who is in the pool

MemoryKeyPool::EntryRef MemoryKeyPool::insert(KeyRecord record) {
  if (record.profile.name.empty()) record.profile.name = "key-" + record.id.substr(0, 6);
  record.profile.name = free_name(record.profile.name);
  auto entry = std::make_shared<KeyEntry>(core_, std::move(record));
  entry->slot = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back(entry);
  by_id_.emplace(entry->id(), entry.get());
  by_name_.emplace(entry->state.profile.name, entry.get());
  join_project(*entry);
  everything_changed();
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

void MemoryKeyPool::note_change() {
  if (!std::exchange(change_noted_, true) && observer_) observer_->on_state_changed();
}

void MemoryKeyPool::mark_changed(KeyEntry& entry) {
  if (entry.changed || entry.removed) return;
  note_change();
  entry.changed = true;
  changed_.push_back(entry.shared_from_this());
}

void MemoryKeyPool::restore(KeyRecord record, KeyState state) {
  const std::lock_guard lock(core_.mutex);
  if (by_id_.contains(record.id)) return;
  insert(std::move(record))->restore(state, core_.now());
}

void MemoryKeyPool::restore(QuotaState state) {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  const auto found = projects_.find(state.project);
  const auto model = core_.models.remember(state.model, now.monotonic);
  if (found == projects_.end() || model == ModelTable::others) {
    forgotten_quotas_.emplace_back(std::move(state.project), std::move(state.model));
    return;
  }
  auto& quota = found->second->of(model, core_.models, now);
  for (const auto& use : state.minute) {
    // A step later than it was: the steps of before need not be those of now.
    const auto ago =
        std::clamp(now.wall - use.at - QuotaWindow::step, Milliseconds(0), QuotaWindow::length * 2);
    quota.minute.add(now.monotonic - ago, {use.requests, use.tokens});
  }
  quota.count_today(state.day, state.requests_today);
  if (state.cooldown_until) quota.rest.restore(*state.cooldown_until, now);
  quota.back_offs = state.back_offs;
  quota.learned = state.learned;
  const auto today = core_.today(now);
  if (quota.day < today && !quota.worth_storing(now, today)) mark_changed(*found->second, quota);
  if (quota.learned != Limits{})
    core_.models.keep_until(model, now.monotonic + Rest::longest);
  else
    core_.models.keep_until(model, now.monotonic + quota.rest.left(now));
}

Result<KeyPool::Added> MemoryKeyPool::add(const GivenKey& given) {
  if (auto fine = check_given_key(given); !fine) return std::move(fine).error();
  KeyRecord record{.id = key_id_of(given.secret), .secret = given.secret};
  record.profile.name = given.name;
  record.profile.project = given.project;
  record.profile.tags = without_duplicates(given.tags);
  record.profile.weight = given.weight;

  const std::lock_guard changes(changes_);
  EntryRef entry;
  {
    const Held held(*this);
    if (auto* known = find_by_id(record.id)) {
      if (known->secret() != given.secret) return conflict("key: another key has the same id");
      return Added{known->shared_from_this(), false};
    }
    record.added_at = core_.now().wall;
    entry = insert(std::move(record));
    if (!given.enabled) set_enabled(*entry, false, {});
    record = entry->record();
  }
  if (observer_) observer_->on_key_changed(record);
  return Added{std::move(entry), true};
}

Result<KeyRef> MemoryKeyPool::guest(std::string_view secret) {
  if (auto fine = check_secret(secret); !fine) return std::move(fine).error();
  KeyRecord record{.id = key_id_of(secret), .secret = std::string(secret), .profile = {}, .added_at = {}};
  record.profile.name = "the client's own";
  return KeyRef(std::make_shared<KeyEntry>(core_, std::move(record)));
}

bool MemoryKeyPool::remove(std::string_view id) {
  const std::string one(id);
  return remove_all({&one, 1}).empty();
}

std::vector<std::string> MemoryKeyPool::remove_all(std::span<const std::string> ids) {
  const std::lock_guard changes(changes_);
  std::vector<EntryRef> gone;
  std::vector<std::string> missing;
  {
    const Held held(*this);
    for (const auto& id : ids) {
      auto entry = take_out(id);
      entry ? gone.push_back(std::move(entry)) : missing.push_back(id);
    }
    if (!gone.empty()) close_gaps();
  }
  for (const auto& entry : gone) {
    if (observer_) observer_->on_key_removed(entry->id());
  }
  return missing;
}

// Null: there is none. REQUIRES: close_gaps() follows.
MemoryKeyPool::EntryRef MemoryKeyPool::take_out(std::string_view id) {
  auto* found = find_by_id(id);
  if (found == nullptr) return nullptr;
  auto entry = found->shared_from_this();
  entry->removed = true;
  by_id_.erase(entry->id());
  by_name_.erase(entry->state.profile.name);
  leave_project(*entry);
  return entry;
}

void MemoryKeyPool::close_gaps() {
  std::erase_if(entries_, [](const EntryRef& entry) { return entry->removed; });
  ++removals_;
  for (std::uint32_t at = 0; at < entries_.size(); ++at) entries_[at]->slot = at;
  everything_changed();
}

// -- Projects

MemoryKeyPool::ProjectRef MemoryKeyPool::project_named(const std::string& name) {
  auto& project = projects_[name];
  if (!project) project = std::make_shared<ProjectQuota>(name);
  return project;
}

void MemoryKeyPool::join_project(KeyEntry& entry) {
  const auto& name = entry.state.profile.project;
  entry.project = project_named(name.empty() ? "key:" + entry.id() : name);
  entry.project->members.push_back(&entry);
  heed_tier(*entry.project, entry);
}

// A removed key still ends its requests with the project.
void MemoryKeyPool::leave_project(KeyEntry& entry) {
  auto& project = *entry.project;
  std::erase(project.members, &entry);
  if (!project.members.empty()) return find_tier_again(project);
  note_change();
  for (const auto& quota : project.all()) {
    forgotten_quotas_.emplace_back(project.name(), std::string(core_.models.name(quota.model)));
  }
  projects_.erase(project.name());
}

void MemoryKeyPool::find_tier(ProjectQuota& project) {
  project.tier = LimitTable::no_tier;
  for (const auto* member : project.members) heed_tier(project, *member);
}

// After one has left or was heeded: nobody has a better one than there is, so the first as good settles it.
void MemoryKeyPool::find_tier_again(ProjectQuota& project) {
  const auto before = std::exchange(project.tier, LimitTable::no_tier);
  for (const auto* member : project.members) {
    if (project.tier == before) return;
    heed_tier(project, *member);
  }
}

void MemoryKeyPool::heed_tier(ProjectQuota& project, const KeyEntry& member) const {
  for (const auto& tag : member.state.profile.tags) {
    project.tier = std::min(project.tier, core_.limits.table().tier_of(tag));
  }
}

void MemoryKeyPool::mark_changed(ProjectQuota& project, ModelQuota& quota) {
  quota.changed = true;
  if (std::exchange(project.changed, true)) return;
  note_change();
  if (const auto known = projects_.find(project.name()); known != projects_.end()) {
    changed_projects_.push_back(known->second);
  }
}

void MemoryKeyPool::set_limits(std::shared_ptr<const LimitTable> limits) {
  const Held held(*this);
  core_.limits.set(std::move(limits));
  for (const auto& [name, project] : projects_) find_tier(*project);
  everything_changed();
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
  if (changes_tags(patch)) {
    if (auto fine = check_tags(changed_tags(entry.state.profile, patch)); !fine) return fine;
  }
  if (patch.weight) {
    if (auto fine = check_weight(*patch.weight); !fine) return fine;
  }
  return check_reason(patch.reason);
}

void MemoryKeyPool::apply(KeyEntry& entry, const Patch& patch) {
  auto& profile = entry.state.profile;
  if (patch.name && *patch.name != profile.name) {
    by_name_.erase(profile.name);
    profile.name = *patch.name;
    by_name_.emplace(profile.name, &entry);
  }
  if (changes_tags(patch)) profile.tags = changed_tags(profile, patch);
  if (patch.weight) profile.weight = *patch.weight, entry.pass = 0;
  if (patch.project && *patch.project != profile.project) move_to_project(entry, *patch.project);
  if (changes_tags(patch)) {
    heed_tier(*entry.project, entry);
    find_tier_again(*entry.project);
  }
  if (patch.name || patch.project || changes_tags(patch) || patch.weight) everything_changed();
  if (patch.enabled) set_enabled(entry, *patch.enabled, patch.reason);
}

// By the owner's hand.
void MemoryKeyPool::set_enabled(KeyEntry& entry, bool enabled, const std::string& reason) {
  auto& profile = entry.state.profile;
  if (enabled) {
    profile.enabled = true;
    profile.disabled_by_owner = false;
    profile.disabled_reason.clear();
    profile.disabled_since.reset();
    entry.state.failures_in_a_row = 0;
    mark_changed(entry);
  } else {
    if (profile.enabled)
      profile.disabled_since = core_.now().wall, profile.disabled_reason = "disabled by hand";
    if (!reason.empty()) profile.disabled_reason = reason;
    profile.enabled = false;
    profile.disabled_by_owner = true;
  }
}

// What a key that stood alone has counted goes with it; what a project has counted stays there.
void MemoryKeyPool::move_to_project(KeyEntry& entry, const std::string& name) {
  const auto old = entry.project;
  const bool stood_alone = entry.state.profile.project.empty();
  leave_project(entry);
  entry.state.profile.project = name;
  join_project(entry);
  if (!stood_alone) return;
  entry.project->merge(*old, core_.models, core_.now());
  reservations_.move(*old, entry.project);
  for (auto& quota : entry.project->all()) mark_changed(*entry.project, quota);
}

Result<void> MemoryKeyPool::change(std::string_view id, const Patch& patch) {
  const std::lock_guard changes(changes_);
  KeyRecord record;
  {
    const Held held(*this);
    auto* entry = find_by_id(id);
    if (entry == nullptr) return not_found("no key has this id");
    if (auto fine = check(*entry, patch); !fine) return fine;
    apply(*entry, patch);
    freed(*entry);
    record = entry->record();
  }
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

std::vector<KeyPool::Standing> MemoryKeyPool::standings() const {
  std::vector<Standing> standings;
  std::unique_lock lock(core_.mutex);
  auto removals = removals_;
  standings.reserve(entries_.size());
  while (standings.size() < entries_.size()) {
    const auto now = core_.now();
    for (auto left = at_a_time; left > 0 && standings.size() < entries_.size(); --left) {
      const auto& entry = entries_[standings.size()];
      standings.push_back({entry, entry->standing(now)});
    }
    lock.unlock();
    lock.lock();
    if (std::exchange(removals, removals_) != removals_) standings.clear();  // From the start.
  }
  return standings;
}

PoolState MemoryKeyPool::take_changes() {
  PoolState state;
  std::unique_lock lock(core_.mutex);
  change_noted_ = false;
  const auto changed = std::exchange(changed_, {});
  state.forgotten_quotas = std::exchange(forgotten_quotas_, {});
  const auto projects = std::exchange(changed_projects_, {});
  lock.unlock();
  state.keys.reserve(changed.size());
  for (std::size_t i = 0; i < changed.size(); i += at_a_time) {
    lock.lock();
    const auto now = core_.now();
    for (const auto& entry : std::span(changed).subspan(i, std::min(at_a_time, changed.size() - i))) {
      entry->changed = false;  // What changes from now on is for the next call.
      if (!entry->removed) state.keys.emplace_back(entry->id(), entry->stored_state(now));
    }
    lock.unlock();
  }
  for (std::size_t i = 0; i < projects.size(); i += at_a_time) {
    lock.lock();
    const auto now = core_.now();
    for (const auto& project : std::span(projects).subspan(i, std::min(at_a_time, projects.size() - i))) {
      take_changes_of(*project, now, state);
    }
    lock.unlock();
  }
  return state;
}

void MemoryKeyPool::take_changes_of(ProjectQuota& project, const Moment& now, PoolState& state) {
  project.changed = false;
  if (project.members.empty()) return;  // Gone, and listed as forgotten.
  for (auto& model : project.take_dropped()) {
    state.forgotten_quotas.emplace_back(project.name(), std::move(model));
  }
  for (auto& quota : project.all()) {
    if (!std::exchange(quota.changed, false) || !core_.models.knows(quota.model)) continue;
    std::string model(core_.models.name(quota.model));
    if (!quota.worth_storing(now, core_.today(now))) {
      state.forgotten_quotas.emplace_back(project.name(), std::move(model));
      continue;
    }
    QuotaState stored{.project = project.name(),
                      .model = std::move(model),
                      .day = quota.day,
                      .requests_today = quota.requests_today,
                      .minute = {},
                      .cooldown_until = quota.rest.until(now),
                      .back_offs = quota.back_offs,
                      .learned = quota.learned};
    for (const auto& entry : quota.minute.entries(now.monotonic)) {
      stored.minute.push_back({now.wall - (now.monotonic - entry.at), entry.use.requests, entry.use.tokens});
    }
    // What is under way may be counted by Google while nobody is there to see it, until the next call.
    if (quota.under_way.requests > 0) {
      stored.minute.push_back({now.wall + stored_every, quota.under_way.requests, quota.under_way.tokens});
    }
    state.quotas.push_back(std::move(stored));
  }
}

}  // namespace pollux
