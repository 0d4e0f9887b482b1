// What hooks return: refusals and verdicts, as the prelude makes them.
#include <algorithm>
#include <array>
#include <cmath>

#include "script/exchange_objects.h"

namespace pollux {
namespace {

// A rest longer than this is as good as for ever, and does not overflow.
constexpr double longest_rest_seconds = 400.0 * 24 * 3600;
constexpr double longest_pause_seconds = 600;

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

ClientRef client_field(lua_State* state, int table) {
  LuaStackGuard guard(state);
  get(state, table, "client");
  const auto* client = client_at(state, -1);
  return client ? *client : nullptr;
}

bool flag_field(lua_State* state, int table, const char* name) {
  LuaStackGuard guard(state);
  get(state, table, name);
  return lua_toboolean(state, -1) != 0;
}

using Kind = KeyMeaning::Kind;

std::optional<Kind> kind_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 8> kinds{
      {{"cool_down", Kind::cool_down},
       {"back_off", Kind::back_off},
       {"back_off_model", Kind::back_off_model},
       {"disable", Kind::disable},
       {"disable_project", Kind::disable_project},
       {"strike", Kind::strike},
       {"learn_limit", Kind::learn_limit},
       {"learn_project", Kind::learn_project}}};
  for (const auto& [known, kind] : kinds) {
    if (name == known) return kind;
  }
  return std::nullopt;
}

Result<void> read_seconds(lua_State* state, int entry, const char* name, Milliseconds& duration) {
  const auto seconds = number_field(state, entry, name);
  if (!seconds || *seconds < 0) return invalid_input(std::string("its ") + name + " are no seconds");
  duration = Milliseconds(std::llround(std::min(*seconds, longest_rest_seconds) * 1000));
  return {};
}

Result<void> read_back_off(lua_State* state, int entry, KeyMeaning& meaning) {
  if (meaning.model.empty()) return invalid_input("it names no model");
  if (auto first = read_seconds(state, entry, "first", meaning.duration); !first) return first;
  return read_seconds(state, entry, "most", meaning.most);
}

Result<void> read_limit(lua_State* state, int entry, KeyMeaning& meaning) {
  constexpr double largest = 9e15;  // Whole numbers up to here are exact.
  const auto limit = number_field(state, entry, "limit");
  if (!limit || *limit < 0) return invalid_input("its limit is no number from 0");
  meaning.limit = static_cast<std::int64_t>(std::min(*limit, largest));
  meaning.limit_kind = text_field(state, entry, "limit_kind");
  if (meaning.limit_kind != "rpm" && meaning.limit_kind != "tpm" && meaning.limit_kind != "rpd") {
    return invalid_input("its limit_kind is none of rpm, tpm and rpd");
  }
  return meaning.model.empty() ? Result<void>(invalid_input("it names no model")) : Result<void>();
}

Result<void> read_details(lua_State* state, int entry, KeyMeaning& meaning) {
  switch (meaning.kind) {
    case Kind::cool_down:
      return read_seconds(state, entry, "seconds", meaning.duration);
    case Kind::back_off:
    case Kind::back_off_model:
      return read_back_off(state, entry, meaning);
    case Kind::learn_limit:
      return read_limit(state, entry, meaning);
    case Kind::learn_project:
      meaning.project = text_field(state, entry, "project");
      return meaning.project.empty() ? Result<void>(invalid_input("it names no project")) : Result<void>();
    case Kind::disable:
    case Kind::disable_project:
    case Kind::strike:
      return {};
  }
  return {};
}

// The verdict is a plain table, and a policy may have written to it: so it is read with care.
Result<KeyMeaning> read_meaning(const PolicyRequest& request, lua_State* state, int entry) {
  if (!lua_istable(state, entry)) return invalid_input("it is no table");
  const auto kind = kind_named(text_field(state, entry, "kind"));
  if (!kind) return invalid_input("it has no known kind");
  KeyMeaning meaning{*kind};
  meaning.key = key_field(state, entry);
  if (!meaning.key && *kind != Kind::back_off_model) return invalid_input("it names no key");
  meaning.model = counted_model(request, text_field(state, entry, "model"));
  meaning.reason = text_field(state, entry, "reason");
  if (auto read = read_details(state, entry, meaning); !read) return std::move(read).error();
  return meaning;
}

Result<void> read_meanings(const PolicyRequest& request, lua_State* state, int table,
                           std::vector<KeyMeaning>& meanings) {
  constexpr int most_meanings = 100;
  LuaStackGuard guard(state);
  if (get(state, table, "meanings") != LUA_TTABLE) return invalid_input("meanings is no table");
  const int entries = lua_gettop(state);
  for (int at = 1;; ++at) {
    LuaStackGuard inner(state);
    lua_rawgeti(state, entries, at);
    if (lua_isnil(state, -1)) break;
    if (at > most_meanings) return invalid_input("meanings has more than 100 entries");
    auto meaning = read_meaning(request, state, lua_gettop(state));
    if (!meaning) return std::move(meaning).error().within("meanings[" + std::to_string(at) + "]");
    meanings.push_back(std::move(*meaning));
  }
  // What is said of a project is said of the right one.
  std::stable_partition(meanings.begin(), meanings.end(),
                        [](const KeyMeaning& meaning) { return meaning.kind == Kind::learn_project; });
  return {};
}

}  // namespace

bool is_denial(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().denial);
}

bool is_verdict(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().verdict);
}

bool is_own_key(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().own_key);
}

bool is_reply(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().reply);
}

bool is_again(LoadedPolicies& policies, lua_State* state, int index) {
  return has_metatable(state, index, policies.tables().again);
}

Result<OwnKey> read_own_key(lua_State* state, int index) {
  OwnKey own{text_field(state, index, "secret")};
  if (own.secret.empty()) return invalid_input("own_key() holds no key");
  return own;
}

Result<Denial> read_denial(lua_State* state, int index) {
  const auto status = number_field(state, index, "status");
  if (!status || *status < 400 || *status > 599)
    return invalid_input("the status of deny() is none from 400 to 599");
  return Denial{static_cast<int>(*status),
                text_field(state, index, "message"),
                number_field(state, index, "retry_after"),
                text_field(state, index, "code"),
                text_field(state, index, "param"),
                text_field(state, index, "reason"),
                client_field(state, index)};
}

Result<Verdict> read_verdict(LoadedPolicies& policies, const PolicyRequest& request, lua_State* state,
                             int index) {
  LuaStackGuard guard(state);
  Verdict verdict;
  verdict.action =
      text_field(state, index, "action") == "retry" ? Verdict::Action::retry : Verdict::Action::answer;
  verdict.same_key = flag_field(state, index, "same_key");
  verdict.not_counted = !flag_field(state, index, "counted");
  const auto pause = std::clamp(number_field(state, index, "pause").value_or(0), 0.0, longest_pause_seconds);
  verdict.pause = Milliseconds(std::llround(pause * 1000));
  if (auto read = read_meanings(request, state, index, verdict.meanings); !read)
    return std::move(read).error();
  get(state, index, "otherwise");
  if (is_denial(policies, state, lua_gettop(state))) {
    auto denial = read_denial(state, lua_gettop(state));
    if (!denial) return std::move(denial).error();
    verdict.otherwise = std::move(*denial);
  }
  return verdict;
}

}  // namespace pollux
