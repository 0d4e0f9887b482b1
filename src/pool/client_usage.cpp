#include "pool/client_usage.h"

#include <algorithm>
#include <limits>

namespace pollux {

const PacificDay& ClientUsage::turn_to(WallTime now) {
  const auto& day = calendar_.at(now);
  if (today_.date != day.date) today_ = {.date = day.date};
  return day;
}

std::optional<LimitReached> ClientUsage::reached(const ClientQuota& quota, const Moment& now) {
  const auto until_tomorrow = turn_to(now.wall).end - now.wall;
  if (quota.daily_requests && today_.requests >= *quota.daily_requests)
    return LimitReached{"daily_requests", *quota.daily_requests, until_tomorrow};
  if (quota.daily_tokens && today_.tokens >= *quota.daily_tokens)
    return LimitReached{"daily_tokens", *quota.daily_tokens, until_tomorrow};
  if (!quota.rpm || minute_.used(now.monotonic).requests < *quota.rpm) return std::nullopt;
  constexpr auto any = std::numeric_limits<std::int64_t>::max();
  return LimitReached{"rpm", *quota.rpm, minute_.until_at_most(now.monotonic, {*quota.rpm - 1, any})};
}

std::optional<LimitReached> ClientUsage::admit(const ClientQuota& quota, const Moment& now) {
  {
    const std::lock_guard lock(mutex_);
    if (auto limit = reached(quota, now)) return limit;
    minute_.add(now.monotonic, {1, 0});
    ++today_.requests;
  }
  tell_change();
  return std::nullopt;
}

void ClientUsage::give_back(const Moment& admitted, const Moment& now) {
  {
    const std::lock_guard lock(mutex_);
    minute_.correct(admitted.monotonic, {-1, 0}, now.monotonic);
    const auto day = turn_to(now.wall);
    if (admitted.wall >= day.begin) today_.requests = std::max<std::int64_t>(0, today_.requests - 1);
  }
  tell_change();
}

void ClientUsage::used(std::int64_t tokens, WallTime last_used, const Moment& now) {
  {
    const std::lock_guard lock(mutex_);
    turn_to(now.wall);
    today_.tokens += std::max<std::int64_t>(0, tokens);
    if (!last_used_ || *last_used_ < last_used) last_used_ = last_used;
  }
  tell_change();
}

ClientUsage::Numbers ClientUsage::numbers(const Moment& now) {
  const std::lock_guard lock(mutex_);
  const auto day = turn_to(now.wall);
  return {minute_.used(now.monotonic).requests, today_.requests, today_.tokens, day.end, last_used_};
}

void ClientUsage::restore(const ClientUsageState& state, const Moment& now) {
  const std::lock_guard lock(mutex_);
  today_ = {state.day, state.requests_today, state.tokens_today};
  last_used_ = state.last_used;
  for (const auto& use : state.minute) {
    // A step later than it was: the steps of before need not be those of now.
    const auto ago =
        std::clamp(now.wall - use.at - QuotaWindow::step, Milliseconds(0), QuotaWindow::length * 2);
    minute_.add(now.monotonic - ago, {use.requests, 0});
  }
}

ClientUsageState ClientUsage::state(const Moment& now) {
  change_told_ = false;
  const std::lock_guard lock(mutex_);
  ClientUsageState state{.client_id = {},
                         .day = today_.date,
                         .requests_today = today_.requests,
                         .tokens_today = today_.tokens,
                         .minute = {},
                         .last_used = last_used_};
  for (const auto& entry : minute_.entries(now.monotonic))
    state.minute.push_back({now.wall - (now.monotonic - entry.at), entry.use.requests, 0});
  return state;
}

void ClientUsage::tell_change() {
  if (on_change_ && !change_told_.exchange(true)) on_change_();
}

}  // namespace pollux
