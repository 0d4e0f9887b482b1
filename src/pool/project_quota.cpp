#include "pool/project_quota.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pollux {

Limits ModelQuota::in_force(const Limits& known) const {
  return {.rpm = learned.rpm ? learned.rpm : known.rpm,
          .tpm = learned.tpm ? learned.tpm : known.tpm,
          .rpd = learned.rpd ? learned.rpd : known.rpd};
}

void ModelQuota::count_today(std::int64_t date, std::int64_t requests) {
  if (day != date) day = date, requests_today = 0;
  requests_today = std::max<std::int64_t>(0, requests_today + requests);
}

std::optional<Milliseconds> ModelQuota::free_in(const Limits& limits, std::int64_t tokens, const Moment& now,
                                                const PacificDay& today) {
  if (limits.rpm == 0 || limits.tpm == 0 || limits.rpd == 0) return std::nullopt;
  auto wait = rest.left(now);
  if (limits.rpd && requests_on(today.date) >= *limits.rpd) wait = std::max(wait, today.end - now.wall);
  if (!limits.rpm && !limits.tpm) return wait;

  constexpr auto plenty = std::numeric_limits<std::int64_t>::max() / 2;
  const QuotaWindow::Use left{
      .requests = limits.rpm ? *limits.rpm - under_way.requests - 1 : plenty,
      .tokens = limits.tpm ? *limits.tpm - under_way.tokens - std::min(tokens, *limits.tpm) : plenty};
  // What is under way counts for 60 s from its answer on, at the least.
  if (left.requests < 0 || left.tokens < 0) return std::max(wait, QuotaWindow::length);
  return std::max(wait, minute.until_at_most(now.monotonic, left));
}

bool ModelQuota::worth_storing(const Moment& now, std::int64_t today) {
  return learned != Limits{} || requests_on(today) > 0 || !rest.over(now) || !minute.empty();
}

ModelQuota* ProjectQuota::find(ModelId model) {
  const auto place = std::ranges::lower_bound(quotas_, model, {}, &ModelQuota::model);
  return place != quotas_.end() && place->model == model ? &*place : nullptr;
}

ModelQuota& ProjectQuota::of(ModelId model, const ModelTable& models, const Moment& now) {
  if (auto* known = find(model)) {
    known->last_used = now.monotonic;
    return *known;
  }
  forget_unknown(models);
  if (quotas_.size() >= most_models) make_room(models, now);
  const auto place = std::ranges::lower_bound(quotas_, model, {}, &ModelQuota::model);
  return *quotas_.insert(
      place, ModelQuota{.model = model, .name = std::string(models.name(model)), .last_used = now.monotonic});
}

// What is under way must find its count again, so it stays, however many they are.
void ProjectQuota::make_room(const ModelTable& models, const Moment& now) {
  const auto least_missed = std::ranges::min_element(quotas_, {}, [&](const ModelQuota& quota) {
    return std::tuple(quota.under_way.requests > 0, quota.learned != Limits{}, !quota.rest.over(now),
                      models.is_kept(quota.model, now.monotonic), quota.last_used);
  });
  if (least_missed->under_way.requests > 0) return;
  drop(*least_missed);
  quotas_.erase(least_missed);
}

void ProjectQuota::drop(const ModelQuota& quota) {
  if (dropped_.size() < most_dropped) dropped_.push_back(quota.name);
}

std::vector<std::string> ProjectQuota::take_dropped() {
  auto dropped = std::exchange(dropped_, {});
  std::erase_if(dropped, [this](const std::string& name) {
    return std::ranges::any_of(quotas_, [&](const ModelQuota& quota) { return quota.name == name; });
  });
  return dropped;
}

void ProjectQuota::merge(ProjectQuota& other, const ModelTable& models, const Moment& now) {
  for (auto& theirs : other.quotas_) {
    auto& ours = of(theirs.model, models, now);
    for (const auto& entry : theirs.minute.entries(now.monotonic)) ours.minute.add(now.monotonic, entry.use);
    ours.under_way.requests += theirs.under_way.requests;
    ours.under_way.tokens += theirs.under_way.tokens;
    if (theirs.day >= ours.day) ours.count_today(theirs.day, theirs.requests_today);
    if (const auto left = theirs.rest.left(now); left > Milliseconds(0)) ours.rest.extend(left, now);
    ours.back_offs = std::max(ours.back_offs, theirs.back_offs);
    ours.learned = theirs.in_force(ours.learned);
  }
  other.quotas_.clear();
}

void ProjectQuota::forget_unknown(const ModelTable& models) {
  std::erase_if(quotas_, [&](const ModelQuota& quota) {
    if (models.knows(quota.model)) return false;
    drop(quota);
    return true;
  });
}

void ProjectQuota::start_anew() {
  for (auto& quota : quotas_) {
    quota.minute = {};
    quota.requests_today = quota.under_way.requests;
    quota.rest = {};
    quota.back_offs = 0;
    quota.learned = {};
  }
}

void ProjectQuota::forget_limits() {
  for (auto& quota : quotas_) {
    quota.learned = {};
  }
}

}  // namespace pollux
