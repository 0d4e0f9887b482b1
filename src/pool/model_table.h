// Small numbers for the names of models, so that keys can count by model without keeping names.
//
// Clients choose the names, so the table is bounded: the model that was used least recently, and for which no
// key rests, is forgotten when a new one needs its place. Ids of forgotten models stay valid and mean
// "others". Not safe for threads.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "pool/rest.h"

namespace pollux {

struct ModelId {
  std::uint32_t slot = 0, generation = 0;
  // clang-tidy 14 mistakes the 0 that the compiler compares with.
  friend auto operator<=>(const ModelId&, const ModelId&) = default;  // NOLINT(modernize-use-nullptr)
};

// For unordered containers that are searched by views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

// Of a model, for every key.
struct ModelRest {
  Rest rest;
  int back_offs = 0;  // In a row, without a success.
};

class ModelTable {
 public:
  static constexpr std::size_t most_models = 1000;
  static constexpr std::size_t longest_name = 128;
  // No name, one too long to keep or with a key in it, or a forgotten one.
  static constexpr ModelId others{};

  ModelTable() : slots_(1) {}

  // The id if the name is known, else others.
  ModelId find(std::string_view name) const;
  // Finds or adds; marks the model as used now.
  ModelId remember(std::string_view name, Milliseconds now);
  bool knows(ModelId id) const { return slots_[id.slot].generation == id.generation; }
  // Empty for others. Valid until the next remember().
  std::string_view name(ModelId id) const { return knows(id) ? slots_[id.slot].name : std::string_view(); }
  // Something is known of this model until then: better not forget it before.
  void keep_until(ModelId id, Milliseconds monotonic);
  bool is_kept(ModelId id, Milliseconds now) const { return knows(id) && slots_[id.slot].kept_until > now; }
  // The model is full for everybody until then.
  ModelRest* rest_of(ModelId id) { return id != others && knows(id) ? &slots_[id.slot].rest : nullptr; }
  const ModelRest* rest_of(ModelId id) const {
    return id != others && knows(id) ? &slots_[id.slot].rest : nullptr;
  }
  void end_rests() {
    for (auto& slot : slots_) slot.rest = {};
  }

 private:
  struct Slot {
    std::string name;
    std::uint32_t generation = 0;
    Milliseconds last_used{0}, kept_until{0};
    ModelRest rest;
  };
  std::uint32_t free_slot(Milliseconds now);

  std::vector<Slot> slots_;  // The first stands for others.
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> by_name_;
};

}  // namespace pollux
