// Choosing among those that can pay, and waiting where none can.

#include <algorithm>

#include "pool/memory_key_pool.h"

namespace pollux {
namespace {

// What rosters may hold together: with 10,000 keys 25 of them, at 70 bytes a key.
constexpr std::size_t most_rosters = 32, most_roster_nodes = 250'000;

}  // namespace

// -- Rosters

Roster& MemoryKeyPool::roster_of(Way way, ModelId model, const Roster::Conditions& conditions) {
  const auto known = std::ranges::find_if(rosters_, [&](const Roster& roster) {
    return roster.way() == way && roster.model() == model && roster.conditions() == conditions;
  });
  if (known != rosters_.end()) {
    rosters_.splice(rosters_.begin(), rosters_, known);
    return rosters_.front();
  }
  std::size_t nodes = entries_.size();
  std::size_t count = 1;
  for (auto roster = rosters_.begin(); roster != rosters_.end(); ++count) {
    nodes += roster->size();
    roster = count >= most_rosters || nodes > most_roster_nodes ? rosters_.erase(roster) : std::next(roster);
  }
  return rosters_.emplace_front(way, model, conditions);
}

Roster::Chosen MemoryKeyPool::choose_now(Way way, const KeyQuery& query) {
  const auto now = core_.now();
  const auto model = core_.models.remember(query.model, now.monotonic);
  if (const auto* everybodys = core_.models.rest_of(model)) {
    if (const auto left = everybodys->rest.left(now); left > Milliseconds(0)) return {nullptr, left};
  }
  auto& roster = roster_of(way, model, query.conditions);
  const auto chosen = roster.choose({query.tokens, query.avoid}, entries_, version_, journal_, core_);
  journal_.was_read();
  return chosen;
}

Choice MemoryKeyPool::choose(Way way, const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  if (lines_.somebody_before(waiter_of(query), query)) return {nullptr, Milliseconds(0)};
  const auto chosen = choose_now(way, query);
  if (chosen.entry == nullptr) return {nullptr, chosen.free_in};
  chosen.entry->turn = ++turn_;
  touch(*chosen.entry);
  return {chosen.entry->shared_from_this(), std::nullopt};
}

void MemoryKeyPool::touch(const KeyEntry& entry) {
  if (entry.project && !entry.removed) journal_.note(entry.slot);
}

void MemoryKeyPool::freed(const KeyEntry& entry) {
  touch(entry);
  may_be_free_ = true;
}

void MemoryKeyPool::freed(ProjectQuota& project) {
  if (!std::exchange(project.kept_keys_waiting, false)) return;
  for (const auto* entry : project.members) touch(*entry);
  may_be_free_ = true;
}

void MemoryKeyPool::everything_changed() {
  ++version_;
  may_be_free_ = true;
}

std::optional<Milliseconds> MemoryKeyPool::next_free_in(const KeyQuery& query) {
  const std::lock_guard lock(core_.mutex);
  const auto chosen = choose_now(Way::round_robin, query);
  return chosen.entry != nullptr ? Milliseconds(0) : chosen.free_in;
}

// -- Conversations

Choice MemoryKeyPool::kept_for(const KeyQuery& query, std::string_view conversation) {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  auto* entry = find_by_id(conversations_.key_of(conversation, now.monotonic));
  if (entry == nullptr || !entry->meets_all(query.conditions)) return {};
  if (std::ranges::find(query.avoid, entry->id()) != query.avoid.end()) return {};
  if (lines_.somebody_before(waiter_of(query), query)) return {nullptr, Milliseconds(0)};
  const auto model = core_.models.remember(query.model, now.monotonic);
  const auto* everybodys = core_.models.rest_of(model);
  if (everybodys != nullptr && !everybodys->rest.over(now)) return {nullptr, everybodys->rest.left(now)};
  const auto wait = entry->free_in(model, query.tokens, now);
  if (wait != Milliseconds(0)) return {nullptr, wait};
  entry->turn = ++turn_;
  touch(*entry);
  return {entry->shared_from_this(), std::nullopt};
}

void MemoryKeyPool::keep(std::string_view conversation, const Key& key) {
  const std::lock_guard lock(core_.mutex);
  if (entry_of(key).removed) return;
  conversations_.keep(conversation, key.id(), core_.now().monotonic);
}

// -- Looking at all of them

std::size_t MemoryKeyPool::count(const KeyQuery& query) const {
  const std::lock_guard lock(core_.mutex);
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const auto& entry) {
    return entry->state.profile.enabled && entry->meets_all(query.conditions);
  }));
}

