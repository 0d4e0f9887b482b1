#include "pool/quota_limits.h"

#include <algorithm>
#include <tuple>

namespace pollux {
namespace {

bool is_pattern(std::string_view model) {
  return model.find('*') != std::string_view::npos;
}

auto literals_of(std::string_view model) {
  return model.size() - static_cast<std::size_t>(std::ranges::count(model, '*'));
}

}  // namespace

// Each * swallows as little as it can; what was swallowed last is the only thing ever taken back.
bool matches_glob(std::string_view pattern, std::string_view name) {
  std::size_t at = 0, in_name = 0;
  auto star = std::string_view::npos;
  std::size_t swallowed_to = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++, swallowed_to = in_name;
    } else if (at < pattern.size() && pattern[at] == name[in_name]) {
      ++at, ++in_name;
    } else if (star != std::string_view::npos) {
      at = star + 1, in_name = ++swallowed_to;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

LimitTable::LimitTable(std::vector<std::string> tiers, std::vector<Row> rows, Limits fallback)
    : tiers_(std::move(tiers)), rows_(std::move(rows)), fallback_(fallback) {
  std::ranges::stable_sort(rows_, [](const Row& one, const Row& other) {
    const auto place = [](const Row& row) {
      return std::tuple(row.tier.empty(), is_pattern(row.model),
                        -static_cast<std::int64_t>(literals_of(row.model)));
    };
    return place(one) < place(other);
  });
}

std::size_t LimitTable::tier_of(std::string_view tag) const {
  const auto found = std::ranges::find(tiers_, tag);
  return found == tiers_.end() ? no_tier : static_cast<std::size_t>(found - tiers_.begin());
}

Limits LimitTable::of(std::size_t tier, std::string_view model) const {
  const auto found = std::ranges::find_if(rows_, [&](const Row& row) {
    const bool of_tier = row.tier.empty() || (tier != no_tier && row.tier == tiers_[tier]);
    return of_tier && matches_glob(row.model, model);
  });
  if (found == rows_.end()) return fallback_;
  auto limits = found->limits;
  if (!limits.rpm) limits.rpm = fallback_.rpm;
  if (!limits.tpm) limits.tpm = fallback_.tpm;
  if (!limits.rpd) limits.rpd = fallback_.rpd;
  return limits;
}

std::shared_ptr<const LimitTable> LimitTable::with_fallback(Limits fallback) const {
  auto table = std::make_shared<LimitTable>(*this);
  table->fallback_ = fallback;
  return table;
}

}  // namespace pollux
