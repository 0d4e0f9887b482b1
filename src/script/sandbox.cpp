// What policies find around them: allowed names, read-only; and `require` from the sources alone.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/digest.h"
#include "script/lua_libraries.h"
#include "script/script_state.h"
#include "script/watchdog.h"

namespace pollux {

namespace {

// Addresses of these are keys of the registry and of metatables, which no policy can make.
constexpr char base_key = 0;          // Registry: what all policies see.
constexpr char environments_key = 0;  // Registry: by module.
constexpr char modules_key = 0;       // Registry: what modules returned.
constexpr char read_only_key = 0;     // Metatables: true.

void* key_of(const char& key) {
  return const_cast<char*>(&key);
}

void push_registered(lua_State* state, const char& key) {
  lua_pushlightuserdata(state, key_of(key));
  lua_rawget(state, LUA_REGISTRYINDEX);
}

void register_table(lua_State* state, const char& key) {
  lua_pushlightuserdata(state, key_of(key));
  lua_newtable(state);
  lua_rawset(state, LUA_REGISTRYINDEX);
}

// "FILE: a text of the key on top", for errors; numbers and texts alone are shown.
const char* shown_key(lua_State* state, int index) {
  return lua_type(state, index) == LUA_TSTRING || lua_type(state, index) == LUA_TNUMBER
             ? lua_tostring(state, index)
             : luaL_typename(state, index);
}

int refuse_change(lua_State* state) {
  lua_pushvalue(state, 2);
  return luaL_error(state, "%s is read-only: its '%s' cannot be set",
                    lua_tostring(state, lua_upvalueindex(1)), shown_key(state, -1));
}

int refuse_global(lua_State* state) {
  lua_pushvalue(state, 2);
  return luaL_error(state, "policies have no globals: %s", shown_key(state, -1));
}

void mark_read_only(lua_State* state) {  // The metatable on top.
  lua_pushlightuserdata(state, key_of(read_only_key));
  lua_pushboolean(state, 1);
  lua_rawset(state, -3);
  lua_pushliteral(state, "read-only");
  lua_setfield(state, -2, "__metatable");
}

bool is_read_only(lua_State* state, int index) {
  if (!lua_getmetatable(state, index)) return false;
  lua_pushlightuserdata(state, key_of(read_only_key));
  lua_rawget(state, -2);
  const bool found = lua_toboolean(state, -1);
  lua_pop(state, 2);
  return found;
}

int set_raw(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  luaL_checkany(state, 3);
  require_writable(state, 1);
  lua_settop(state, 3);
  const bool keeps_order = ScriptState::of(state).json().kind(state, 1) == JsonKind::object;
  if (keeps_order) {
    lua_settable(state, 1);
  } else {
    lua_rawset(state, 1);
  }
  lua_pushvalue(state, 1);
  return 1;
}

// The standard tonumber, which also takes the numbers that keep their text. Upvalue 1: the standard one.
int to_number(lua_State* state) {
  if (lua_type(state, 1) == LUA_TNUMBER && lua_isnone(state, 2)) {
    lua_settop(state, 1);
    return 1;
  }
  if (lua_type(state, 1) == LUA_TUSERDATA) {
    const std::string_view text = ScriptState::of(state).json().number_text(state, 1);
    if (text.data()) lua_pushlstring(state, text.data(), text.size()), lua_replace(state, 1);
  }
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

// Copies allowed entries of the table on top to a new one, which takes its place.
template <std::size_t Count>
void select_names(lua_State* state, const char* const (&names)[Count]) {
  lua_createtable(state, 0, static_cast<int>(Count));
  for (const char* name : names) {
    lua_getfield(state, -2, name);
    lua_setfield(state, -2, name);
  }
  lua_remove(state, -2);
}

void open_standard_library(lua_State* state, lua_CFunction opener, const char* name) {
  lua_pushcfunction(state, opener);
  lua_pushstring(state, name);
  lua_call(state, 1, 0);
}

// Ours calls the handler after the error has passed and not on top of it: where the watchdog's hook raises
// the error, no hook would reach a handler that loops.
constexpr char xpcall_text[] = R"(local pcall, select = ...
local function settle(handler, ok, ...)
  if ok then return true, ... end
  return false, select(2, pcall(handler, ...))
end
return function(f, handler, ...)
  return settle(handler, pcall(f, ...))
end)";

void add_xpcall(lua_State* state, int base) {
  luaL_loadbuffer(state, xpcall_text, sizeof xpcall_text - 1, "=xpcall");
  lua_getglobal(state, "pcall");
  lua_getglobal(state, "select");
  lua_call(state, 2, 1);
  lua_setfield(state, base, "xpcall");
}

void take_standard_names(lua_State* state, int base) {
  constexpr const char* names[] = {"assert", "error",    "ipairs",       "next",        "pairs",
                                   "pcall",  "select",   "type",         "tostring",    "unpack",
                                   "rawget", "rawequal", "setmetatable", "getmetatable"};
  for (const char* name : names) {
    lua_getglobal(state, name);
    lua_setfield(state, base, name);
  }
  add_xpcall(state, base);
  lua_getglobal(state, "tonumber");
  lua_pushcclosure(state, &lua_entry<to_number>, 1);
  lua_setfield(state, base, "tonumber");
  lua_pushcfunction(state, &lua_entry<set_raw>);
  lua_setfield(state, base, "rawset");
  lua_pushcfunction(state, &lua_entry<lua_require>);
  lua_setfield(state, base, "require");
}

void add_math(lua_State* state, int base) {
  lua_getglobal(state, "math");
  lua_getfield(state, -1, "randomseed");
  double seed = 0;
  const std::string bytes = random_bytes(sizeof seed);
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), std::min(bytes.size(), sizeof bits));
  seed = static_cast<double>(bits >> 11);
  lua_pushnumber(state, seed);
  lua_call(state, 1, 0);
  constexpr const char* names[] = {"abs",   "acos", "asin",  "atan", "atan2", "ceil", "cos",   "cosh",
                                   "deg",   "exp",  "floor", "fmod", "frexp", "huge", "ldexp", "log",
                                   "log10", "max",  "min",   "modf", "pi",    "pow",  "rad",   "random",
                                   "sin",   "sinh", "sqrt",  "tan",  "tanh"};
  select_names(state, names);
  make_read_only(state, "math");
  lua_setfield(state, base, "math");
}

