// Texts outside of Lua that blobs are cut from. Whoever owns such a text lends it to a state, and takes it
// back before it changes or goes: a blob that is touched later finds nothing. Texts that nobody else owns,
// which is what was fetched, are kept here for as long as a blob holds them. Internal to src/script.
#pragma once

#include <cstdint>
#include <lua.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pollux {

class TextRoom;

class LentTexts {
 public:
  struct Name {
    std::uint32_t slot = 0, generation = 0;
    bool operator==(const Name&) const = default;
  };
  Name lend(std::string_view text);
  void take_back(Name name) noexcept;
  std::optional<std::string_view> find(Name name) const noexcept;

  // Until the last that holds it has let go; one that is lent needs no holding.
  Name keep(std::string text, TextRoom room);
  void hold(Name name) noexcept;
  void let_go(Name name) noexcept;
  std::size_t kept_bytes() const noexcept { return room_in_use_; }

 private:
  friend class TextRoom;
  struct Slot {
    std::uint32_t generation = 0;
    std::optional<std::string_view> text;
    std::unique_ptr<std::string> kept;
    std::size_t room = 0;
    std::size_t holders = 0;
  };
  Slot* kept_slot(Name name) noexcept;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t room_in_use_ = 0;
};

// Room for a text that is to be kept, taken piece by piece: Lua's cap does not know of what lies outside.
class TextRoom {
 public:
  static constexpr std::size_t most = std::size_t{128} * 1024 * 1024;  // Of one state.

  explicit TextRoom(lua_State* running) : state_(running) {}
  TextRoom(TextRoom&& other) noexcept;
  TextRoom& operator=(TextRoom&&) = delete;
  ~TextRoom() { give_back(); }
  // False: there is no more, not even after garbage was collected.
  bool grow(std::size_t bytes);
  void give_back() noexcept;

 private:
  friend class LentTexts;
  lua_State* state_;
  std::size_t bytes_ = 0;
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
