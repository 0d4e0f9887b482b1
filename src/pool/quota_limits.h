// How much a Google Cloud project may ask of a model: the limits that are known beforehand, as
// policies/limits.lua gives them, by tier and model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pollux {

// Of one project and one model. Nothing: no limit is known, so none is kept; 0: the project may not use the
// model.
struct Limits {
  std::optional<std::int64_t> rpm;  // Requests in any 60 seconds.
  std::optional<std::int64_t> tpm;  // Input tokens in any 60 seconds.
  std::optional<std::int64_t> rpd;  // Requests of Google's day: since midnight in Los Angeles.

  bool operator==(const Limits&) const = default;
};

// Immutable once made; safe from any thread.
class LimitTable {
 public:
  struct Row {
    std::string tier;   // A tag of keys; empty: for keys of every tier.
    std::string model;  // A name, or a pattern in which * stands for any characters: "gemini-*-flash".
    Limits limits;
  };

  LimitTable() = default;
  // `tiers` in the order of precedence: a project whose keys have several of these tags counts as the first
  // of them. `fallback` fills what no row says (DEFAULT_RPM_LIMIT, DEFAULT_RPD_LIMIT).
  LimitTable(std::vector<std::string> tiers, std::vector<Row> rows, Limits fallback);

  // The same with another fallback.
  std::shared_ptr<const LimitTable> with_fallback(Limits fallback) const;

  static constexpr std::size_t no_tier = static_cast<std::size_t>(-1);
  std::size_t tier_count() const noexcept { return tiers_.size(); }
  // The place of a tag among the tiers, or no_tier.
  std::size_t tier_of(std::string_view tag) const;
  // Rows of the tier come before rows of every tier; among each, an exact name before patterns, and the
  // pattern with the most literal characters before others. The first that matches counts, whole; the
  // fallback fills its gaps.
  Limits of(std::size_t tier, std::string_view model) const;

  bool operator==(const LimitTable&) const = default;

 private:
  std::vector<std::string> tiers_;
  std::vector<Row> rows_;  // The most exact ones first.
  Limits fallback_;
};

inline bool operator==(const LimitTable::Row& one, const LimitTable::Row& other) {
  return one.tier == other.tier && one.model == other.model && one.limits == other.limits;
}

// Whether the name matches the pattern; in linear time for any pattern.
bool matches_glob(std::string_view pattern, std::string_view name);

}  // namespace pollux
