#include "pool/roster.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace pollux {
namespace {

constexpr Milliseconds clock_jump{2'000};  // So far apart, and the machine's clock was set.
constexpr std::int64_t any_tokens = 1;     // A key that cannot pay for this can pay for nothing.

bool is_avoided(const KeyEntry& entry, std::span<const std::string> avoid) {
  return std::ranges::find(avoid, entry.id()) != avoid.end();
}

}  // namespace

// -- Following what happens

bool Roster::is_out_of_date(std::uint64_t version, const ChangeJournal& journal, const Moment& now,
                            PoolCore& core) {
  const auto offset = now.wall.time_since_epoch() - now.monotonic;
  const auto today = core.today(now);
  const bool clock_was_set = std::chrono::abs(offset - wall_offset_) > clock_jump;
  const bool new_day = today != today_;
  wall_offset_ = offset, today_ = today;
  return version != version_ || clock_was_set || new_day || !journal.reaches(read_to_);
}

void Roster::put_together(Entries entries, std::uint64_t version, const ChangeJournal& journal,
                          const Moment& now) {
  candidates_.clear();
  number_of_slot_.assign(entries.size(), nobody);
  for (const auto& entry : entries) {
    if (!entry->meets_all(conditions_)) continue;
    if (way_ == Way::weighted && entry->state.profile.weight <= 0) continue;
    number_of_slot_[entry->slot] = static_cast<std::uint32_t>(candidates_.size());
    candidates_.push_back(entry.get());
  }
  ready_.reset(candidates_.size());
  due_.reset(candidates_.size());
  version_ = version;
  read_to_ = journal.end();
  for (std::uint32_t number = 0; number < candidates_.size(); ++number) look_at(number, now);
}

void Roster::follow(const ChangeJournal& journal, const Moment& now) {
  for (; read_to_ < journal.end(); ++read_to_) {
    const auto slot = journal.at(read_to_);
    const auto number = slot < number_of_slot_.size() ? number_of_slot_[slot] : nobody;
    if (number != nobody) look_at(number, now);
  }
}

void Roster::wake(const Moment& now) {
  while (!due_.empty() && due_.top().order <= now.monotonic) look_at(due_.top().number, now);
}

void Roster::look_at(std::uint32_t number, const Moment& now) {
  const auto wait = candidates_[number]->free_in(model_, any_tokens, now);
  wait == Milliseconds(0) ? make_ready(number, now) : put_to_sleep(number, wait, now);
}

void Roster::make_ready(std::uint32_t number, const Moment& now) {
  auto& entry = *candidates_[number];
  if (way_ == Way::weighted && !ready_.holds(number)) {
    // Who was away does not catch up on what it missed. The first turn comes after half a stride, so that the
    // light keys do not all come first.
    entry.pass = std::max(entry.pass, virtual_time_ + 0.5 / entry.state.profile.weight);
  }
  ready_.put(number, rank_of(entry, now));
  const auto rises_in = way_ == Way::best ? entry.state.success.rises_in(now.monotonic) : Milliseconds(0);
  rises_in > Milliseconds(0) ? due_.put(number, now.monotonic + rises_in) : due_.take_out(number);
}

void Roster::put_to_sleep(std::uint32_t number, std::optional<Milliseconds> wait, const Moment& now) {
  ready_.take_out(number);
  wait ? due_.put(number, now.monotonic + *wait)
       : due_.take_out(number);  // Without a time only an event wakes it.
}

Roster::Rank Roster::rank_of(const KeyEntry& entry, const Moment& now) const {
  const auto busy = static_cast<double>(entry.state.in_flight);
  switch (way_) {
    case Way::round_robin:
      return {0, 0, entry.turn};
    case Way::least_busy:
      return {busy, 0, entry.turn};
    case Way::most_remaining:
      return {-entry.share_left(model_, now), 0, entry.turn};
    case Way::best:
      return {static_cast<double>(-entry.state.success.step(now.monotonic)), busy, entry.turn};
    case Way::weighted:
      return {entry.pass, 0, entry.turn};
  }
  return {};
}

// -- Choosing

Roster::Chosen Roster::choose(const Wish& wish, Entries entries, std::uint64_t version,
                              const ChangeJournal& journal, PoolCore& core) {
  const auto now = core.now();
  if (is_out_of_date(version, journal, now, core)) put_together(entries, version, journal, now);
  follow(journal, now);
  wake(now);

  KeyEntry* chosen = nullptr;
  KeyEntry* last_resort = nullptr;  // The first of those to be avoided.
  std::optional<Milliseconds> free_in;
  aside_.clear();
  while (!ready_.empty() && chosen == nullptr) {
    const auto number = ready_.top().number;
    auto& entry = *candidates_[number];
    if (const auto rank = rank_of(entry, now); rank != ready_.top().order) {
      ready_.put(number, rank);
      continue;
    }
    const auto wait = entry.free_in(model_, wish.tokens, now);
    const auto wait_of_any = wait == Milliseconds(0) ? wait : entry.free_in(model_, any_tokens, now);
    if (wait_of_any != Milliseconds(0)) {
      put_to_sleep(number, wait_of_any, now);
      continue;
    }
    if (wait == Milliseconds(0) && !is_avoided(entry, wish.avoid)) {
      chosen = &entry;
      break;
    }
    aside_.emplace_back(number, ready_.top().order);
    ready_.take_out(number);
    if (wait != Milliseconds(0)) {
      free_in = std::min(free_in.value_or(Milliseconds::max()), wait.value_or(Milliseconds::max()));
    } else if (last_resort == nullptr) {
      last_resort = &entry;
    }
  }
  for (const auto& [number, rank] : aside_) ready_.put(number, rank);
  if (chosen == nullptr) chosen = last_resort;
  if (chosen != nullptr) {
    if (way_ == Way::weighted) {
      virtual_time_ = std::max(virtual_time_, chosen->pass);
      chosen->pass += 1 / chosen->state.profile.weight;
    }
    return {chosen, std::nullopt};
  }
  if (!due_.empty()) {
    const auto first = std::max(Milliseconds(0), due_.top().order - now.monotonic);
    free_in = std::min(free_in.value_or(first), first);
  }
  return {nullptr, free_in};
}

}  // namespace pollux
