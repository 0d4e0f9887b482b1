#include "script/json_shapes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "script/json_text.h"
#include "script/script_state.h"

namespace pollux {

namespace {

// What a metatable is, at its index 0. Policies cannot make light userdata, so they cannot forge it.
constexpr char shape_mark = 0;      // Of objects; shared by those that look the same.
constexpr char own_order_mark = 0;  // Of one object that was edited.
constexpr char array_mark = 0;
constexpr char number_mark = 0;

constexpr std::size_t max_shapes = 512;
constexpr std::size_t max_shape_names = 64;  // Larger objects have a metatable each.

void set_mark(lua_State* state, const char& mark) {  // Of the metatable on top.
  lua_pushlightuserdata(state, const_cast<char*>(&mark));
  lua_rawseti(state, -2, 0);
}

const void* mark_of(lua_State* state, int metatable) {
  lua_rawgeti(state, metatable, 0);
  const void* mark = lua_touserdata(state, -1);
  lua_pop(state, 1);
  return mark;
}

void set_hidden(lua_State* state, const char* name) {
  lua_pushstring(state, name);
  lua_setfield(state, -2, "__metatable");
}

// A new property (__newindex): set it, and note that it stands last.
int add_property(lua_State* state) {
  lua_settop(state, 3);
  const bool removes = lua_isnil(state, 3);
  lua_pushvalue(state, 2);
  lua_pushvalue(state, 3);
  lua_rawset(state, 1);
  if (removes) return 0;
  lua_settop(state, 2);
  if (!lua_getmetatable(state, 1)) return 0;  // 3
  bool has_own_order = mark_of(state, 3) == &own_order_mark;
  if (has_own_order) {
    lua_getfield(state, 3, "limit");
    // Names that were removed and added again leave holes; from time to time the order is made anew.
    if (static_cast<lua_Integer>(lua_objlen(state, 3)) >= lua_tointeger(state, -1)) has_own_order = false;
    lua_pop(state, 1);
  }
  if (!has_own_order) {
    ScriptState::of(state).json().make_object(state, 1);
    lua_getmetatable(state, 1);
    lua_replace(state, 3);
  }
  lua_pushvalue(state, 2);
  JsonShapes::append_name(state, 3);
  return 0;
}

double operand(lua_State* state, int index) {
  const std::string_view text = ScriptState::of(state).json().number_text(state, index);
  return text.data() ? number_of(text) : luaL_checknumber(state, index);
}

int number_to_string(lua_State* state) {
  const std::string_view text = ScriptState::of(state).json().number_text(state, 1);
  lua_pushlstring(state, text.data() ? text.data() : "", text.size());
  return 1;
}

int equal_numbers(lua_State* state) {
  const JsonShapes& json = ScriptState::of(state).json();
  const std::string_view one = json.number_text(state, 1), other = json.number_text(state, 2);
  lua_pushboolean(state, one.data() && other.data() && is_same_number(one, other));
  return 1;
}

int concat_numbers(lua_State* state) {
  const JsonShapes& json = ScriptState::of(state).json();
  for (int index = 1; index <= 2; ++index) {
    const std::string_view text = json.number_text(state, index);
    if (text.data()) {
      lua_pushlstring(state, text.data(), text.size());
    } else if (lua_isstring(state, index)) {
      lua_pushvalue(state, index);
    } else {
      return luaL_error(state, "attempt to concatenate a %s value", luaL_typename(state, index));
    }
  }
  lua_concat(state, 2);
  return 1;
}

// In an arithmetic expression they are what a double can hold of them. Upvalue 1: the operator.
int calculate(lua_State* state) {
  const double a = operand(state, 1), b = operand(state, 2);
  switch (*lua_tostring(state, lua_upvalueindex(1))) {
    case '+':
      lua_pushnumber(state, a + b);
      break;
    case '-':
      lua_pushnumber(state, a - b);
      break;
    case '*':
      lua_pushnumber(state, a * b);
      break;
    case '/':
      lua_pushnumber(state, a / b);
      break;
    case '%':
      lua_pushnumber(state, a - std::floor(a / b) * b);
      break;
    case '^':
      lua_pushnumber(state, std::pow(a, b));
      break;
    case '<':
      lua_pushboolean(state, a < b);
      break;
    case '=':
      lua_pushboolean(state, a <= b);
      break;
    default:
      lua_pushnumber(state, -a);
      break;
  }
  return 1;
}

void make_number_metatable(lua_State* state) {
  constexpr const char* operators[][2] = {{"__add", "+"}, {"__sub", "-"}, {"__mul", "*"},
                                          {"__div", "/"}, {"__mod", "%"}, {"__pow", "^"},
                                          {"__lt", "<"},  {"__le", "="},  {"__unm", "n"}};
  lua_createtable(state, 1, 14);
  for (const auto& [event, sign] : operators) {
    lua_pushstring(state, sign);
    lua_pushcclosure(state, &lua_entry<calculate>, 1);
    lua_setfield(state, -2, event);
  }
  lua_pushcfunction(state, &lua_entry<number_to_string>);
  lua_setfield(state, -2, "__tostring");
  lua_pushcfunction(state, &lua_entry<equal_numbers>);
  lua_setfield(state, -2, "__eq");
  lua_pushcfunction(state, &lua_entry<concat_numbers>);
  lua_setfield(state, -2, "__concat");
  set_hidden(state, "number");
  set_mark(state, number_mark);
}

std::uint64_t hash_of(std::span<const char* const> names) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char* name : names) hash = (hash ^ reinterpret_cast<std::uintptr_t>(name)) * 0x100000001b3;
  return hash;
}

}  // namespace

