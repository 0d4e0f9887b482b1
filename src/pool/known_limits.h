// The limits of the table by tier and model, looked up once for each: patterns are too dear for every
// request.
#pragma once

#include <memory>
#include <unordered_map>

#include "pool/model_table.h"
#include "pool/quota_limits.h"

namespace pollux {

class KnownLimits {
 public:
  const LimitTable& table() const noexcept { return *table_; }
  void set(std::shared_ptr<const LimitTable> table) {
    table_ = table ? std::move(table) : std::make_shared<const LimitTable>();
    looked_up_.clear();
  }
  // Of models that are not counted apart: none.
  const Limits& of(std::size_t tier, ModelId model, const ModelTable& models) {
    static constexpr Limits none;
    if (model == ModelTable::others || !models.knows(model)) return none;
    const Place place{tier, model};
    if (const auto found = looked_up_.find(place); found != looked_up_.end()) return found->second;
    if (looked_up_.size() >= most) looked_up_.clear();  // Of models that were forgotten long ago.
    return looked_up_.emplace(place, table_->of(tier, models.name(model))).first->second;
  }

 private:
  static constexpr std::size_t most = 8 * ModelTable::most_models;
  struct Place {
    std::size_t tier;
    ModelId model;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Place& place) const noexcept {
      return place.tier * 0x9E3779B97F4A7C15U +
             (std::size_t{place.model.generation} << 32 | place.model.slot);
    }
  };

  std::shared_ptr<const LimitTable> table_ = std::make_shared<const LimitTable>();
  std::unordered_map<Place, Limits, Hash> looked_up_;
};

}  // namespace pollux
