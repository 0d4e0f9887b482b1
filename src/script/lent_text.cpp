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

LentTexts::Name LentTexts::keep(std::string text, TextRoom room) {
  auto kept = std::make_unique<std::string>(std::move(text));
  const auto name = lend(*kept);
  auto& slot = slots_[name.slot];
  slot.kept = std::move(kept);
  slot.room = std::exchange(room.bytes_, 0);
  slot.holders = 0;
  return name;
}

LentTexts::Slot* LentTexts::kept_slot(Name name) noexcept {
  if (!find(name)) return nullptr;
  auto& slot = slots_[name.slot];
  return slot.kept ? &slot : nullptr;
}

void LentTexts::hold(Name name) noexcept {
  if (auto* slot = kept_slot(name)) ++slot->holders;
}

void LentTexts::let_go(Name name) noexcept {
  auto* slot = kept_slot(name);
  if (!slot || --slot->holders > 0) return;
  slot->kept.reset();
  room_in_use_ -= std::exchange(slot->room, 0);
  take_back(name);
}

TextRoom::TextRoom(TextRoom&& other) noexcept
    : state_(other.state_), bytes_(std::exchange(other.bytes_, 0)) {}

bool TextRoom::grow(std::size_t bytes) {
  auto& in_use = ScriptState::of(state_).lent_texts().room_in_use_;
  if (in_use + bytes > most) lua_gc(state_, LUA_GCCOLLECT, 0);
  if (in_use + bytes > most) return false;
  in_use += bytes;
  bytes_ += bytes;
  return true;
}

void TextRoom::give_back() noexcept {
  if (bytes_ > 0) ScriptState::of(state_).lent_texts().room_in_use_ -= std::exchange(bytes_, 0);
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
