#include "script/object_types.h"

namespace pollux {

const char* name_of(ObjectType type) noexcept {
  switch (type) {
    case ObjectType::request:
      return "request";
    case ObjectType::headers:
      return "headers";
    case ObjectType::attempt:
      return "attempt";
    case ObjectType::response:
      return "response";
    case ObjectType::pool:
      return "pool";
    case ObjectType::key:
      return "key";
    case ObjectType::client:
      return "client";
    case ObjectType::keys_left:
      return "list of keys";
  }
  return "object";
}

void push_function(LoadedPolicies& policies, lua_State* state, lua_CFunction function) {
  lua_pushlightuserdata(state, &policies);
  lua_pushcclosure(state, function, 1);
}

Opened open_box(lua_State* state, int index, ObjectType type) {
  auto* box = box_at<ExchangeBox>(state, index, type);
  if (!box) luaL_error(state, "expected a %s (is it called with a colon?)", name_of(type));
  auto* exchange = policies_of(state).find(box->exchange);
  if (!exchange) luaL_error(state, "this request is over");
  return {box, exchange};
}

namespace {

// The table of names lies in the second upvalue: numbers are fields, functions methods.
void push_function_with_names(LoadedPolicies& policies, lua_State* state, lua_CFunction function, int names) {
  lua_pushlightuserdata(state, &policies);
  lua_pushvalue(state, names);
  lua_pushcclosure(state, function, 2);
}

const char* shown_name(lua_State* state, int index) {
  return lua_type(state, index) == LUA_TSTRING ? lua_tostring(state, index) : luaL_typename(state, index);
}

int describe_object(lua_State* state) {
  const auto* type = static_cast<const char*>(lua_touserdata(state, lua_upvalueindex(1)));
  lua_pushstring(state, type);
  return 1;
}

}  // namespace

void make_type(LoadedPolicies& policies, lua_State* state, const TypeTable& table) {
  lua_createtable(state, 0, 8);
  const int metatable = lua_gettop(state);
  lua_createtable(state, 0, static_cast<int>(table.fields.size() + table.methods.size()));
  const int names = lua_gettop(state);
  for (std::size_t at = 0; at < table.fields.size(); ++at) {
    lua_pushinteger(state, static_cast<lua_Integer>(at));
    lua_setfield(state, names, table.fields[at]);
  }
  for (const auto& method : table.methods) {
    push_function(policies, state, method.function);
    lua_setfield(state, names, method.name);
  }
  push_function_with_names(policies, state, table.index, names);
  lua_setfield(state, metatable, "__index");
  push_function_with_names(policies, state, table.newindex, names);
  lua_setfield(state, metatable, "__newindex");
  if (table.collect) {
    lua_pushcfunction(state, table.collect);
    lua_setfield(state, metatable, "__gc");
  }
  if (table.equal) {
    lua_pushcfunction(state, table.equal);
    lua_setfield(state, metatable, "__eq");
  }
  lua_pushlightuserdata(state, const_cast<char*>(name_of(table.type)));
  lua_pushcclosure(state, describe_object, 1);
  lua_setfield(state, metatable, "__tostring");
  lua_pushstring(state, name_of(table.type));  // What getmetatable() gives to a policy.
  lua_setfield(state, metatable, "__metatable");
  lua_settop(state, metatable);
}

int field_number(lua_State* state, ObjectType type) {
  lua_settop(state, 2);
  lua_pushvalue(state, 2);
  lua_rawget(state, lua_upvalueindex(2));
  switch (lua_type(state, -1)) {
    case LUA_TNUMBER:
      return static_cast<int>(lua_tointeger(state, -1));
    case LUA_TFUNCTION:
      return -1;
    default:
      return luaL_error(state, "a %s has no field %s", name_of(type), shown_name(state, 2));
  }
}

int assigned_field(lua_State* state, ObjectType type) {
  lua_pushvalue(state, 2);
  lua_rawget(state, lua_upvalueindex(2));
  if (lua_type(state, -1) != LUA_TNUMBER) {
    luaL_error(state, "a %s has no field %s to set", name_of(type), shown_name(state, 2));
  }
  const auto field = static_cast<int>(lua_tointeger(state, -1));
  lua_pop(state, 1);
  return field;
}

void raise_read_only(lua_State* state, ObjectType type) {
  luaL_error(state, "%s.%s is read-only", name_of(type), shown_name(state, 2));
  __builtin_unreachable();
}

bool push_json(lua_State* state, std::string_view text, const LentText* lent) {
  bool too_large = false;
  {
    const auto decoded = json_decode(state, text, lent);
    if (decoded) return true;
    too_large = decoded.error().kind == Error::Kind::unavailable;
  }
  if (too_large)
    luaL_error(state, "this body is too large to be decoded: policies have not the memory for it");
  return false;
}

std::string_view text_argument(lua_State* state, int index, const char* what) {
  if (lua_type(state, index) != LUA_TSTRING) {
    luaL_error(state, "%s is a %s, expected a string", what, luaL_typename(state, index));
  }
  std::size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text, size};
}

void push_texts(lua_State* state, const std::vector<std::string>& texts) {
  lua_createtable(state, static_cast<int>(texts.size()), 0);
  for (std::size_t at = 0; at < texts.size(); ++at) {
    push_text(state, texts[at]);
    lua_rawseti(state, -2, static_cast<int>(at + 1));
  }
}

void push_cached(lua_State* state, const LuaRef& cache, std::string_view id) {
  cache.push(state);
  push_text(state, id);
  lua_rawget(state, -2);
}

void cache_top(lua_State* state, std::string_view id) {
  push_text(state, id);
  lua_pushvalue(state, -2);
  lua_rawset(state, -5);
  lua_replace(state, -3);
  lua_pop(state, 1);
}

LuaRef weak_table(lua_State* state) {
  lua_newtable(state);
  lua_createtable(state, 0, 1);
  lua_pushliteral(state, "v");
  lua_setfield(state, -2, "__mode");
  lua_setmetatable(state, -2);
  LuaRef table(state, -1);
  lua_pop(state, 1);
  return table;
}

}  // namespace pollux