void JsonShapes::open(lua_State* state) {
  lua_createtable(state, 1, 1);
  set_hidden(state, "json array");
  set_mark(state, array_mark);
  array_mark_ = luaL_ref(state, LUA_REGISTRYINDEX);
  make_number_metatable(state);
  number_mark_ = luaL_ref(state, LUA_REGISTRYINDEX);
  lua_pushcfunction(state, &lua_entry<add_property>);
  add_property_ = luaL_ref(state, LUA_REGISTRYINDEX);
  lua_pushcfunction(state, &decode_protected);
  decoder_ = luaL_ref(state, LUA_REGISTRYINDEX);
  lua_pushcfunction(state, &encode_protected);
  encoder_ = luaL_ref(state, LUA_REGISTRYINDEX);
}

void JsonShapes::push_decoder(lua_State* state) const {
  lua_rawgeti(state, LUA_REGISTRYINDEX, decoder_);
}
void JsonShapes::push_encoder(lua_State* state) const {
  lua_rawgeti(state, LUA_REGISTRYINDEX, encoder_);
}
void JsonShapes::push_array_mark(lua_State* state) const {
  lua_rawgeti(state, LUA_REGISTRYINDEX, array_mark_);
}

void JsonShapes::push_new_number(lua_State* state, std::string_view text) const {
  void* kept = lua_newuserdata(state, text.size());
  std::memcpy(kept, text.data(), text.size());
  lua_rawgeti(state, LUA_REGISTRYINDEX, number_mark_);
  lua_setmetatable(state, -2);
}

std::string_view JsonShapes::number_text(lua_State* state, int index) const {
  if (lua_type(state, index) != LUA_TUSERDATA || !lua_getmetatable(state, index)) return {};
  const bool is_number = mark_of(state, lua_gettop(state)) == &number_mark;
  lua_pop(state, 1);
  if (!is_number) return {};
  return {static_cast<const char*>(lua_touserdata(state, index)), lua_objlen(state, index)};
}

JsonKind JsonShapes::kind(lua_State* state, int index) const {
  if (!lua_getmetatable(state, index)) return JsonKind::plain;
  const void* mark = mark_of(state, lua_gettop(state));
  lua_pop(state, 1);
  if (mark == &shape_mark || mark == &own_order_mark) return JsonKind::object;
  return mark == &array_mark ? JsonKind::array : JsonKind::plain;
}

