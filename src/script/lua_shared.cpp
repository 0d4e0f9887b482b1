// shared and cache: tables for all workers.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "script/lua_libraries.h"
#include "script/script_state.h"

namespace pollux {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Table = SharedTable* PolicyHost::*;

template <Table Which>
constexpr const char* name_of_table = Which == &PolicyHost::shared ? "shared" : "cache";

template <Table Which>
SharedTable& table_of(lua_State* state) {
  SharedTable* table = ScriptState::of(state).host().*Which;
  if (table) return *table;
  luaL_error(state, "%s: not while policies are loaded", name_of_table<Which>);
  std::abort();  // Never reached.
}

std::string_view check_name(lua_State* state, int index) {
  std::size_t size = 0;
  const char* bytes = luaL_checklstring(state, index, &size);
  return {bytes, size};
}

Milliseconds optional_ttl(lua_State* state, int index) {
  if (lua_isnoneornil(state, index)) return Milliseconds(0);
  constexpr double longest = 100.0 * 365 * 86400;
  const double seconds = luaL_checknumber(state, index);
  luaL_argcheck(state, seconds > 0 && seconds <= longest, index, "not a time to live: seconds above 0");
  return Milliseconds(std::max(1LL, std::llround(seconds * 1000)));
}

int raise_scratch(lua_State* state) {
  return luaL_error(state, "%s", ScriptState::of(state).scratch().c_str());
}

template <Table Which>
int get(lua_State* state) {
  const std::string_view name = check_name(state, 1);
  SharedTable& table = table_of<Which>(state);
  std::string& text = ScriptState::of(state).scratch();
  double number = 0;
  bool flag = false;
  std::size_t kind = 0;
  {
    SharedTable::Value value = table.get(name);
    kind = value.index();
    if (kind == 1) flag = std::get<bool>(value);
    if (kind == 2) number = std::get<double>(value);
    if (kind == 3) text = std::move(std::get<std::string>(value));
  }
  switch (kind) {
    case 1:
      lua_pushboolean(state, flag);
      return 1;
    case 2:
      lua_pushnumber(state, number);
      return 1;
    case 3:
      lua_pushlstring(state, text.data(), text.size());
      return 1;
    default:
      lua_pushnil(state);
      return 1;
  }
}

template <Table Which>
int set(lua_State* state) {
  const std::string_view name = check_name(state, 1);
  const int type = lua_type(state, 2);
  luaL_argcheck(state, type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TNIL,
                2, "only texts, numbers, booleans and nil can be shared");
  const Milliseconds ttl = optional_ttl(state, 3);
  SharedTable& table = table_of<Which>(state);
  {
    SharedTable::Value value;
    if (type == LUA_TSTRING) value = std::string(check_name(state, 2));
    if (type == LUA_TNUMBER) value = lua_tonumber(state, 2);
    if (type == LUA_TBOOLEAN) value = lua_toboolean(state, 2) != 0;
    const Result<void> kept = table.set(name, std::move(value), ttl);
    if (kept) return 0;
    ScriptState::of(state).scratch() = std::string(name_of_table<Which>) + ": " + kept.error().message;
  }
  return raise_scratch(state);
}

int shared_incr(lua_State* state) {
  const std::string_view name = check_name(state, 1);
  const double by = luaL_optnumber(state, 2, 1);
  const Milliseconds ttl = optional_ttl(state, 3);
  SharedTable& table = table_of<&PolicyHost::shared>(state);
  double number = std::numeric_limits<double>::quiet_NaN();
  bool counted = false;
  {
    const Result<double> result = table.incr(name, by, ttl);
    counted = result.has_value();
    if (counted)
      number = *result;
    else
      ScriptState::of(state).scratch() = "shared.incr: " + result.error().message;
  }
  if (!counted) return raise_scratch(state);
  lua_pushnumber(state, number);
  return 1;
}

}  // namespace

void add_table_libraries(lua_State* state, int base) {
  add_library(state, base, "shared",
              {{"get", &lua_entry<get<&PolicyHost::shared>>},
               {"set", &lua_entry<set<&PolicyHost::shared>>},
               {"incr", &lua_entry<shared_incr>}});
  add_library(state, base, "cache",
              {{"get", &lua_entry<get<&PolicyHost::cache>>}, {"set", &lua_entry<set<&PolicyHost::cache>>}});
}

}  // namespace pollux
