// crypto and time, and the list of all that policies see besides the standard library.
#include "script/lua_libraries.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/base64.h"
#include "base/digest.h"
#include "pool/key_pool.h"
#include "script/script_state.h"

namespace pollux {

namespace {

std::string_view check_bytes(lua_State* state, int index) {
  std::size_t size = 0;
  const char* bytes = luaL_checklstring(state, index, &size);
  return {bytes, size};
}

int push_scratch(lua_State* state) {
  const std::string& text = ScriptState::of(state).scratch();
  lua_pushlstring(state, text.data(), text.size());
  return 1;
}

int crypto_sha256(lua_State* state) {
  const std::string_view bytes = check_bytes(state, 1);
  ScriptState::of(state).scratch() = hex(sha256(bytes));
  return push_scratch(state);
}

int crypto_hmac_sha256(lua_State* state) {
  const std::string_view key = check_bytes(state, 1), bytes = check_bytes(state, 2);
  ScriptState::of(state).scratch() = hex(hmac_sha256(key, bytes));
  return push_scratch(state);
}

int crypto_base64(lua_State* state) {
  const std::string_view bytes = check_bytes(state, 1);
  ScriptState::of(state).scratch() = base64_encode(bytes);
  return push_scratch(state);
}

// The bytes, or nil and a message.
int crypto_base64_decode(lua_State* state) {
  const std::string_view text = check_bytes(state, 1);
  std::string& bytes = ScriptState::of(state).scratch();
  bytes.clear();
  if (base64_decode(text, bytes)) return push_scratch(state);
  lua_pushnil(state);
  lua_pushliteral(state, "not base64");
  return 2;
}

int crypto_uuid(lua_State* state) {
  ScriptState::of(state).scratch() = uuid();
  return push_scratch(state);
}

double seconds_of(WallTime time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000;
}

// The time given as seconds since 1970, or now. Within what a calendar can say.
WallTime optional_time(lua_State* state, int index) {
  if (lua_isnoneornil(state, index)) return ScriptState::of(state).now();
  constexpr double last = 253402300799;  // The end of the year 9999.
  const double seconds = luaL_checknumber(state, index);
  luaL_argcheck(state, seconds >= 0 && seconds <= last, index, "not a time: seconds since 1970");
  return WallTime(Milliseconds(std::llround(seconds * 1000)));
}

int time_now(lua_State* state) {
  lua_pushnumber(state, seconds_of(ScriptState::of(state).now()));
  return 1;
}

int time_pacific_midnight(lua_State* state) {
  lua_pushnumber(state, seconds_of(next_pacific_midnight(optional_time(state, 1))));
  return 1;
}

int time_iso(lua_State* state) {
  const WallTime time = optional_time(state, 1);
  ScriptState::of(state).scratch() = iso_time(time);
  return push_scratch(state);
}

}  // namespace

void add_library(lua_State* state, int base, const char* name, std::initializer_list<luaL_Reg> functions) {
  lua_createtable(state, 0, static_cast<int>(functions.size()));
  for (const luaL_Reg& function : functions) {
    lua_pushcfunction(state, function.func);
    lua_setfield(state, -2, function.name);
  }
  make_read_only(state, name);
  lua_setfield(state, base, name);
}

void add_libraries(lua_State* state, int base) {
  add_library(state, base, "crypto",
              {{"sha256", &lua_entry<crypto_sha256>},
               {"hmac_sha256", &lua_entry<crypto_hmac_sha256>},
               {"base64", &lua_entry<crypto_base64>},
               {"base64_decode", &lua_entry<crypto_base64_decode>},
               {"uuid", &lua_entry<crypto_uuid>}});
  add_library(state, base, "time",
              {{"now", &lua_entry<time_now>},
               {"pacific_midnight", &lua_entry<time_pacific_midnight>},
               {"iso", &lua_entry<time_iso>}});
  add_table_libraries(state, base);
  push_json_library(state);
  make_read_only(state, "json");
  lua_setfield(state, base, "json");
  add_bytes_library(state, base);
  add_log_library(state, base);
  add_waiting_library(state, base);
}

}  // namespace pollux
