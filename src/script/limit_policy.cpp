#include "script/limit_policy.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace pollux {
namespace {

// Looking a limit up goes through all rows, once for each project and model.
constexpr std::size_t most_rows = 2000;
constexpr std::string_view for_every_tier = "any";

std::string quoted(std::string_view text) {
  std::string result("\"");
  result.append(text.substr(0, 80)).push_back('"');
  return result;
}

std::string_view text_at(lua_State* state, int index) {
  std::size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text, size};
}

// "a table", "5", "\"5\"", "nothing": what stands at the top in the place of something else.
std::string found(lua_State* state) {
  switch (lua_type(state, -1)) {
    case LUA_TNIL:
      return "nothing";
    case LUA_TSTRING:
      return quoted(text_at(state, -1));
    case LUA_TBOOLEAN:
      return lua_toboolean(state, -1) ? "true" : "false";
    case LUA_TNUMBER: {
      lua_pushvalue(state, -1);
      std::string text(text_at(state, -1));
      lua_pop(state, 1);
      return text;
    }
    default:
      return std::string("a ") + luaL_typename(state, -1);
  }
}

class LimitReader {
 public:
  LimitReader(lua_State* state, int index)
      : state_(state), table_(index < 0 ? lua_gettop(state) + index + 1 : index) {}

  Result<std::shared_ptr<const LimitTable>> read(Limits fallback) {
    LuaStackGuard guard(state_);
    if (auto good = read_tiers(); !good) return std::move(good).error();
    auto good = each_field(table_, "", [this](std::string_view name) { return read_section(name); });
    if (!good) return std::move(good).error();
    return std::make_shared<const LimitTable>(std::move(tiers_), std::move(rows_), fallback);
  }

 private:
  // Calls `visit(name)` for every field, with its value on top of the stack.
  template <typename Visit>
  Result<void> each_field(int table, const std::string& path, Visit visit) {
    lua_checkstack(state_, 10);
    lua_pushnil(state_);
    while (lua_next(state_, table) != 0) {
      lua_pushvalue(state_, -2);  // A name that is a number would be changed by looking at it.
      const bool is_text = lua_type(state_, -1) == LUA_TSTRING;
      std::string name = is_text ? std::string(text_at(state_, -1)) : found(state_);
      lua_pop(state_, 1);
      if (!is_text) {
        name.insert(0, path + "[").append("]: expected a name in its place");
        return invalid_input(std::move(name));
      }
      if (auto good = visit(name); !good) return good;
      lua_pop(state_, 1);
    }
    return {};
  }

  Result<void> read_tiers() {
    LuaStackGuard guard(state_);
    lua_pushliteral(state_, "tiers");
    lua_rawget(state_, table_);
    if (!lua_istable(state_, -1)) return wrong("tiers", "a list of tags");
    const int list = lua_gettop(state_);
    for (int at = 1;; ++at) {
      LuaStackGuard inner(state_);
      lua_rawgeti(state_, list, at);
      if (lua_isnil(state_, -1)) return {};
      const auto path = "tiers[" + std::to_string(at) + "]";
      if (lua_type(state_, -1) != LUA_TSTRING) return wrong(path, "a tag");
      const std::string tier(text_at(state_, -1));
      constexpr std::array<std::string_view, 4> taken{"", "tiers", "settings", for_every_tier};
      if (std::find(taken.begin(), taken.end(), tier) != taken.end())
        return invalid_input(path + " is " + quoted(tier) + ", which is no tag");
      if (std::find(tiers_.begin(), tiers_.end(), tier) != tiers_.end())
        return invalid_input(path + " is " + quoted(tier) + ", which stands there twice");
      tiers_.push_back(tier);
    }
  }

  Result<void> read_section(std::string_view name) {
    if (name == "tiers" || name == "settings") return {};
    if (name != for_every_tier && std::find(tiers_.begin(), tiers_.end(), name) == tiers_.end())
      return invalid_input(quoted(name) + " is none of the tiers, and not \"any\"");
    const std::string path(name);
    if (!lua_istable(state_, -1)) return wrong(path, "a table of limits by model");
    const std::string tier(name == for_every_tier ? "" : name);
    return each_field(lua_gettop(state_), path, [&](std::string_view model) {
      auto place = path;
      place.append("[").append(quoted(model)).append("]");
      if (model.empty() || model.starts_with("models/"))
        return Result<void>(invalid_input(place + ": expected a model's name without models/"));
      if (rows_.size() >= most_rows)
        return Result<void>(invalid_input(place + ": there are more than 2000 models"));
      return read_row(tier, model, place);
    });
  }

  Result<void> read_row(const std::string& tier, std::string_view model, const std::string& path) {
    if (!lua_istable(state_, -1)) return wrong(path, "a table with rpm, tpm and rpd");
    LimitTable::Row row{tier, std::string(model), {}};
    auto good = each_field(lua_gettop(state_), path, [&](std::string_view kind) {
      auto* limit = kind == "rpm"   ? &row.limits.rpm
                    : kind == "tpm" ? &row.limits.tpm
                    : kind == "rpd" ? &row.limits.rpd
                                    : nullptr;
      const auto place = path + "." + std::string(kind);
      if (!limit) return Result<void>(invalid_input(place + " is no limit, expected rpm, tpm or rpd"));
      return read_limit(place, *limit);
    });
    if (good) rows_.push_back(std::move(row));
    return good;
  }

  Result<void> read_limit(const std::string& path, std::optional<std::int64_t>& limit) {
    constexpr double largest = 9e15;  // Whole numbers up to here are exact.
    const double number = lua_type(state_, -1) == LUA_TNUMBER ? lua_tonumber(state_, -1) : -1;
    if (!(number >= 0) || number > largest || number != std::floor(number))
      return wrong(path, "a whole number from 0");
    limit = static_cast<std::int64_t>(number);
    return {};
  }

  Error wrong(const std::string& path, const char* expected) {
    return invalid_input(path + " is " + found(state_) + ", expected " + expected);
  }

  lua_State* state_;
  int table_;
  std::vector<std::string> tiers_;
  std::vector<LimitTable::Row> rows_;
};

}  // namespace

Limits fallback_limits(const Settings* settings) {
  Limits limits;
  if (settings && settings->default_rpm_limit) limits.rpm = *settings->default_rpm_limit;
  if (settings && settings->default_rpd_limit) limits.rpd = *settings->default_rpd_limit;
  return limits;
}

Result<std::shared_ptr<const LimitTable>> read_limits(lua_State* state, int index, const Settings* settings) {
  return LimitReader(state, index).read(fallback_limits(settings));
}

std::shared_ptr<const LimitTable> default_limits(const Settings* settings) {
  return std::make_shared<const LimitTable>(std::vector<std::string>(), std::vector<LimitTable::Row>(),
                                            fallback_limits(settings));
}

}  // namespace pollux
