// table.insert, remove and sort. Ours, because the standard ones would write into read-only tables, and
// because a sort by them can take hours on a list made for it, where no hook reaches.
#include <algorithm>

#include "script/lua_libraries.h"
#include "script/script_state.h"
#include "script/watchdog.h"

namespace pollux {

namespace {

constexpr int poll_every = 4096;  // Steps of a loop between two looks at the budget.

int check_list(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  require_writable(state, 1);
  if (ScriptState::of(state).json().kind(state, 1) == JsonKind::object) {
    luaL_error(state, "a JSON object has names, no positions: make a list by json.array()");
  }
  return static_cast<int>(lua_objlen(state, 1));
}

void poll(lua_State* state, int step) {
  if (step % poll_every == 0 && burst_is_spent()) raise_spent(state);
}

int insert(lua_State* state) {
  const int size = check_list(state);
  const int given = lua_gettop(state);
  if (given == 2) {
    lua_rawseti(state, 1, size + 1);
    return 0;
  }
  if (given != 3) return luaL_error(state, "table.insert takes a list, maybe a position, and a value");
  const double wished = luaL_checknumber(state, 2);
  luaL_argcheck(state, wished >= 1 && wished <= size + 1.0, 2, "position out of bounds");
  const int position = static_cast<int>(wished);
  for (int i = size; i >= position; --i) {
    poll(state, i);
    lua_rawgeti(state, 1, i);
    lua_rawseti(state, 1, i + 1);
  }
  lua_rawseti(state, 1, position);
  return 0;
}

int remove(lua_State* state) {
  const int size = check_list(state);
  const double wished = luaL_optnumber(state, 2, size);
  if (size == 0 || !(wished >= 1 && wished <= size)) return 0;
  const int position = static_cast<int>(wished);
  lua_rawgeti(state, 1, position);
  for (int i = position; i < size; ++i) {
    poll(state, i);
    lua_rawgeti(state, 1, i + 1);
    lua_rawseti(state, 1, i);
  }
  lua_pushnil(state);
  lua_rawseti(state, 1, size);
  return 1;
}

int less_than(lua_State* state) {
  lua_pushboolean(state, lua_lessthan(state, 1, 2));
  return 1;
}

// Whether the value at `later` belongs before the one at `earlier`; both are absolute.
bool belongs_before(lua_State* state, int later, int earlier) {
  if (!lua_isnil(state, 2)) {
    lua_pushvalue(state, 2);
  } else if (lua_istable(state, later)) {  // Compared by what their metatables say.
    lua_pushcfunction(state, &less_than);
  } else {
    return lua_lessthan(state, later, earlier);
  }
  lua_pushvalue(state, later);
  lua_pushvalue(state, earlier);
  call_nested(state, 2, 1);
  const bool before = lua_toboolean(state, -1);
  lua_pop(state, 1);
  return before;
}

// One pass of a merge sort: pairs of sorted runs in the table `from` become one each in `to`.
void merge_runs(lua_State* state, int from, int to, int size, int run, int& steps) {
  for (int start = 1; start <= size; start += 2 * run) {
    const int middle = std::min(start + run, size + 1);
    const int end = std::min(middle + run, size + 1);
    int left = start, right = middle;
    lua_rawgeti(state, from, left);
    lua_rawgeti(state, from, right < end ? right : left);
    const int left_value = lua_gettop(state) - 1, right_value = left_value + 1;
    for (int out = start; out < end; ++out) {
      poll(state, ++steps);
      const bool take_right =
          right < end && (left == middle || belongs_before(state, right_value, left_value));
      lua_pushvalue(state, take_right ? right_value : left_value);
      lua_rawseti(state, to, out);
      int& place = take_right ? right : left;
      ++place;
      if (place < (take_right ? end : middle)) {
        lua_rawgeti(state, from, place);
        lua_replace(state, take_right ? right_value : left_value);
      }
    }
    lua_pop(state, 2);
  }
}

}  // namespace

// A merge sort: it keeps the order of equals, and ends after n log n steps whatever the function says.
int sort_list(lua_State* state) {
  const int size = check_list(state);
  if (!lua_isnoneornil(state, 2)) luaL_checktype(state, 2, LUA_TFUNCTION);
  lua_settop(state, 2);
  if (size < 2) return 0;
  lua_createtable(state, size, 0);  // 3: takes turns with the list.
  int from = 1, to = 3, steps = 0;
  for (int run = 1; run<size; run = run> size / 2 ? size : run * 2) {
    merge_runs(state, from, to, size, run, steps);
    std::swap(from, to);
  }
  if (from == 1) return 0;
  for (int i = 1; i <= size; ++i) {
    poll(state, i);
    lua_rawgeti(state, 3, i);
    lua_rawseti(state, 1, i);
  }
  return 0;
}

void add_table_functions(lua_State* state) {
  lua_pushcfunction(state, &lua_entry<insert>);
  lua_setfield(state, -2, "insert");
  lua_pushcfunction(state, &lua_entry<remove>);
  lua_setfield(state, -2, "remove");
  lua_pushcfunction(state, &lua_entry<sort_list>);
  lua_setfield(state, -2, "sort");
}

}  // namespace pollux
