// JSON text to Lua values. Read by hand and not by a library's events, which refuse numbers beyond a double's
// range and copy every text once more on its way to Lua.
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "script/blob.h"
#include "script/json_text.h"
#include "script/script_state.h"

namespace pollux {

namespace {

constexpr int max_depth = 200;

// Values of an object or a list gather on Lua's stack, so that their table is made in its right size. There
// is room for many of them only in the outer levels; a table that outgrows the room is filled in portions.
constexpr int room_at(int depth) {
  return depth < 12 ? 64 : 4;
}

// Holds what owns memory; lives outside of the protected call.
class Decoder {
 public:
  Decoder(std::string_view text, const LentText* lent)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), lent_(lent) {}

  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }

  // Pushes the value; false: problem() says why not. May raise "not enough memory".
  bool decode(lua_State* state) {
    state_ = state;
    json_ = &ScriptState::of(state).json();
    if (end_ - at_ >= 3 && std::string_view(at_, 3) == "\xEF\xBB\xBF") at_ += 3;  // A byte order mark.
    skip_space();
    if (!value(0)) return false;
    skip_space();
    return at_ == end_ || fail("there is more after its end");
  }

  std::string problem() const {
    std::size_t line = 1, column = 1;
    for (const char* c = begin_; c < at_; ++c) {
      ++column;
      if (*c == '\n') ++line, column = 1;
    }
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + problem_;
  }

 private:
  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    if (at_ == end_) return fail("it ends where a value is expected");
    switch (*at_) {
      case '{':
        return depth < max_depth ? object(depth) : fail("it is nested deeper than 200 levels");
      case '[':
        return depth < max_depth ? array(depth) : fail("it is nested deeper than 200 levels");
      case '"':
        return text(lent_ != nullptr);
      case 't':
        return word("true") && (lua_pushboolean(state_, 1), true);
      case 'f':
        return word("false") && (lua_pushboolean(state_, 0), true);
      case 'n':
        return word("null") && (json_push_null(state_), true);
      default:
        return number();
    }
  }

  bool word(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size() ||
        std::string_view(at_, expected.size()) != expected) {
      return fail("a value is expected");
    }
    at_ += expected.size();
    return true;
  }

  bool object(int depth) {
    ++at_;
    const int base = lua_gettop(state_);
    const std::size_t first_name = names_.size();
    luaL_checkstack(state_, 2 * room_at(depth) + 8, "too many values");
    int pending = 0;
    bool has_table = false;
    skip_space();
    for (bool more = !take('}'); more;) {
      if (pending == room_at(depth)) fill_object(base, pending, has_table);
      if (at_ == end_ || *at_ != '"') return fail("a property's name in quotes is expected");
      if (!text(false)) return false;
      std::size_t size = 0;
      names_.push_back(
          lua_tolstring(state_, -1, &size));  // Strings are unique in a state: the address stands for it.
      sizes_.push_back(size);
      skip_space();
      if (!take(':')) return fail("a ':' is expected");
      skip_space();
      if (!value(depth + 1)) return false;
      ++pending;
      skip_space();
      if (take('}')) break;
      if (!take(',')) return fail("a ',' or '}' is expected");
      skip_space();
    }
    fill_object(base, pending, has_table);
    const std::size_t count = names_.size() - first_name;
    json_->push_shape(state_, {names_.data() + first_name, count}, {sizes_.data() + first_name, count});
    lua_setmetatable(state_, -2);
    names_.resize(first_name);
    sizes_.resize(first_name);
    return true;
  }

  // Moves the pending names and values from the stack into the table, which is made at the first time.
  void fill_object(int base, int& pending, bool& has_table) {
    if (!has_table) {
      lua_createtable(state_, 0, pending);
      lua_insert(state_, base + 1);
      has_table = true;
    }
    for (int i = 0; i < pending; ++i) {
      lua_pushvalue(state_, base + 2 + 2 * i);
      lua_pushvalue(state_, base + 3 + 2 * i);
      lua_rawset(state_, base + 1);
    }
    pending = 0;
    lua_settop(state_, base + 1);
  }

  bool array(int depth) {
    ++at_;
    const int base = lua_gettop(state_);
    luaL_checkstack(state_, room_at(depth) + 8, "too many values");
    int pending = 0, filled = 0;
    bool has_table = false;
    skip_space();
    for (bool more = !take(']'); more;) {
      if (pending == room_at(depth)) fill_array(base, pending, filled, has_table);
      if (!value(depth + 1)) return false;
      ++pending;
      skip_space();
      if (take(']')) break;
      if (!take(',')) return fail("a ',' or ']' is expected");
      skip_space();
    }
    fill_array(base, pending, filled, has_table);
    json_->push_array_mark(state_);
    lua_setmetatable(state_, -2);
    return true;
  }

  void fill_array(int base, int& pending, int& filled, bool& has_table) {
    if (!has_table) {
      lua_createtable(state_, pending, 0);
      lua_insert(state_, base + 1);
      has_table = true;
    }
    for (int i = pending; i > 0; --i) lua_rawseti(state_, base + 1, filled + i);
    filled += pending;
    pending = 0;
  }

  bool text(bool may_stay) {
    const char* const start = ++at_;
    at_ += plain_run(at_, end_);
    if (at_ < end_ && *at_ == '"') {
      const std::string_view plain(start, static_cast<std::size_t>(at_++ - start));
      if (may_stay && is_blob(plain)) {
        push_blob(state_,
                  Blob::plain(lent_->cut(), static_cast<std::size_t>(start - begin_), plain.size(), true));
      } else {
        lua_pushlstring(state_, plain.data(), plain.size());
      }
      return true;
    }
    scratch_.assign(start, at_);
    while (at_ < end_) {
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') {
        ++at_;
        if (!may_stay || !is_blob(scratch_) || !keep_apart()) {
          lua_pushlstring(state_, scratch_.data(), scratch_.size());
        }
        return true;
      }
      if (byte >= 0x80) {
        const std::size_t length = utf8_length(at_, end_);
        if (length == 0) return fail("this is not UTF-8");
        scratch_.append(at_, length);
        at_ += length;
      } else if (byte == '\\') {
        if (!escape()) return false;
      } else if (byte < 0x20) {
        return fail("a control character in a text must be escaped");
      }
      const std::size_t run = plain_run(at_, end_);
      scratch_.append(at_, run);
      at_ += run;
    }
    return fail("it ends within a text");
  }

  static bool is_blob(std::string_view text) {
    return text.size() >= least_blob_bytes &&
           plain_run(text.data(), text.data() + text.size()) == text.size() &&
           std::memchr(text.data(), ' ', text.size()) == nullptr;
  }

  // Some write every slash as "\/": what lies in the source then is not what is meant. False: there is no
  // room.
  bool keep_apart() {
    room_.emplace(state_);
    if (!room_->grow(scratch_.size())) return false;
    push_kept_blob(state_, scratch_, *room_, Blob::plain({}, 0, scratch_.size(), true));
    return true;
  }

  bool escape() {
    if (end_ - at_ < 2) return fail("it ends within a text");
    const char what = at_[1];
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const std::size_t index = names.find(what);
    if (index != std::string_view::npos) {
      scratch_ += meanings[index];
      at_ += 2;
      return true;
    }
    char32_t character = 0;
    if (what != 'u' || !code_unit(at_, character)) return fail("this is no escape that JSON knows");
    const char* next = at_ + 6;
    if (character >= 0xD800 && character <= 0xDFFF) {
      char32_t low = 0;
      const bool pair = character < 0xDC00 && end_ - next >= 2 && next[0] == '\\' && next[1] == 'u' &&
                        code_unit(next, low) && low >= 0xDC00 && low <= 0xDFFF;
      if (!pair) return fail("half of a surrogate pair is no character");
      character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
      next += 6;
    }
    append_utf8(scratch_, character);
    at_ = next;
    return true;
  }

  // "\uXXXX" at `at`.
  bool code_unit(const char* at, char32_t& unit) const {
    if (end_ - at < 6) return false;
    unit = 0;
    for (int i = 2; i < 6; ++i) {
      const char c = at[i];
      char32_t digit = 0;
      if (c >= '0' && c <= '9')
        digit = static_cast<char32_t>(c - '0');
      else if (c >= 'a' && c <= 'f')
        digit = static_cast<char32_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F')
        digit = static_cast<char32_t>(c - 'A' + 10);
      else
        return false;
      unit = unit * 16 + digit;
    }
    return true;
  }

  bool digits() {
    const char* const start = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > start;
  }

  bool number() {
    const char* const start = at_;
    const bool minus = take('-');
    if (!take('0') && !digits()) {
      at_ = start;
      return fail("a value is expected");
    }
    const bool is_integer = at_ == end_ || (*at_ != '.' && *at_ != 'e' && *at_ != 'E');
    const std::size_t size = static_cast<std::size_t>(at_ - start);
    if (is_integer && size <= 15) {
      double number = 0;
      for (const char* c = start + (minus ? 1 : 0); c < at_; ++c) number = number * 10 + (*c - '0');
      lua_pushnumber(state_, minus ? -number : number);
      return true;
    }
    if (take('.') && !digits()) return fail("a digit is expected after the point");
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (!digits()) return fail("a digit is expected in the exponent");
    }
    const std::string_view text(start, static_cast<std::size_t>(at_ - start));
    if (is_held_by_double(text)) {
      lua_pushnumber(state_, number_of(text));
    } else {
      json_->push_new_number(state_, text);
    }
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const LentText* lent_;
  lua_State* state_ = nullptr;
  JsonShapes* json_ = nullptr;
  const char* problem_ = "";
  std::string scratch_;
  std::optional<TextRoom> room_;
  std::vector<const char*> names_;  // Of all objects that are open.
  std::vector<std::size_t> sizes_;
};