std::vector<KeyRef> MemoryKeyPool::each(const KeyQuery& query) const {
  const std::lock_guard lock(core_.mutex);
  std::vector<KeyRef> keys;
  for (const auto& entry : entries_) {
    if (entry->state.profile.enabled && entry->meets_all(query.conditions)) keys.push_back(entry);
  }
  return keys;
}

bool MemoryKeyPool::can_pay(const Key& key, std::string_view model) const {
  const std::lock_guard lock(core_.mutex);
  const auto& entry = entry_of(key);
  if (!entry.project) return true;
  const auto now = core_.now();
  const auto id = core_.models.remember(model, now.monotonic);
  const auto* everybodys = core_.models.rest_of(id);
  if (everybodys != nullptr && !everybodys->rest.over(now)) return false;
  return entry.free_in(id, 0, now) == Milliseconds(0);
}

std::optional<std::int64_t> MemoryKeyPool::remaining(const Key& key, std::string_view kind,
                                                     std::string_view model) const {
  const std::lock_guard lock(core_.mutex);
  const auto& entry = entry_of(key);
  const auto now = core_.now();
  const auto id = core_.models.remember(model, now.monotonic);
  if (!entry.project || id == ModelTable::others) return std::nullopt;
  const auto limits = entry.limits(id);
  auto* quota = entry.project->find(id);
  const auto left = [&](const std::optional<std::int64_t>& limit, auto used) -> std::optional<std::int64_t> {
    if (!limit) return std::nullopt;
    return std::max<std::int64_t>(0, *limit - (quota == nullptr ? 0 : used()));
  };
  if (kind == "rpm") return left(limits.rpm, [&] { return quota->minute_requests(now.monotonic); });
  if (kind == "tpm") return left(limits.tpm, [&] { return quota->minute_tokens(now.monotonic); });
  return left(limits.rpd, [&] { return quota->requests_on(core_.today(now)); });
}

bool MemoryKeyPool::none_may_use(const KeyQuery& query) const {
  const std::lock_guard lock(core_.mutex);
  const auto model = core_.models.find(query.model);
  bool some = false;
  for (const auto& entry : entries_) {
    if (!entry->state.profile.enabled || !entry->meets_all(query.conditions)) continue;
    if (!entry->may_never_use(model)) return false;
    some = true;
  }
  return some;
}

bool MemoryKeyPool::any_usable() const {
  const std::lock_guard lock(core_.mutex);
  const auto now = core_.now();
  return std::ranges::any_of(entries_, [&](const auto& entry) { return entry->usable(now); });
}

// -- Waiting

class MemoryKeyPool::Place final : public WaitingPlace {
 public:
  Place(MemoryKeyPool& pool, WaitingLines::OnTurn on_turn) : pool_(pool) {
    waiter.on_turn = std::move(on_turn);
  }
  ~Place() override {
    const Held held(pool_);
    pool_.lines_.leave(waiter, pool_.to_tell_);
  }

  WaitingLines::Waiter waiter;

 private:
  MemoryKeyPool& pool_;
};

MemoryKeyPool::Held::~Held() {
  auto to_tell = std::exchange(pool_.to_tell_, {});
  if (std::exchange(pool_.may_be_free_, false)) pool_.lines_.tell_first(to_tell);
  lock_.unlock();
  for (const auto& on_turn : to_tell) on_turn();
}

const WaitingLines::Waiter* MemoryKeyPool::waiter_of(const KeyQuery& query) {
  return query.place == nullptr ? nullptr : &static_cast<const Place*>(query.place)->waiter;
}

std::unique_ptr<WaitingPlace> MemoryKeyPool::wait_in_line(std::span<const KeyQuery> queries,
                                                          std::function<void()> on_turn) {
  const std::lock_guard lock(core_.mutex);
  if (lines_.size() >= most_waiting || queries.empty()) return nullptr;
  auto place = std::make_unique<Place>(*this, std::move(on_turn));
  lines_.join(place->waiter, queries);
  return place;
}

std::size_t MemoryKeyPool::waiting() const {
  const std::lock_guard lock(core_.mutex);
  return lines_.size();
}

bool MemoryKeyPool::is_first(const WaitingPlace& place) const {
  const std::lock_guard lock(core_.mutex);
  return lines_.is_first(static_cast<const Place&>(place).waiter);
}

}  // namespace pollux