void add_string(lua_State* state, int base) {
  lua_getglobal(state, "string");
  constexpr const char* names[] = {"byte", "char", "format", "len", "lower", "reverse", "sub", "upper"};
  select_names(state, names);
  add_string_functions(state);
  // What "text":name() finds; nobody can get hold of this metatable.
  lua_pushliteral(state, "");
  lua_createtable(state, 0, 2);
  lua_pushvalue(state, -3);
  lua_setfield(state, -2, "__index");
  lua_pushliteral(state, "string");
  lua_setfield(state, -2, "__metatable");
  lua_setmetatable(state, -2);
  lua_pop(state, 1);
  make_read_only(state, "string");
  lua_setfield(state, base, "string");
}

void add_table_and_bit(lua_State* state, int base) {
  lua_getglobal(state, "table");
  constexpr const char* table_names[] = {"concat", "maxn"};
  select_names(state, table_names);
  add_table_functions(state);
  make_read_only(state, "table");
  lua_setfield(state, base, "table");

  lua_getglobal(state, "bit");
  constexpr const char* bit_names[] = {"arshift", "band", "bnot", "bor",    "bswap", "bxor",
                                       "lshift",  "rol",  "ror",  "rshift", "tobit", "tohex"};
  select_names(state, bit_names);
  make_read_only(state, "bit");
  lua_setfield(state, base, "bit");
}

void forget_globals(lua_State* state) {
  lua_pushnil(state);
  while (lua_next(state, LUA_GLOBALSINDEX)) {
    lua_pop(state, 1);
    lua_pushvalue(state, -1);
    lua_pushnil(state);
    lua_rawset(state, LUA_GLOBALSINDEX);
  }
  lua_pushnil(state);
  lua_setfield(state, LUA_REGISTRYINDEX, "_LOADED");
}

