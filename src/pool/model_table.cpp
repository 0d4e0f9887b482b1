#include "pool/model_table.h"

#include <algorithm>
#include <tuple>

#include "base/redact.h"

namespace pollux {

ModelId ModelTable::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return others;
  return {found->second, slots_[found->second].generation};
}

ModelId ModelTable::remember(std::string_view name, Milliseconds now) {
  if (name.empty() || name.size() > longest_name) return others;
  auto id = find(name);
  if (id == others) {
    if (redact_keys(name) != name) return others;
    const auto slot = free_slot(now);
    slots_[slot].name = name;
    by_name_.emplace(name, slot);
    id = {slot, slots_[slot].generation};
  }
  slots_[id.slot].last_used = now;
  return id;
}

void ModelTable::keep_until(ModelId id, Milliseconds monotonic) {
  auto& until = slots_[id.slot].kept_until;
  if (id != others && knows(id)) until = std::max(until, monotonic);
}

std::uint32_t ModelTable::free_slot(Milliseconds now) {
  if (slots_.size() <= most_models) {
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const auto least_missed =
      std::min_element(slots_.begin() + 1, slots_.end(), [now](const Slot& a, const Slot& b) {
        return std::tuple(a.kept_until > now, a.last_used) < std::tuple(b.kept_until > now, b.last_used);
      });
  by_name_.erase(least_missed->name);
  *least_missed = Slot{.generation = least_missed->generation + 1};
  return static_cast<std::uint32_t>(least_missed - slots_.begin());
}

}  // namespace pollux