void JsonShapes::push_shape(lua_State* state, std::span<const char* const> names,
                            std::span<const std::size_t> sizes) {
  const std::uint64_t hash = hash_of(names);
  const bool shared = names.size() <= max_shape_names;
  if (shared) {
    const auto found = shapes_.find(hash);
    if (found != shapes_.end() && std::ranges::equal(found->second.names, names)) {
      return lua_rawgeti(state, LUA_REGISTRYINDEX, found->second.reference);
    }
  }
  const auto count = static_cast<int>(names.size());
  lua_createtable(state, count + 1, 2);
  set_mark(state, shape_mark);
  set_hidden(state, "json object");
  lua_rawgeti(state, LUA_REGISTRYINDEX, add_property_);
  lua_setfield(state, -2, "__newindex");
  // A name that stands there twice: found by a table, which is needed for large objects only.
  lua_createtable(state, 0, count);
  int place = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    lua_pushlstring(state, names[i], sizes[i]);
    lua_pushvalue(state, -1);
    lua_rawget(state, -3);
    const bool is_new = lua_isnil(state, -1);
    lua_pop(state, 1);
    if (!is_new) {
      lua_pop(state, 1);
      continue;
    }
    lua_pushvalue(state, -1);
    lua_rawseti(state, -4, ++place);
    lua_pushboolean(state, 1);
    lua_rawset(state, -3);
  }
  lua_pop(state, 1);
  if (!shared) return;
  if (shapes_.size() >= max_shapes) forget_shapes(state);
  lua_pushvalue(state, -1);
  const int reference = luaL_ref(state, LUA_REGISTRYINDEX);
  const auto [held, is_new] = shapes_.try_emplace(hash);
  if (!is_new) luaL_unref(state, LUA_REGISTRYINDEX, held->second.reference);
  held->second.reference = reference;
  held->second.names.assign(names.begin(), names.end());
}

void JsonShapes::forget_shapes(lua_State* state) {
  for (const auto& [hash, shape] : shapes_) luaL_unref(state, LUA_REGISTRYINDEX, shape.reference);
  shapes_.clear();
}

void JsonShapes::make_object(lua_State* state, int index) {
  if (index < 0) index = lua_gettop(state) + index + 1;
  luaL_checkstack(state, 8, "too many values");
  lua_createtable(state, 8, 4);
  const int order = lua_gettop(state);
  set_mark(state, own_order_mark);
  set_hidden(state, "json object");
  lua_rawgeti(state, LUA_REGISTRYINDEX, add_property_);
  lua_setfield(state, order, "__newindex");
  lua_newtable(state);
  const int places = order + 1;
  int count = 0;
  if (kind(state, index) == JsonKind::object) {
    lua_getmetatable(state, index);
    JsonOrder present(state, index, places + 1);
    while (present.next()) {
      lua_pop(state, 1);
      lua_pushvalue(state, -1);
      lua_rawseti(state, order, ++count);
      lua_pushinteger(state, count);
      lua_rawset(state, places);
    }
    lua_pop(state, 1);
  }
  lua_setfield(state, order, "places");
  lua_pushinteger(state, 2 * count + 16);
  lua_setfield(state, order, "limit");
  lua_setmetatable(state, index);
}

void JsonShapes::append_name(lua_State* state, int order) {
  const int place = static_cast<int>(lua_objlen(state, order)) + 1;
  lua_getfield(state, order, "places");
  lua_pushvalue(state, -2);
  lua_pushinteger(state, place);
  lua_rawset(state, -3);
  lua_pop(state, 1);
  lua_rawseti(state, order, place);
}

JsonOrder::JsonOrder(lua_State* state, int object, int shape)
    : state_(state), object_(object), shape_(shape), own_(mark_of(state, shape) == &own_order_mark) {}

JsonOrder::JsonOrder(lua_State* state, int object, int shape, int place) : JsonOrder(state, object, shape) {
  place_ = place;
}

bool JsonOrder::next() {
  while (true) {
    lua_rawgeti(state_, shape_, ++place_);
    if (lua_isnil(state_, -1)) {
      lua_pop(state_, 1);
      return false;
    }
    if (own_) {
      lua_getfield(state_, shape_, "places");
      lua_pushvalue(state_, -2);
      lua_rawget(state_, -2);
      const bool is_last = lua_tointeger(state_, -1) == place_;
      lua_pop(state_, 2);
      if (!is_last) {
        lua_pop(state_, 1);
        continue;
      }
    }
    lua_pushvalue(state_, -1);
    lua_rawget(state_, object_);
    if (!lua_isnil(state_, -1)) return true;
    lua_pop(state_, 2);
  }
}

}  // namespace pollux