// The name under which the sources know a module: "lib/thing", "default.keys".
std::string canonical(std::string_view name) {
  constexpr std::string_view prefix = "default";
  std::string text(name);
  for (char& c : text) {
    if (c == '.') c = '/';
  }
  if (text.starts_with(prefix) && text.size() > prefix.size() && text[prefix.size()] == '/')
    text[prefix.size()] = '.';
  return text;
}

// Where nothing of the owner's stands before it, the shipped module has but its plain name.
const PolicySource* find_module(const ScriptState& script, std::string_view name) {
  std::string known = canonical(name);
  if (const PolicySource* source = script.find_source(known)) return source;
  if (!known.starts_with("default.")) return nullptr;
  const PolicySource* source = script.find_source(std::string_view(known).substr(8));
  return source && !source->is_owners ? source : nullptr;
}

// How many calls of require are under way in this thread, this one included.
std::size_t calls_of_require(lua_State* state) {
  std::size_t count = 0;
  lua_Debug frame;
  for (int level = 0; lua_getstack(state, level, &frame); ++level) {
    lua_getinfo(state, "f", &frame);
    if (lua_tocfunction(state, -1) == &lua_entry<lua_require>) ++count;
    lua_pop(state, 1);
  }
  return count;
}

int raise_require(lua_State* state, ScriptState& script, const char* problem) {
  luaL_where(state, 1);
  if (*lua_tostring(state, -1) == '\0') {  // As in `return require "x"`, which leaves no trace of its line.
    script.scratch() = script.position_of_loading();
    lua_pushstring(state, script.scratch().c_str());
  }
  lua_pushfstring(state, "require: %s", problem);
  lua_concat(state, 2);
  return lua_error(state);
}

const PolicySource& check_module(lua_State* state, ScriptState& script) {
  std::size_t size = 0;
  const char* name = luaL_checklstring(state, 1, &size);
  const PolicySource* source = size <= 200 ? find_module(script, {name, size}) : nullptr;
  if (source) return *source;
  raise_require(state, script, lua_pushfstring(state, "there is no module \"%s\" in the search path", name));
  std::abort();  // Never reached.
}

// What the module returned, or nil: it has not been loaded.
void push_loaded(lua_State* state, std::string_view module) {
  push_registered(state, modules_key);
  lua_pushlstring(state, module.data(), module.size());
  lua_rawget(state, -2);
  lua_remove(state, -2);
}

void push_environment_of(lua_State* state, std::string_view module) {
  push_registered(state, environments_key);
  lua_pushlstring(state, module.data(), module.size());
  lua_rawget(state, -2);
  if (lua_isnil(state, -1)) {
    lua_pop(state, 1);
    lua_newtable(state);
    lua_createtable(state, 0, 4);
    push_registered(state, base_key);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, &refuse_global);
    lua_setfield(state, -2, "__newindex");
    mark_read_only(state);
    lua_setmetatable(state, -2);
    lua_pushlstring(state, module.data(), module.size());
    lua_pushvalue(state, -2);
    lua_rawset(state, -4);
  }
  lua_remove(state, -2);
}

void push_chunk(lua_State* state, const PolicySource& source) {
  lua_pushfstring(state, "@%s", source.file.c_str());
  const int status = load_lua_text(state, source.text, lua_tostring(state, -1));
  lua_remove(state, -2);
  if (status != 0) {
    const bool has_file = std::strstr(lua_tostring(state, -1), ".lua:") != nullptr;
    if (!has_file) lua_pushfstring(state, "%s:1: %s", source.file.c_str(), lua_tostring(state, -1));
    lua_error(state);
  }
  push_environment_of(state, source.module);
  lua_setfenv(state, -2);
}

}  // namespace

int load_lua_text(lua_State* state, std::string_view text, const char* chunk) {
  const int status = luaL_loadbufferx(state, text.data(), text.size(), chunk, "t");
  if (status == LUA_ERRSYNTAX &&
      std::string_view(lua_tostring(state, -1)).starts_with("attempt to load chunk with wrong mode")) {
    lua_pop(state, 1);
    lua_pushfstring(state, "%s:1: this is Lua bytecode; a policy is Lua text", chunk + 1);
  }
  return status;
}

