#include "script/lent_text.h"

#include <utility>

#include "script/script_state.h"

namespace pollux {

LentTexts::Name LentTexts::lend(std::string_view text) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
    free_.reserve(slots_.size());  // So that taking back allocates nothing.
  }
  const auto slot = free_.back();
  free_.pop_back();
  slots_[slot].text = text;
  return {slot, slots_[slot].generation};
}

void LentTexts::take_back(Name name) noexcept {
  auto& slot = slots_[name.slot];
  slot.text.reset();
  ++slot.generation;
  free_.push_back(name.slot);
}

std::optional<std::string_view> LentTexts::find(Name name) const noexcept {
  if (name.slot >= slots_.size() || slots_[name.slot].generation != name.generation) return std::nullopt;
  return slots_[name.slot].text;
}

LentText::LentText(lua_State* state, std::string_view text)
    : texts_(&ScriptState::of(state).lent_texts()), name_(texts_->lend(text)) {}

LentText::LentText(LentText&& other) noexcept
    : texts_(std::exchange(other.texts_, nullptr)), name_(other.name_), is_cut_(other.is_cut_) {}

LentText& LentText::operator=(LentText&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  texts_ = std::exchange(other.texts_, nullptr);
  name_ = other.name_;
  is_cut_ = other.is_cut_;
  return *this;
}

LentText::~LentText() {
  give_back();
}

void LentText::give_back() noexcept {
  if (texts_) texts_->take_back(name_);
  texts_ = nullptr;
}

bool LentText::is(std::string_view text) const noexcept {
  const auto lent = texts_ ? texts_->find(name_) : std::nullopt;
  return lent && lent->data() == text.data() && lent->size() == text.size();
}

}  // namespace pollux
