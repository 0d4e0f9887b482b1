// The library `json` of policies.
#include "script/json_shapes.h"
#include "script/lua_libraries.h"
#include "script/script_state.h"
#include "script/watchdog.h"

namespace pollux {

namespace {

int decode(lua_State* state) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &size);
  std::string& problem = ScriptState::of(state).scratch();
  {
    const Result<void> decoded = json_decode(state, {text, size});
    if (decoded) return 1;
    problem = decoded.error().message;
  }
  lua_pushnil(state);
  lua_pushlstring(state, problem.data(), problem.size());
  return 2;
}

int encode(lua_State* state) {
  luaL_checkany(state, 1);
  std::string& text = ScriptState::of(state).scratch();
  text.clear();
  bool done = false;
  {
    const Result<void> encoded = json_encode(state, 1, text);
    done = encoded.has_value();
    if (!done) text = encoded.error().message;
  }
  if (!done && burst_is_spent()) return raise_spent(state);
  if (!done) return luaL_error(state, "json.encode: %s", text.c_str());
  lua_pushlstring(state, text.data(), text.size());
  constexpr std::size_t worth_keeping = 65'536;
  if (text.capacity() > worth_keeping) std::string().swap(text);
  return 1;
}

void refuse_foreign_metatable(lua_State* state, const char* function_name) {
  const bool is_plain = ScriptState::of(state).json().kind(state, 1) == JsonKind::plain;
  if (is_plain && lua_getmetatable(state, 1))
    luaL_error(state, "%s: the table has a metatable of its own", function_name);
}

// Marks the table as a list, so that it is [] even when it is empty. Without an argument: a new one.
int array(lua_State* state) {
  lua_settop(state, 1);
  if (lua_isnil(state, 1)) lua_newtable(state), lua_replace(state, 1);
  luaL_checktype(state, 1, LUA_TTABLE);
  refuse_foreign_metatable(state, "json.array");
  const double size = static_cast<double>(lua_objlen(state, 1));
  lua_pushnil(state);
  while (lua_next(state, 1)) {
    const double position = lua_type(state, 2) == LUA_TNUMBER ? lua_tonumber(state, 2) : 0;
    if (!(position >= 1 && position <= size))
      return luaL_error(state, "json.array: a list has only the positions 1 to n");
    lua_pop(state, 1);
  }
  ScriptState::of(state).json().push_array_mark(state);
  lua_setmetatable(state, 1);
  return 1;
}

// Marks the table as an object; its properties are put in order by name, and new ones come last.
int object(lua_State* state) {
  lua_settop(state, 1);
  if (lua_isnil(state, 1)) lua_newtable(state), lua_replace(state, 1);
  luaL_checktype(state, 1, LUA_TTABLE);
  refuse_foreign_metatable(state, "json.object");
  JsonShapes& json = ScriptState::of(state).json();
  if (json.kind(state, 1) == JsonKind::object) return 1;
  lua_newtable(state);  // 2: the names
  int count = 0;
  lua_pushnil(state);
  while (lua_next(state, 1)) {
    if (lua_type(state, 3) != LUA_TSTRING)
      return luaL_error(state, "json.object: the names of properties are texts");
    lua_pop(state, 1);
    lua_pushvalue(state, 3);
    lua_rawseti(state, 2, ++count);
  }
  lua_pushcfunction(state, &lua_entry<sort_list>);
  lua_pushvalue(state, 2);
  lua_call(state, 1, 0);
  json.make_object(state, 1);
  lua_getmetatable(state, 1);  // 3
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(state, 2, i);
    JsonShapes::append_name(state, 3);
  }
  lua_settop(state, 1);
  return 1;
}

// Upvalues: the object, its order, the place in it.
int next_property(lua_State* state) {
  lua_settop(state, 0);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_pushvalue(state, lua_upvalueindex(2));
  JsonOrder order(state, 1, 2, static_cast<int>(lua_tointeger(state, lua_upvalueindex(3))));
  const bool found = order.next();
  lua_pushinteger(state, order.place());
  lua_replace(state, lua_upvalueindex(3));
  return found ? 2 : 0;
}

int next_element(lua_State* state) {
  const auto place = static_cast<int>(lua_tointeger(state, 2)) + 1;
  lua_pushinteger(state, place);
  lua_rawgeti(state, 1, place);
  return lua_isnil(state, -1) ? 0 : 2;
}

// for name, value in json.each(object): in the order of the text. Lists: by position.
int each(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_settop(state, 1);
  if (ScriptState::of(state).json().kind(state, 1) == JsonKind::object) {
    lua_getmetatable(state, 1);
    lua_pushinteger(state, 0);
    lua_pushcclosure(state, &lua_entry<next_property>, 3);
    return 1;
  }
  lua_pushnil(state);
  if (lua_objlen(state, 1) == 0 && lua_next(state, 1)) {
    return luaL_error(state, "json.each: the table keeps no order; json.object() gives it one");
  }
  lua_settop(state, 1);
  lua_pushcfunction(state, &lua_entry<next_element>);
  lua_pushvalue(state, 1);
  lua_pushinteger(state, 0);
  return 3;
}

int null_to_string(lua_State* state) {
  lua_pushstring(state, json_is_null(state, 1) ? "null" : "userdata");
  return 1;
}

}  // namespace

void push_json_library(lua_State* state) {
  constexpr luaL_Reg functions[] = {{"decode", &lua_entry<decode>},
                                    {"encode", &lua_entry<encode>},
                                    {"array", &lua_entry<array>},
                                    {"object", &lua_entry<object>},
                                    {"each", &lua_entry<each>}};
  lua_newtable(state);
  for (const luaL_Reg& function : functions) {
    lua_pushcfunction(state, function.func);
    lua_setfield(state, -2, function.name);
  }
  json_push_null(state);
  lua_createtable(state, 0, 2);  // Of all light userdata; null is the only one that policies see.
  lua_pushcfunction(state, &lua_entry<null_to_string>);
  lua_setfield(state, -2, "__tostring");
  lua_pushliteral(state, "null");
  lua_setfield(state, -2, "__metatable");
  lua_setmetatable(state, -2);
  lua_setfield(state, -2, "null");
}

}  // namespace pollux
