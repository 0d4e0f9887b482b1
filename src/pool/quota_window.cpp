#include "pool/quota_window.h"

#include <algorithm>

namespace pollux {

void QuotaWindow::forget(Milliseconds now) {
  while (first_ < entries_.size() && leaves_at(entries_[first_]) <= now) {
    sum_.requests -= entries_[first_].use.requests;
    sum_.tokens -= entries_[first_].use.tokens;
    ++first_;
  }
  if (first_ == entries_.size()) {
    entries_.clear(), first_ = 0;
  } else if (first_ > 64 && first_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void QuotaWindow::add(Milliseconds at, Use use) {
  forget(at);
  const auto its_step = step_of(at);
  if (empty() || entries_.back().at < its_step) entries_.push_back({its_step, {}});
  auto& entry =
      entries_.back();  // A time before the last step counts as of that step: longer, never shorter.
  entry.use.requests += use.requests;
  entry.use.tokens += use.tokens;
  sum_.requests += use.requests;
  sum_.tokens += use.tokens;
}

void QuotaWindow::correct(Milliseconds at, Use change, Milliseconds now) {
  if (leaves_at({.at = step_of(at), .use = {}}) <= now) return;
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first_);
  const auto entry = std::ranges::lower_bound(begin, entries_.end(), step_of(at), {}, &Entry::at);
  if (entry == entries_.end()) return;
  const auto never_below_zero = [](std::int64_t& number, std::int64_t& sum, std::int64_t by) {
    by = std::max(by, -number);
    number += by, sum += by;
  };
  never_below_zero(entry->use.requests, sum_.requests, change.requests);
  never_below_zero(entry->use.tokens, sum_.tokens, change.tokens);
}

QuotaWindow::Use QuotaWindow::used(Milliseconds now) {
  forget(now);
  return sum_;
}

Milliseconds QuotaWindow::until_at_most(Milliseconds now, Use left) {
  forget(now);
  auto rest = sum_;
  auto wait = Milliseconds(0);
  for (auto at = first_; at < entries_.size() && (rest.requests > left.requests || rest.tokens > left.tokens);
       ++at) {
    rest.requests -= entries_[at].use.requests;
    rest.tokens -= entries_[at].use.tokens;
    wait = leaves_at(entries_[at]) - now;
  }
  return wait;
}

std::vector<QuotaWindow::Entry> QuotaWindow::entries(Milliseconds now) {
  forget(now);
  return {entries_.begin() + static_cast<std::ptrdiff_t>(first_), entries_.end()};
}

}  // namespace pollux
