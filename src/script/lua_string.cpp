// string.find, match, gmatch, gsub and rep: what the standard ones do, in bounded time.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "script/lua_libraries.h"
#include "script/pattern.h"
#include "script/script_state.h"
#include "script/watchdog.h"

namespace pollux {

void LuaBuffer::grow(std::size_t size) {
  std::size_t wanted = std::max(capacity_ * 2, size_ + size);
  make_room(state_, wanted);
  auto* moved = static_cast<char*>(lua_newuserdata(state_, wanted));
  std::memcpy(moved, data_ ? data_ : small_, size_);
  data_ = moved;
  capacity_ = wanted;
  lua_replace(state_, index_);
}

void LuaBuffer::append(const char* bytes, std::size_t size) {
  if (size == 0) return;
  std::memcpy((data_ ? data_ : small_) + size_, bytes, size);
  size_ += size;
}

namespace {

std::string_view check_text(lua_State* state, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, index, &size);
  return {text, size};
}

// Where to begin, counted from 0, from Lua's position (from 1, or backwards from -1).
std::size_t start_of(lua_State* state, int index, std::size_t size) {
  const double position = luaL_optnumber(state, index, 1);
  if (position > 0) return static_cast<std::size_t>(std::min(position - 1, static_cast<double>(size)));
  if (position == 0 || -position >= static_cast<double>(size)) return 0;
  return size - static_cast<std::size_t>(-position);
}

// A pattern, translated. Short ones lie in the object, long ones in a userdata that is left on the stack.
class Pattern {
 public:
  Pattern(lua_State* state, std::string_view text, bool may_be_anchored) {
    const std::size_t count = text.size() + 1;
    PatternItem* items = small_items_;
    choices_ = small_choices_;
    if (count > small_count) {
      void* memory = lua_newuserdata(state, count * (sizeof(PatternItem) + sizeof(PatternChoice)));
      choices_ = static_cast<PatternChoice*>(memory);
      items = reinterpret_cast<PatternItem*>(choices_ + count);
    } else {
      lua_pushnil(state);
    }
    if (const char* problem = compile_pattern(text, may_be_anchored, items, compiled_))
      luaL_error(state, "%s", problem);
  }
  const CompiledPattern& compiled() const { return compiled_; }
  PatternChoice* choices() const { return choices_; }

