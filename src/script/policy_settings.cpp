#include "script/policy_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "script/pattern.h"

namespace pollux {
namespace {

using Type = DeclaredSetting::Type;
using Value = DeclaredSetting::Value;

constexpr std::array<std::pair<std::string_view, Type>, 5> type_names{{{"boolean", Type::boolean},
                                                                       {"number", Type::number},
                                                                       {"integer", Type::integer},
                                                                       {"string", Type::text},
                                                                       {"list", Type::list}}};

// The variables of Pollux that policies see.
constexpr std::array<std::string_view, 8> variables{
    "MAX_RETRIES",       "MAX_FAILURES",      "RETRY_DELAY_SECONDS",  "MAX_WAIT_SECONDS",
    "DEFAULT_RPM_LIMIT", "DEFAULT_RPD_LIMIT", "CHECK_INTERVAL_HOURS", "TIME_OUT"};

std::string number_text(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text.substr(0, 80)) + "\"";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::optional<bool> truth_of(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

Result<void> check_number(const DeclaredSetting& setting, double number) {
  if (!std::isfinite(number)) return invalid_input("it is no finite number");
  if (setting.type == Type::integer && number != std::floor(number)) {
    return invalid_input(number_text(number) + " is no whole number");
  }
  if (setting.min && number < *setting.min) {
    return invalid_input(number_text(number) + " is below " + number_text(*setting.min));
  }
  if (setting.max && number > *setting.max) {
    return invalid_input(number_text(number) + " is above " + number_text(*setting.max));
  }
  return {};
}

// A pattern with room for what it is made of; the text outlives it.
struct FormPattern {
  explicit FormPattern(std::string_view pattern)
      : items(pattern.size() + 1),
        choices(pattern.size() + 1),
        problem(compile_pattern(pattern, true, items.data(), compiled)) {}

  bool matches(std::string_view text) {
    constexpr std::size_t most_steps = 100'000;
    PatternMatcher matcher(compiled, text, choices.data(), most_steps, []() noexcept { return false; });
    return matcher.search(text.data()) == PatternMatcher::Outcome::yes;
  }

  std::vector<PatternItem> items;
  std::vector<PatternChoice> choices;
  CompiledPattern compiled;
  const char* problem;  // Null: it is well formed.
};

// A text, or a word of a list.
Result<void> check_text(const DeclaredSetting& setting, std::string_view text) {
  const auto& choices = setting.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
    return invalid_input(in_quotes(text) + " is none of " + joined(choices));
  if (!setting.pattern.empty() && !FormPattern(setting.pattern).matches(text))
    return invalid_input(in_quotes(text) + " is not of the form " + setting.form);
  return {};
}

// The words of a JSON array may hold blanks; of any other list they are parted by them.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  if (text.starts_with('[')) {
    const auto array = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    const auto is_text = [](const auto& item) { return item.is_string(); };
    if (array.is_array() && std::all_of(array.begin(), array.end(), is_text))
      return array.get<std::vector<std::string>>();
  }
  constexpr std::string_view separators = " \t\r\n,|[]\"";
  while (!text.empty()) {
    const auto begin = std::min(text.find_first_not_of(separators), text.size());
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

// -- Reading a declaration

class Declaration {
 public:
  Declaration(lua_State* state, std::span<const std::string_view> taken)
      : state_(state), table_(lua_gettop(state)), taken_(taken) {}

  Result<DeclaredSetting> read() {
    if (auto good = read_name(); !good) return std::move(good).error();
    for (auto step : {&Declaration::read_type, &Declaration::read_bounds, &Declaration::read_choices,
                      &Declaration::read_form, &Declaration::read_about, &Declaration::read_default}) {
      if (auto good = (this->*step)(); !good) return std::move(good).error().within(setting_.name);
    }
    return std::move(setting_);
  }

 private:
  int get(const char* name) {
    lua_pushstring(state_, name);
    lua_rawget(state_, table_);
    return lua_type(state_, -1);
  }
  std::string text() const {
    std::size_t size = 0;
    const char* bytes = lua_tolstring(state_, -1, &size);
    return {bytes, size};
  }
  Error wrong(const char* what, const char* expected) const {
    return invalid_input(std::string(what) + " is a " + luaL_typename(state_, -1) + ", expected " + expected);
  }

  Result<void> read_name() {
    LuaStackGuard guard(state_);
    if (get("name") != LUA_TSTRING) return wrong("name", "a string");
    setting_.name = text();
    const auto good = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
    if (setting_.name.empty() || !std::all_of(setting_.name.begin(), setting_.name.end(), good)) {
      return invalid_input(in_quotes(setting_.name) +
                           " is no name of a setting, expected capitals, digits and _");
    }
    const auto is_among = [this](const auto& names) {
      return std::find(names.begin(), names.end(), setting_.name) != names.end();
    };
    if (is_among(variables) || is_among(taken_))
      return invalid_input(setting_.name + " is a setting of Pollux itself");
    return {};
  }

  Result<void> read_type() {
    LuaStackGuard guard(state_);
    if (get("type") != LUA_TSTRING) return wrong("type", "a string");
    const auto name = text();
    for (const auto& [known, type] : type_names) {
      if (name == known) return setting_.type = type, Result<void>();
    }
    return invalid_input("type " + in_quotes(name) +
                         " is unknown, expected boolean, number, integer, string or list");
  }

  Result<void> read_bounds() {
    for (const auto& [name, bound] : {std::pair{"min", &setting_.min}, std::pair{"max", &setting_.max}}) {
      LuaStackGuard guard(state_);
      const int type = get(name);
      if (type == LUA_TNIL) continue;
      if (type != LUA_TNUMBER) return wrong(name, "a number");
      if (setting_.type != Type::number && setting_.type != Type::integer) {
        return invalid_input(std::string(name) + " is for numbers only");
      }
      *bound = lua_tonumber(state_, -1);
    }
    if (setting_.min && setting_.max && *setting_.min > *setting_.max)
      return invalid_input("min is above max");
    return {};
  }

  Result<std::vector<std::string>> read_texts(const char* name) {
    std::vector<std::string> texts;
    if (!lua_istable(state_, -1)) return wrong(name, "a list of strings");
    for (int at = 1;; ++at) {
      LuaStackGuard guard(state_);
      lua_rawgeti(state_, -1, at);
      if (lua_isnil(state_, -1)) return texts;
      if (lua_type(state_, -1) != LUA_TSTRING) return wrong(name, "a list of strings");
      texts.push_back(text());
    }
  }

  Result<void> read_choices() {
    LuaStackGuard guard(state_);
    if (get("choices") == LUA_TNIL) return {};
    if (setting_.type != Type::text && setting_.type != Type::list) {
      return invalid_input("choices are for strings and lists only");
    }
    auto texts = read_texts("choices");
    if (!texts) return std::move(texts).error();
    setting_.choices = std::move(*texts);
    return {};
  }

  Result<void> read_form() {
    for (const auto& [name, target] :
         {std::pair{"pattern", &setting_.pattern}, std::pair{"form", &setting_.form}}) {
      LuaStackGuard guard(state_);
      const int type = get(name);
      if (type == LUA_TNIL) continue;
      if (type != LUA_TSTRING) return wrong(name, "a string");
      if (setting_.type != Type::text && setting_.type != Type::list)
        return invalid_input(std::string(name) + " is for strings and lists only");
      *target = text();
    }
    if (setting_.pattern.empty() != setting_.form.empty())
      return invalid_input(
          "pattern and form go together: what is looked for, and how a person would write it");
    if (const auto* problem = FormPattern(setting_.pattern).problem)
      return invalid_input(std::string("pattern: ") + problem);
    return {};
  }

  Result<void> read_about() {
    LuaStackGuard guard(state_);
    if (get("about") != LUA_TSTRING) return wrong("about", "one sentence");
    setting_.about = text();
    return {};
  }

  Result<void> read_default() {
    LuaStackGuard guard(state_);
    const int type = get("default");
    if (type == LUA_TNIL) return {};
    switch (setting_.type) {
      case Type::boolean:
        if (type != LUA_TBOOLEAN) return wrong("default", "true or false");
        setting_.fallback = lua_toboolean(state_, -1) != 0;
        return {};
      case Type::number:
      case Type::integer: {
        if (type != LUA_TNUMBER) return wrong("default", "a number");
        const double number = lua_tonumber(state_, -1);
        if (auto good = check_number(setting_, number); !good)
          return std::move(good).error().within("default");
        setting_.fallback = number;
        return {};
      }
      case Type::text:
        if (type != LUA_TSTRING) return wrong("default", "a string");
        if (auto good = check_text(setting_, text()); !good) return std::move(good).error().within("default");
        setting_.fallback = text();
        return {};
      case Type::list: {
        auto texts = read_texts("default");
        if (!texts) return std::move(texts).error();
        for (const auto& word : *texts) {
          if (auto good = check_text(setting_, word); !good) return std::move(good).error().within("default");
        }
        setting_.fallback = std::move(*texts);
        return {};
      }
    }
    return {};
  }

  lua_State* state_;
  int table_;
  std::span<const std::string_view> taken_;
  DeclaredSetting setting_;
};

void put_value(lua_State* state, std::string_view name, const Value& value) {
  lua_pushlstring(state, name.data(), name.size());
  if (const auto* flag = std::get_if<bool>(&value)) {
    lua_pushboolean(state, *flag);
  } else if (const auto* number = std::get_if<double>(&value)) {
    lua_pushnumber(state, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    lua_pushlstring(state, text->data(), text->size());
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    lua_createtable(state, static_cast<int>(texts->size()), 0);
    for (std::size_t at = 0; at < texts->size(); ++at) {
      lua_pushlstring(state, (*texts)[at].data(), (*texts)[at].size());
      lua_rawseti(state, -2, static_cast<int>(at + 1));
    }
  } else {
    lua_pushnil(state);
  }
  lua_rawset(state, -3);
}

}  // namespace

Result<Value> parse_setting(const DeclaredSetting& setting, std::string_view text) {
  Value value;
  switch (setting.type) {
    case Type::boolean: {
      const auto flag = truth_of(text);
      if (!flag) return invalid_input(in_quotes(text) + " is neither true nor false");
      value = *flag;
      break;
    }
    case Type::number:
    case Type::integer: {
      double number = 0;
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (problem != std::errc() || end != text.data() + text.size()) {
        return invalid_input(in_quotes(text) + " is no " +
                             (setting.type == Type::integer ? "whole number" : "number"));
      }
      if (auto good = check_number(setting, number); !good) return std::move(good).error();
      value = number;
      break;
    }
    case Type::text:
      if (auto good = check_text(setting, text); !good) return std::move(good).error();
      value = std::string(text);
      break;
    case Type::list: {
      auto words = split_list(text);
      for (const auto& word : words) {
        if (auto good = check_text(setting, word); !good) return std::move(good).error();
      }
      value = std::move(words);
      break;
    }
  }
  return value;
}

Value value_in_force(const DeclaredSetting& setting, const Settings& settings) {
  for (const auto* texts : {&settings.given, &settings.given_here}) {
    const auto text = texts->find(setting.name);
    if (text == texts->end()) continue;
    auto value = parse_setting(setting, text->second);
    return value ? *std::move(value) : setting.fallback;
  }
  return setting.fallback;
}

Result<void> PolicySettings::declare(lua_State* state, const std::string& module,
                                     std::span<const std::string_view> taken) {
  if (!lua_istable(state, -1)) {
    return invalid_input(std::string("settings is a ") + luaL_typename(state, -1) +
                         ", expected a list of settings");
  }
  for (int at = 1;; ++at) {
    LuaStackGuard guard(state);
    lua_rawgeti(state, -1, at);
    if (lua_isnil(state, -1)) return {};
    const auto place = "settings[" + std::to_string(at) + "]";
    if (!lua_istable(state, -1))
      return invalid_input(place + " is a " + luaL_typename(state, -1) + ", expected a table");
    auto setting = Declaration(state, taken).read();
    if (!setting) return std::move(setting).error().within(place);
    setting->module = module;
    const auto found = declared_.find(setting->name);
    if (found != declared_.end() && found->second.module != module) {
      return invalid_input(place + ": " + setting->name + " is declared by " + found->second.module +
                           ".lua, too");
    }
    if (found == declared_.end()) declared_.emplace(setting->name, std::move(*setting));
  }
}

void PolicySettings::put_values(lua_State* state, const Settings& settings) const {
  const auto optional = [](const std::optional<int>& limit) {
    return limit ? Value(double{1} * *limit) : Value();
  };
  const double time_out = static_cast<double>(settings.time_out.count()) / 1000.0;
  const std::array<Value, variables.size()> values{
      double{1} * settings.max_retries,     double{1} * settings.max_failures,
      settings.retry_delay_seconds,         settings.max_wait_seconds,
      optional(settings.default_rpm_limit), optional(settings.default_rpd_limit),
      settings.check_interval_hours,        time_out};
  for (std::size_t at = 0; at < values.size(); ++at) put_value(state, variables[at], values[at]);
  for (const auto& [name, setting] : declared_) {
    put_value(state, name, value_in_force(setting, settings));
  }
}

Result<void> PolicySettings::check(const Settings& settings) const {
  for (const auto& [name, setting] : declared_) {
    const auto given = settings.given.find(name);
    if (given == settings.given.end()) continue;
    auto value = parse_setting(setting, given->second);
    if (!value) return std::move(value).error().within(name);
  }
  return {};
}

bool PolicySettings::knows(std::string_view name) const {
  return declared_.contains(name) || std::find(variables.begin(), variables.end(), name) != variables.end();
}

}  // namespace pollux