struct DecodeWork {
  Decoder decoder;
  bool done = false;
};

}  // namespace

int decode_protected(lua_State* state) {
  auto& work = *static_cast<DecodeWork*>(lua_touserdata(state, 1));
  make_room(state, 4 * work.decoder.size());
  work.done = work.decoder.decode(state);
  return work.done ? 1 : 0;
}

Result<void> json_decode(lua_State* state, std::string_view text, const LentText* lent) {
  ScriptState& script = ScriptState::of(state);
  if (!lua_checkstack(state, 4)) return unavailable("too many values on the stack");
  DecodeWork work{Decoder(text, lent)};
  const int top = lua_gettop(state);
  script.json().push_decoder(state);
  lua_pushlightuserdata(state, &work);
  int status = 0;
  {
    const LuaMemory::Enforced capped(script.memory(), state);
    status = lua_pcall(state, 1, 1, 0);
  }
  if (status == 0 && work.done) return {};
  Error error = invalid_input(status == 0 ? work.decoder.problem() : "not enough memory");
  if (status != 0) error.kind = Error::Kind::unavailable;
  lua_settop(state, top);
  if (status != 0) lua_gc(state, LUA_GCCOLLECT, 0);
  return error;
}

void json_push_null(lua_State* state) {
  lua_pushlightuserdata(state, nullptr);
}

bool json_is_null(lua_State* state, int index) {
  return lua_type(state, index) == LUA_TLIGHTUSERDATA && lua_touserdata(state, index) == nullptr;
}

}  // namespace pollux
