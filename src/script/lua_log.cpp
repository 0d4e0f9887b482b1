// log.debug, info, warn and error: lines that name the policy's file and line, so many a second.
#include <algorithm>
#include <string>
#include <vector>

#include "base/log.h"
#include "script/lua_libraries.h"
#include "script/script_state.h"

namespace pollux {

namespace {

constexpr std::size_t max_text_bytes = 2000;
constexpr std::size_t max_fields = 20;
constexpr std::size_t max_name_bytes = 60;

std::string_view cut(std::string_view text, std::size_t most) {
  return text.substr(0, most);
}

// The value at `index`, without calling what a policy may have put into a metatable.
LogField field_of(lua_State* state, std::string_view name, int index) {
  switch (lua_type(state, index)) {
    case LUA_TNUMBER:
      return {name, lua_tonumber(state, index)};
    case LUA_TBOOLEAN:
      return {name, lua_toboolean(state, index) != 0};
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* text = lua_tolstring(state, index, &size);
      return {name, cut({text, size}, max_text_bytes)};
    }
    default:
      break;
  }
  if (json_is_null(state, index)) return {name, "null"};
  const std::string_view number = ScriptState::of(state).json().number_text(state, index);
  return number.data() ? LogField(name, cut(number, max_text_bytes))
                       : LogField(name, luaL_typename(state, index));
}

// Raises no error: everything it needs of the stack is there.
void write_line(lua_State* state, LogLevel level, std::string_view message, int fields_index) {
  ScriptState& script = ScriptState::of(state);
  if (!script.log_allowance().take(script.monotonic())) return;
  if (const auto withheld = script.log_allowance().take_withheld(); withheld > 0) {
    log_warn("policies log too much: lines were left out", {{"lines", withheld}});
  }
  std::vector<LogField> fields;
  lua_Debug where;
  if (lua_getstack(state, 1, &where) && lua_getinfo(state, "Sl", &where) && where.currentline > 0) {
    fields.emplace_back("policy", std::string(where.short_src) + ":" + std::to_string(where.currentline));
  }
  if (lua_istable(state, fields_index)) {
    lua_pushnil(state);
    while (lua_next(state, fields_index)) {
      if (lua_type(state, -2) == LUA_TSTRING && fields.size() < max_fields) {
        std::size_t size = 0;
        const char* name = lua_tolstring(state, -2, &size);  // In the table: it outlives the call.
        fields.push_back(field_of(state, cut({name, size}, max_name_bytes), -1));
      }
      lua_pop(state, 1);
    }
    std::ranges::sort(fields.begin() + (fields.empty() ? 0 : 1), fields.end(), {}, &LogField::name);
  }
  log_line(level, cut(message, max_text_bytes), fields);
}

int log_at(lua_State* state, LogLevel level) {
  std::size_t size = 0;
  const char* message = luaL_checklstring(state, 1, &size);
  if (!lua_isnoneornil(state, 2)) luaL_checktype(state, 2, LUA_TTABLE);
  lua_settop(state, 2);
  luaL_checkstack(state, 8, "too many values");
  if (log_enabled(level)) write_line(state, level, {message, size}, 2);
  return 0;
}

int log_debug_entry(lua_State* state) {
  return log_at(state, LogLevel::debug);
}
int log_info_entry(lua_State* state) {
  return log_at(state, LogLevel::info);
}
int log_warn_entry(lua_State* state) {
  return log_at(state, LogLevel::warn);
}
int log_error_entry(lua_State* state) {
  return log_at(state, LogLevel::error);
}

// print(a, b): a line of the log. Upvalue 1: tostring.
int print(lua_State* state) {
  const int count = std::min(lua_gettop(state), 20);
  lua_settop(state, count);
  lua_pushliteral(state, "");
  const int text = lua_gettop(state);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_pushvalue(state, i);
    call_nested(state, 1, 1);
    lua_pushvalue(state, text);
    lua_pushstring(state, i > 1 ? " " : "");
    lua_pushvalue(state, -3);
    if (!lua_isstring(state, -1)) return luaL_error(state, "'tostring' must return a string to 'print'");
    lua_concat(state, 3);
    lua_replace(state, text);
    lua_settop(state, text);
  }
  std::size_t size = 0;
  const char* message = lua_tolstring(state, text, &size);
  luaL_checkstack(state, 8, "too many values");
  if (log_enabled(LogLevel::info)) write_line(state, LogLevel::info, {message, size}, text);
  return 0;
}

}  // namespace

void add_log_library(lua_State* state, int base) {
  constexpr luaL_Reg functions[] = {{"debug", &lua_entry<log_debug_entry>},
                                    {"info", &lua_entry<log_info_entry>},
                                    {"warn", &lua_entry<log_warn_entry>},
                                    {"error", &lua_entry<log_error_entry>}};
  lua_newtable(state);
  for (const luaL_Reg& function : functions) {
    lua_pushcfunction(state, function.func);
    lua_setfield(state, -2, function.name);
  }
  make_read_only(state, "log");
  lua_setfield(state, base, "log");
  lua_getfield(state, base, "tostring");
  lua_pushcclosure(state, &lua_entry<print>, 1);
  lua_setfield(state, base, "print");
}

}  // namespace pollux
