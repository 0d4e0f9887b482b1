// What hooks return: refusals and verdicts, as the prelude makes them.
#include <algorithm>
#include <cmath>

#include "script/exchange_objects.h"

namespace pollux {
namespace {

// A rest longer than this is as good as for ever, and does not overflow.
constexpr double longest_rest_seconds = 400.0 * 24 * 3600;

bool has_metatable(lua_State* state, int index, const LuaRef& metatable) {
  if (!lua_istable(state, index) || !lua_getmetatable(state, index)) return false;
  metatable.push(state);
  const bool same = lua_rawequal(state, -1, -2) != 0;
  lua_pop(state, 2);
  return same;
}

// The field's type; its value is pushed. `table` is an absolute index.
int get(lua_State* state, int table, const char* name) {
  lua_pushstring(state, name);
  lua_rawget(state, table);
  return lua_type(state, -1);
}

std::string text_at_top(lua_State* state) {
  std::size_t size = 0;
  const char* text = lua_tolstring(state, -1, &size);
  return text ? std::string(text, size) : std::string();
}

std::string text_field(lua_State* state, int table, const char* name) {
  LuaStackGuard guard(state);
  return get(state, table, name) == LUA_TSTRING ? text_at_top(state) : std::string();
}

std::optional<double> number_field(lua_State* state, int table, const char* name) {
  LuaStackGuard guard(state);
  if (get(state, table, name) != LUA_TNUMBER) return std::nullopt;
  const double number = lua_tonumber(state, -1);
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

KeyRef key_field(lua_State* state, int table) {
  LuaStackGuard guard(state);
  get(state, table, "key");
  const auto* key = key_at(state, -1);
  return key ? *key : nullptr;
}

// The verdict is a plain table, and a policy may have written to it: so it is read with care.
Result<KeyMeaning> read_meaning(const PolicyRequest& request, KeyMeaning::Kind kind, lua_State* state,
                                int entry) {
  KeyMeaning meaning{kind, key_field(state, entry), {}, Milliseconds(0), text_field(state, entry, "reason")};
  if (!meaning.key) return invalid_input("an entry names no key");
  if (kind != KeyMeaning::Kind::cool_down) return meaning;
  const auto seconds = number_field(state, entry, "seconds");
  if (!seconds || *seconds < 0) return invalid_input("a rest has no seconds");
  meaning.duration = Milliseconds(std::llround(std::min(*seconds, longest_rest_seconds) * 1000));
  meaning.model = counted_model(request, text_field(state, entry, "model"));
  return meaning;
}

Result<void> read_meanings(const PolicyRequest& request, KeyMeaning::Kind kind, const char* list,
                           lua_State* state, int table, Verdict& verdict) {
  LuaStackGuard guard(state);
  if (get(state, table, list) != LUA_TTABLE) return invalid_input(std::string(list) + " is no table");
  const int entries = lua_gettop(state);
  for (int at = 1;; ++at) {
    LuaStackGuard inner(state);
    lua_rawgeti(state, entries, at);
    if (lua_isnil(state, -1)) return {};
    if (!lua_istable(state, -1)) return invalid_input(std::string(list) + " holds what is no table");
    auto meaning = read_meaning(request, kind, state, lua_gettop(state));
    if (!meaning) return std::move(meaning).error().within(list);
    verdict.meanings.push_back(std::move(*meaning));
  }
}

}  // namespace

bool is_denial(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().denial);
}

bool is_verdict(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().verdict);
}

Result<Denial> read_denial(lua_State* state, int index) {
  const auto status = number_field(state, index, "status");
  if (!status || *status < 400 || *status > 599)
    return invalid_input("the status of deny() is none from 400 to 599");
  return Denial{static_cast<int>(*status), text_field(state, index, "message"),
                number_field(state, index, "retry_after")};
}

Result<Verdict> read_verdict(LoadedPolicies& policies, const PolicyRequest& request, lua_State* state,
                             int index) {
  LuaStackGuard guard(state);
  Verdict verdict;
  verdict.action =
      text_field(state, index, "action") == "retry" ? Verdict::Action::retry : Verdict::Action::answer;
  get(state, index, "same_key");
  verdict.same_key = lua_toboolean(state, -1) != 0;
  using Kind = KeyMeaning::Kind;
  for (const auto& [kind, list] : {std::pair{Kind::cool_down, "rests"}, std::pair{Kind::disable, "disables"},
                                   std::pair{Kind::strike, "strikes"}}) {
    auto read = read_meanings(request, kind, list, state, index, verdict);
    if (!read) return std::move(read).error();
  }
  get(state, index, "otherwise");
  if (is_denial(policies, state, lua_gettop(state))) {
    auto denial = read_denial(state, lua_gettop(state));
    if (!denial) return std::move(denial).error();
    verdict.otherwise = std::move(*denial);
  }
  return verdict;
}

}  // namespace pollux