 private:
  static constexpr std::size_t small_count = 24;
  CompiledPattern compiled_;
  PatternChoice* choices_;
  PatternItem small_items_[small_count];
  PatternChoice small_choices_[small_count];
};

PatternMatcher matcher_of(lua_State* state, const Pattern& pattern, std::string_view subject) {
  return {pattern.compiled(), subject, pattern.choices(), ScriptState::of(state).limits().pattern_steps,
          burst_is_spent};
}

// Whether it matched; raises an error if matching was given up.
bool settled(lua_State* state, PatternMatcher::Outcome outcome) {
  switch (outcome) {
    case PatternMatcher::Outcome::no:
      return false;
    case PatternMatcher::Outcome::yes:
      return true;
    case PatternMatcher::Outcome::too_expensive:
      luaL_error(state, "pattern is too expensive");
      break;
    case PatternMatcher::Outcome::interrupted:
      raise_spent(state);
      break;
  }
  return false;
}

void push_capture(lua_State* state, const PatternMatcher& match, int index, const char* subject) {
  if (index >= match.captures()) {  // Without captures, the whole match is the first.
    lua_pushlstring(state, match.begin(), static_cast<std::size_t>(match.end() - match.begin()));
    return;
  }
  const PatternCapture& capture = match.capture(index);
  if (capture.size == PatternCapture::is_position) {
    lua_pushinteger(state, capture.begin - subject + 1);
  } else {
    lua_pushlstring(state, capture.begin, static_cast<std::size_t>(capture.size));
  }
}

int push_captures(lua_State* state, const PatternMatcher& match, const char* subject, bool whole_if_none) {
  const int count = match.captures() == 0 && whole_if_none ? 1 : match.captures();
  luaL_checkstack(state, count, "too many captures");
  for (int i = 0; i < count; ++i) push_capture(state, match, i, subject);
  return count;
}

bool has_specials(std::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") != std::string_view::npos;
}

int find_text(lua_State* state, std::string_view subject, std::string_view text, std::size_t start) {
  const char* found = subject.data() + start;
  if (!text.empty()) {
    found = static_cast<const char*>(memmem(found, subject.size() - start, text.data(), text.size()));
  }
  if (!found) {
    lua_pushnil(state);
    return 1;
  }
  const auto begin = found - subject.data() + 1;
  lua_pushinteger(state, begin);
  lua_pushinteger(state, begin + static_cast<std::ptrdiff_t>(text.size()) - 1);
  return 2;
}

int find_or_match(lua_State* state, bool finds) {
  const std::string_view subject = check_text(state, 1), text = check_text(state, 2);
  const std::size_t start = start_of(state, 3, subject.size());
  if (finds && (lua_toboolean(state, 4) || !has_specials(text)))
    return find_text(state, subject, text, start);

  const Pattern pattern(state, text, true);
  PatternMatcher match = matcher_of(state, pattern, subject);
  if (!settled(state, match.search(subject.data() + start))) {
    lua_pushnil(state);
    return 1;
  }
  if (!finds) return push_captures(state, match, subject.data(), true);
  lua_pushinteger(state, match.begin() - subject.data() + 1);
  lua_pushinteger(state, match.end() - subject.data());
  return 2 + push_captures(state, match, subject.data(), false);
}

int find(lua_State* state) {
  return find_or_match(state, true);
}
int match(lua_State* state) {
  return find_or_match(state, false);
}

// Upvalues: the text, the pattern, where to go on.
int next_match(lua_State* state) {
  std::size_t subject_size = 0, pattern_size = 0;
  const char* subject = lua_tolstring(state, lua_upvalueindex(1), &subject_size);
  const char* text = lua_tolstring(state, lua_upvalueindex(2), &pattern_size);
  const auto start = static_cast<std::size_t>(lua_tointeger(state, lua_upvalueindex(3)));
  if (start > subject_size) return 0;

  const Pattern pattern(state, {text, pattern_size}, false);
  PatternMatcher match = matcher_of(state, pattern, {subject, subject_size});
  if (!settled(state, match.search(subject + start))) {
    lua_pushinteger(state, static_cast<lua_Integer>(subject_size) + 1);
    lua_replace(state, lua_upvalueindex(3));
    return 0;
  }
  const bool empty = match.end() == match.begin();
  lua_pushinteger(state, match.end() - subject + (empty ? 1 : 0));
  lua_replace(state, lua_upvalueindex(3));
  return push_captures(state, match, subject, true);
}

int gmatch(lua_State* state) {
  check_text(state, 1);
  const std::string_view text = check_text(state, 2);
  lua_settop(state, 2);
  const Pattern refuses_wrong_ones(state, text, false);
  lua_settop(state, 2);
  lua_pushinteger(state, 0);
  lua_pushcclosure(state, &lua_entry<next_match>, 3);
  return 1;
}

// gsub's replacement text: "%0" to "%9" are captures, "%" before another character is that character.
void add_replacement_text(lua_State* state, LuaBuffer& result, const PatternMatcher& match,
                          const char* subject) {
  const std::string_view text = check_text(state, 3);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      const std::size_t next = std::min(text.find('%', i), text.size());
      result.add(text.data() + i, next - i);
      i = next - 1;
      continue;
    }
    if (++i == text.size()) luaL_error(state, "invalid replacement: it ends with '%%'");
    const char what = text[i];
    if (what < '0' || what > '9') {
      result.add(what);
    } else if (what == '0') {
      result.add(match.begin(), static_cast<std::size_t>(match.end() - match.begin()));
    } else {
      const int index = what - '1';
      if (index > 0 && index >= match.captures()) luaL_error(state, "invalid capture index");
      push_capture(state, match, index, subject);
      std::size_t size = 0;
      const char* capture = lua_tolstring(state, -1, &size);
      result.add(capture, size);
      lua_pop(state, 1);
    }
  }
}

int get_indexed(lua_State* state) {
  lua_gettable(state, 1);
  return 1;
}

// lua_gettable, where a function in a metatable may do as it likes.
void get_nested(lua_State* state, int index) {
  if (!lua_getmetatable(state, index)) return lua_rawget(state, index);
  lua_pop(state, 1);
  lua_pushcfunction(state, &get_indexed);
  lua_insert(state, -2);
  lua_pushvalue(state, index);
  lua_insert(state, -2);
  call_nested(state, 2, 1);
}

