#include "script/query_table.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "http/message.h"
#include "script/exchange_objects.h"

namespace pollux {
namespace {

struct Pair {
  std::string_view raw, name, value;  // name and value still encoded.
};

// Calls `visit` for every "name=value" between the ampersands.
template <typename Visit>
void for_each_pair(std::string_view query, Visit&& visit) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto raw = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (raw.empty()) continue;
    const auto equals = std::min(raw.find('='), raw.size());
    visit(Pair{raw, raw.substr(0, equals), raw.substr(std::min(equals + 1, raw.size()))});
  }
}

std::string decoded(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '+', ' ');
  return percent_decode(plain);
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      result += c;
    } else {
      result += '%';
      result += digits[byte >> 4U];
      result += digits[byte & 15U];
    }
  }
  return result;
}

using Wanted = std::map<std::string, std::string, std::less<>>;

Result<Wanted> read_table(lua_State* state, int index) {
  Wanted wanted;
  const int table = index < 0 ? lua_gettop(state) + 1 + index : index;
  lua_pushnil(state);
  while (lua_next(state, table) != 0) {
    if (lua_type(state, -2) != LUA_TSTRING) {
      lua_pop(state, 2);
      return invalid_input("request.query: every name must be a string");
    }
    std::string name = lua_tostring(state, -2);
    const int type = lua_type(state, -1);
    if (type == LUA_TBOOLEAN) {
      wanted.emplace(std::move(name), lua_toboolean(state, -1) ? "true" : "false");
    } else if (type == LUA_TSTRING || type == LUA_TNUMBER) {
      std::size_t size = 0;
      const char* text = lua_tolstring(state, -1, &size);  // Converts the value, never the key.
      wanted.emplace(std::move(name), std::string(text, size));
    } else {
      auto problem = "request.query." + name + " is a " + lua_typename(state, type) + ", expected a string";
      lua_pop(state, 2);
      return invalid_input(std::move(problem));
    }
    lua_pop(state, 1);
  }
  return wanted;
}

}  // namespace

void push_query_table(lua_State* state, std::string_view query) {
  lua_newtable(state);
  for_each_pair(query, [state](const Pair& pair) {
    {
      const auto name = decoded(pair.name);
      lua_pushlstring(state, name.data(), name.size());
    }
    lua_pushvalue(state, -1);
    lua_rawget(state, -3);
    const bool seen = !lua_isnil(state, -1);
    lua_pop(state, 1);
    if (seen) return lua_pop(state, 1);
    {
      const auto value = decoded(pair.value);
      lua_pushlstring(state, value.data(), value.size());
    }
    lua_rawset(state, -3);
  });
}

Result<std::string> changed_query(lua_State* state, int index, std::string_view query) {
  auto wanted = read_table(state, index);
  if (!wanted) return std::move(wanted).error();
  std::string result;
  bool changed = false;
  const auto append = [&result](std::string_view name, std::string_view value) {
    if (!result.empty()) result += '&';
    result += name;
    if (!value.empty()) result.append("=").append(value);
  };
  std::set<std::string, std::less<>> written, replaced;
  for_each_pair(query, [&](const Pair& pair) {
    const auto name = decoded(pair.name);
    const auto found = wanted->find(name);
    if (found == wanted->end() || replaced.contains(name)) {
      changed = true;
      return;
    }
    const bool is_first = written.insert(name).second;
    if (!is_first || found->second == decoded(pair.value)) {
      if (!result.empty()) result += '&';
      result += pair.raw;
      return;
    }
    changed = true;
    replaced.insert(name);  // The others of this name go: the table has one value for it.
    append(pair.name, encoded(found->second));
  });
  for (const auto& [name, value] : *wanted) {
    if (written.contains(name)) continue;
    changed = true;
    append(encoded(name), encoded(value));
  }
  return changed ? result : std::string(query);
}

Result<void> write_query_back(ExchangeObjects& exchange) {
  if (!exchange.query) return {};
  auto* lua = exchange.policies.lua();
  LuaStackGuard guard(lua);
  exchange.query.push(lua);
  auto query = changed_query(lua, -1, exchange.request.query);
  if (!query) return std::move(query).error();
  exchange.request.query = std::move(*query);
  return {};
}

}  // namespace pollux
