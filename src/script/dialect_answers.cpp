// What the hooks of a dialect are given and return.
#include <cmath>

#include "script/blob.h"
#include "script/exchange_objects.h"
#include "script/object_types.h"
#include "script/query_table.h"

namespace pollux {
namespace {

// The field's type; its value is pushed. `table` is an absolute index.
int get(lua_State* state, int table, const char* name) {
  lua_pushstring(state, name);
  lua_rawget(state, table);
  return lua_type(state, -1);
}

std::optional<std::string> text_field(lua_State* state, int table, const char* name) {
  LuaStackGuard guard(state);
  if (get(state, table, name) != LUA_TSTRING) return std::nullopt;
  std::size_t size = 0;
  const char* text = lua_tolstring(state, -1, &size);
  return std::string(text, size);
}

// The body of `table` as JSON, or its text.
Result<void> read_content(lua_State* state, int table, std::string& text) {
  LuaStackGuard guard(state);
  if (get(state, table, "body") != LUA_TNIL) {
    auto encoded = json_encode(state, -1, text);
    if (!encoded) return std::move(encoded).error().within("body");
    return {};
  }
  if (get(state, table, "text") == LUA_TNIL) return {};
  auto appended = append_bytes(state, lua_gettop(state), text);
  if (!appended) return std::move(appended).error().within("text");
  return {};
}

bool is_path(std::string_view path) {
  for (const char c : path)
    if (c <= ' ' || c >= 0x7f || c == '?' || c == '#') return false;
  return path.starts_with('/');
}

}  // namespace

bool is_status(double number, int least) noexcept {
  return number >= least && number <= 599 && number == std::floor(number);
}

Result<void> read_header_table(lua_State* state, int index, Headers& headers) {
  LuaStackGuard guard(state);
  if (lua_isnoneornil(state, index)) return {};
  if (!lua_istable(state, index))
    return invalid_input("headers are " + describe_value(state, index) + ", expected a table");
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (lua_type(state, -2) != LUA_TSTRING || lua_type(state, -1) != LUA_TSTRING)
      return invalid_input("headers: expected names and values as strings");
    headers.set(lua_tostring(state, -2), lua_tostring(state, -1));
    lua_pop(state, 1);
  }
  return {};
}

Result<DialectAnswer> read_dialect_answer(lua_State* state, int index, int usual_status) {
  DialectAnswer answer;
  LuaStackGuard guard(state);
  const double status = get(state, index, "status") == LUA_TNUMBER ? lua_tonumber(state, -1) : usual_status;
  if (!is_status(status, 200)) return invalid_input("the status is none from 200 to 599");
  answer.status = static_cast<int>(status);
  get(state, index, "headers");
  if (auto read = read_header_table(state, lua_gettop(state), answer.headers); !read)
    return std::move(read).error();
  if (auto read = read_content(state, index, answer.text); !read) return std::move(read).error();
  if (!answer.headers.has("content-type")) answer.headers.set("Content-Type", "application/json");
  return answer;
}

Result<UpstreamCall> read_upstream_call(lua_State* state, int index, std::string& body) {
  UpstreamCall call;
  auto path = text_field(state, index, "path");
  if (!path || !is_path(*path))
    return invalid_input("path: expected one that begins with / and holds no ?, # or blank");
  call.path = std::move(*path);
  if (auto read = read_content(state, index, body); !read) return std::move(read).error();
  call.method = text_field(state, index, "method").value_or(body.empty() ? "GET" : "POST");
  LuaStackGuard guard(state);
  if (get(state, index, "streaming") == LUA_TBOOLEAN) call.streaming = lua_toboolean(state, -1) != 0;
  if (get(state, index, "query") == LUA_TNIL) return call;
  if (!lua_istable(state, -1))
    return invalid_input("query is " + describe_value(state, -1) + ", expected a table");
  auto query = changed_query(state, lua_gettop(state), {});
  if (!query) return std::move(query).error();
  call.query = std::move(*query);
  return call;
}

void push_problem(lua_State* state, const Problem& problem) {
  lua_createtable(state, 0, 4);
  lua_pushinteger(state, problem.status);
  lua_setfield(state, -2, "status");
  lua_pushlstring(state, problem.message.data(), problem.message.size());
  lua_setfield(state, -2, "message");
  lua_pushboolean(state, problem.in_stream);
  lua_setfield(state, -2, "in_stream");
  if (problem.google_text.empty() || !json_decode(state, problem.google_text)) return;
  if (lua_istable(state, -1) && lua_objlen(state, -1) > 0) {  // [{"error": ...}]
    lua_rawgeti(state, -1, 1);
    lua_remove(state, -2);
  }
  if (lua_istable(state, -1)) {
    lua_getfield(state, -1, "error");
    lua_setfield(state, -3, "google");
  }
  lua_pop(state, 1);
}

}  // namespace pollux