void add_replacement(lua_State* state, LuaBuffer& result, const PatternMatcher& match, const char* subject) {
  switch (lua_type(state, 3)) {
    case LUA_TFUNCTION: {
      lua_pushvalue(state, 3);
      const int count = push_captures(state, match, subject, true);
      call_nested(state, count, 1);
      break;
    }
    case LUA_TTABLE:
      push_capture(state, match, 0, subject);
      get_nested(state, 3);
      break;
    default:
      return add_replacement_text(state, result, match, subject);
  }
  if (!lua_toboolean(state, -1)) {
    result.add(match.begin(), static_cast<std::size_t>(match.end() - match.begin()));
  } else if (lua_isstring(state, -1)) {
    std::size_t size = 0;
    const char* text = lua_tolstring(state, -1, &size);
    result.add(text, size);
  } else {
    luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
  }
  lua_pop(state, 1);
}

int gsub(lua_State* state) {
  const std::string_view subject = check_text(state, 1), text = check_text(state, 2);
  const int type = lua_type(state, 3);
  luaL_argcheck(state,
                type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
                "string/function/table expected");
  const double limit = luaL_optnumber(state, 4, static_cast<double>(subject.size()) + 1);
  lua_settop(state, 4);
  const Pattern pattern(state, text, true);  // 5
  lua_pushnil(state);                        // 6: the result
  LuaBuffer result(state, 6);
  PatternMatcher match = matcher_of(state, pattern, subject);

  const char* at = subject.data();
  const char* const end = at + subject.size();
  int count = 0;
  while (count < limit) {
    const bool found = settled(state, match.search(at));
    if (!found) break;
    ++count;
    result.add(at, static_cast<std::size_t>(match.begin() - at));
    add_replacement(state, result, match, subject.data());
    at = match.end();
    if (match.end() == match.begin()) {  // An empty match: go past one character.
      if (at == end) break;
      result.add(*at++);
    }
    if (pattern.compiled().anchored) break;
  }
  if (at < end) result.add(at, static_cast<std::size_t>(end - at));
  result.push();
  lua_pushinteger(state, count);
  return 2;
}

// The standard format, but for tables that tell themselves how they read: they may do as they like.
// Upvalues: format, tostring.
int format(lua_State* state) {
  const int count = lua_gettop(state);
  for (int i = 2; i <= count; ++i) {
    if (lua_type(state, i) != LUA_TTABLE || !luaL_getmetafield(state, i, "__tostring")) continue;
    lua_pop(state, 1);
    lua_pushvalue(state, lua_upvalueindex(2));
    lua_pushvalue(state, i);
    call_nested(state, 1, 1);
    lua_replace(state, i);
  }
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, count, 1);
  return 1;
}

int repeat(lua_State* state) {
  const std::string_view text = check_text(state, 1);
  const double wished = luaL_checknumber(state, 2);
  std::size_t separator_size = 0;
  const char* separator = luaL_optlstring(state, 3, "", &separator_size);
  if (!(wished >= 1) || text.size() + separator_size == 0) {
    lua_pushliteral(state, "");
    return 1;
  }
  const std::size_t unit = text.size() + separator_size;
  const std::size_t cap = ScriptState::of(state).limits().memory_bytes;
  if (wished * static_cast<double>(unit) > static_cast<double>(cap))
    return luaL_error(state, "not enough memory");
  const auto count = static_cast<std::size_t>(wished);
  const std::size_t size = unit * count - separator_size;
  make_room(state, 2 * unit * count);
  auto* bytes = static_cast<char*>(lua_newuserdata(state, unit * count));
  std::memcpy(bytes, text.data(), text.size());
  std::memcpy(bytes + text.size(), separator, separator_size);
  for (std::size_t filled = unit; filled < unit * count;) {
    const std::size_t more = std::min(filled, unit * count - filled);
    std::memcpy(bytes + filled, bytes, more);
    filled += more;
  }
  lua_pushlstring(state, bytes, size);
  return 1;
}

}  // namespace

void add_string_functions(lua_State* state) {
  constexpr luaL_Reg functions[] = {{"find", &lua_entry<find>},
                                    {"match", &lua_entry<match>},
                                    {"gmatch", &lua_entry<gmatch>},
                                    {"gsub", &lua_entry<gsub>},
                                    {"rep", &lua_entry<repeat>}};
  for (const luaL_Reg& function : functions) {
    lua_pushcfunction(state, function.func);
    lua_setfield(state, -2, function.name);
  }
  lua_getfield(state, -1, "format");
  lua_getglobal(state, "tostring");
  lua_pushcclosure(state, &lua_entry<format>, 2);
  lua_setfield(state, -2, "format");
}

}  // namespace pollux
