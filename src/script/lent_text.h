// Texts outside of Lua that blobs are cut from. Whoever owns such a text lends it to a state, and takes it
// back before it changes or goes: a blob that is touched later finds nothing. Internal to src/script.
#pragma once

#include <cstdint>
#include <lua.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace pollux {

class LentTexts {
 public:
  struct Name {
    std::uint32_t slot = 0, generation = 0;
    bool operator==(const Name&) const = default;
  };
  Name lend(std::string_view text);
  void take_back(Name name) noexcept;
  std::optional<std::string_view> find(Name name) const noexcept;

 private:
  struct Slot {
    std::uint32_t generation = 0;
    std::optional<std::string_view> text;
  };
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

// One text while it is lent. Dies before the state does.
class LentText {
 public:
  LentText() = default;
  LentText(lua_State* state, std::string_view text);
  LentText(LentText&& other) noexcept;
  LentText& operator=(LentText&& other) noexcept;
  ~LentText();
  LentTexts::Name name() const noexcept { return name_; }
  // The name, for a blob.
  LentTexts::Name cut() const noexcept {
    is_cut_ = true;
    return name_;
  }
  // Whether a blob may lie in it.
  bool is_cut() const noexcept { return is_cut_; }
  // Whether it is these very bytes that are lent.
  bool is(std::string_view text) const noexcept;

 private:
  void give_back() noexcept;

  LentTexts* texts_ = nullptr;  // Null: nothing is lent.
  LentTexts::Name name_;
  mutable bool is_cut_ = false;  // Whoever cuts a blob changes nothing of the text.
};

}  // namespace pollux