int lua_require(lua_State* state) {
  ScriptState& script = ScriptState::of(state);
  const PolicySource& source = check_module(state, script);
  push_loaded(state, source.module);
  if (!lua_isnil(state, -1)) return 1;

  std::vector<const PolicySource*>& loading = script.loading();
  // An error leaves modules behind in the list that are no longer being loaded.
  const std::size_t under_way = script.loading_roots() + calls_of_require(state) - 1;
  if (loading.size() > under_way) loading.resize(under_way);
  if (std::ranges::find(loading, &source) != loading.end()) {
    lua_pushliteral(state, "");
    for (const PolicySource* module : loading) {
      lua_pushfstring(state, "%s requires ", module->module.c_str());
      lua_concat(state, 2);
    }
    lua_pushstring(state, source.module.c_str());
    lua_concat(state, 2);
    return raise_require(state, script, lua_tostring(state, -1));
  }
  push_chunk(state, source);
  loading.push_back(&source);
  lua_pushlstring(state, source.module.data(), source.module.size());
  lua_call(state, 1, 1);
  loading.pop_back();
  keep_loaded(state, source);
  return 1;
}

int lua_prepare_module(lua_State* state) {
  ScriptState& script = ScriptState::of(state);
  const PolicySource& source = check_module(state, script);
  push_loaded(state, source.module);
  const bool loaded = !lua_isnil(state, -1);
  if (!loaded) push_chunk(state, source);
  lua_pushlightuserdata(state, loaded ? nullptr : const_cast<PolicySource*>(&source));
  return 2;
}

void keep_loaded(lua_State* state, const PolicySource& source) {
  if (lua_isnil(state, -1)) lua_pop(state, 1), lua_pushboolean(state, 1);
  push_registered(state, modules_key);
  lua_pushlstring(state, source.module.data(), source.module.size());
  lua_pushvalue(state, -3);
  lua_rawset(state, -3);
  lua_pop(state, 1);
}

void make_read_only(lua_State* state, const char* name) {
  lua_newtable(state);
  lua_createtable(state, 0, 4);
  lua_pushvalue(state, -3);
  lua_setfield(state, -2, "__index");
  lua_pushstring(state, name);
  lua_pushcclosure(state, &refuse_change, 1);
  lua_setfield(state, -2, "__newindex");
  mark_read_only(state);
  lua_setmetatable(state, -2);
  lua_remove(state, -2);
}

void require_writable(lua_State* state, int index) {
  if (is_read_only(state, index)) luaL_error(state, "this table is read-only");
}

void ScriptState::define(const char* name) {
  if (lua_istable(main_, -1)) make_read_only(main_, name);
  push_registered(main_, base_key);
  lua_insert(main_, -2);
  lua_setfield(main_, -2, name);
  lua_pop(main_, 1);
}

void ScriptState::push_environment(std::string_view module) {
  push_environment_of(main_, module);
}

bool ScriptState::has_loaded(std::string_view module) {
  const LuaStackGuard guard(main_);
  push_loaded(main_, module);
  return !lua_isnil(main_, -1);
}

void open_sandbox(lua_State* state) {
  const LuaStackGuard guard(state);
  luaJIT_setmode(state, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  open_standard_library(state, luaopen_base, "");
  open_standard_library(state, luaopen_math, "math");
  open_standard_library(state, luaopen_string, "string");
  open_standard_library(state, luaopen_table, "table");
  open_standard_library(state, luaopen_bit, "bit");

  register_table(state, base_key);
  register_table(state, environments_key);
  register_table(state, modules_key);
  push_registered(state, base_key);
  const int base = lua_gettop(state);
  take_standard_names(state, base);
  add_math(state, base);
  add_string(state, base);
  add_table_and_bit(state, base);
  add_libraries(state, base);
  forget_globals(state);
}

}  // namespace pollux
