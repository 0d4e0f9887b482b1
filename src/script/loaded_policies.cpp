#include "script/loaded_policies.h"

#include <algorithm>

#include "base/log.h"
#include "script/exchange_objects.h"
#include "script/limit_policy.h"

namespace pollux {
namespace {

constexpr std::array<HookName, hook_count> names_of_hooks{{{"auth", "identify"},
                                                           {"models", "resolve"},
                                                           {"models", "visible"},
                                                           {"access", "permit"},
                                                           {"models", "overview"},
                                                           {"keys", "select"},
                                                           {"failover", "judge"},
                                                           {"transform", "request"},
                                                           {"transform", "response"},
                                                           {"health", "check"},
                                                           {"record", "done"},
                                                           {"dialects/openai", "model"},
                                                           {"dialects/openai", "request"},
                                                           {"dialects/openai", "response"},
                                                           {"dialects/openai", "event"},
                                                           {"dialects/openai", "error"},
                                                           {"dialects/anthropic", "model"},
                                                           {"dialects/anthropic", "request"},
                                                           {"dialects/anthropic", "response"},
                                                           {"dialects/anthropic", "event"},
                                                           {"dialects/anthropic", "error"}}};
constexpr std::array<std::string_view, 5> dialect_functions{"model", "request", "response", "event", "error"};
// Waiting record.done hooks of one worker; more are abandoned.
constexpr std::size_t most_going_on = 1000;

bool is_dialect(std::string_view module) {
  return module.starts_with("dialects/");
}
bool is_behind_another(std::string_view module) {
  return module.starts_with("default.");
}
// Modules in folders other than dialects/ are libraries: loaded where another one requires them.
bool is_library(std::string_view module) {
  return module.find('/') != std::string_view::npos && !is_dialect(module);
}

std::vector<std::string_view> known_functions(std::string_view module) {
  if (is_dialect(module)) return {dialect_functions.begin(), dialect_functions.end()};
  std::vector<std::string_view> names;
  for (const auto& name : names_of_hooks) {
    if (name.module == module) names.push_back(name.function);
  }
  return names;
}

// So many letters must be changed, put in or taken out to make one of the other.
std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t at = 0; at < row.size(); ++at) row[at] = at;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t changed = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

// The field's type; its value is pushed.
int raw_field(lua_State* state, int table, std::string_view name) {
  lua_pushlstring(state, name.data(), name.size());
  lua_rawget(state, table < 0 ? table - 1 : table);
  return lua_type(state, -1);
}

// Where the function on top was written.
int line_of_function(lua_State* state) {
  lua_Debug facts;
  lua_pushvalue(state, -1);
  lua_getinfo(state, ">S", &facts);
  return std::max(facts.linedefined, 1);
}

// "keys.lua:7: " at the beginning.
bool has_place(std::string_view message) {
  constexpr std::string_view mark = ".lua:";
  const auto at = message.find(mark);
  if (at == std::string_view::npos || message.substr(0, at).find_first_of(" \n") != std::string_view::npos)
    return false;
  const auto digits = message.find_first_not_of("0123456789", at + mark.size());
  return digits != std::string_view::npos && digits > at + mark.size() && message[digits] == ':';
}

}  // namespace

HookName name_of(Hook hook) noexcept {
  return names_of_hooks[static_cast<std::size_t>(hook)];
}

Hook hook_of(std::string_view dialect, DialectHook hook) noexcept {
  const auto first = dialect == "anthropic" ? Hook::anthropic_model : Hook::openai_model;
  return static_cast<Hook>(static_cast<std::uint8_t>(first) + static_cast<std::uint8_t>(hook));
}

Result<std::shared_ptr<PolicyState>> PolicyState::load(const PolicySources& sources, const PolicyHost& host,
                                                       const PolicyLimits& limits) {
  auto policies = LoadedPolicies::create(sources, host, limits);
  if (!policies) return std::move(policies).error();
  if (auto loaded = (*policies)->load_modules(sources); !loaded) return std::move(loaded).error();
  return std::shared_ptr<PolicyState>(std::move(*policies));
}

Result<std::unique_ptr<LoadedPolicies>> LoadedPolicies::create(const PolicySources& sources,
                                                               const PolicyHost& host,
                                                               const PolicyLimits& limits) {
  auto script = Script::create(sources, host, limits);
  if (!script) return std::move(script).error();
  std::unique_ptr<LoadedPolicies> policies(new LoadedPolicies(std::move(*script)));
  if (auto installed = install_objects(*policies); !installed) return std::move(installed).error();
  if (host.settings) policies->apply_settings(*host.settings);
  return policies;
}

LoadedPolicies::~LoadedPolicies() = default;

Result<void> LoadedPolicies::load_modules(const PolicySources& sources, ErrorsByFile* errors) {
  Result<void> first;
  // False: it is no use to go on.
  const auto note = [&](Result<void> outcome, const PolicySource& source) {
    if (outcome) return true;
    if (errors) errors->emplace(source.file, outcome.error().message);
    if (first) first = std::move(outcome);
    return errors != nullptr;
  };
  const auto whole = [&](auto&& step) {
    return std::all_of(sources.begin(), sources.end(), [&](const auto& entry) {
      const auto& source = entry.second;
      if (errors && errors->contains(source.file)) return true;
      return note(step(source), source);
    });
  };
  if (!whole([this](const auto& source) { return check_syntax(source); })) return first;
  if (!whole([this](const auto& source) {
        return is_library(source.module) || is_behind_another(source.module) ? Result<void>()
                                                                             : load_module(source);
      })) {
    return first;
  }
  // The module behind an owner's one is in force with its settings where another one builds on it.
  if (!whole([this](const auto& source) {
        const bool is_in_force = is_behind_another(source.module) && script_->has_loaded(source.module);
        return is_in_force && !is_library(source.module) ? declare_settings(source) : Result<void>();
      })) {
    return first;
  }
  if (!first || !host().settings) return first;
  if (auto good = settings_.check(*host().settings); !good) {
    const auto name = good.error().message.substr(0, good.error().message.find(':'));
    const auto file = settings_.declared().find(name)->second.module + ".lua";
    if (errors) errors->emplace(file, file + ": " + good.error().message);
    return conflict(file + ": " + good.error().message);
  }
  apply_settings(*host().settings);
  return {};
}

Result<void> LoadedPolicies::check_syntax(const PolicySource& source) {
  LuaStackGuard guard(lua());
  const auto chunk = "=" + source.file;
  if (load_lua_text(lua(), source.text, chunk.c_str()) == 0) return {};
  const char* message = lua_tostring(lua(), -1);
  return invalid_input(message ? message : source.file + ": it cannot be read");
}

Result<void> LoadedPolicies::load_module(const PolicySource& source) {
  LuaStackGuard guard(lua());
  if (auto loaded = script_->require(source.module); !loaded) return loaded;
  if (!lua_istable(lua(), -1)) {
    return invalid_input(source.file + ": it returns " + describe_value(lua(), -1) +
                         ", expected the table of its functions");
  }
  if (auto checked = check_functions(source); !checked) return checked;
  if (auto read = read_data(source); !read) return read;
  return declare_settings(source);
}

// REQUIRES: the module's table is on top of the stack.
Result<void> LoadedPolicies::read_data(const PolicySource& source) {
  if (source.module != "limits") return {};
  auto read = read_limits(lua(), -1, host().settings);
  if (!read) return std::move(read).error().within(source.file);
  limits_ = std::move(*read);
  return {};
}

// REQUIRES: the module's table is on top of the stack.
Result<void> LoadedPolicies::check_functions(const PolicySource& source) {
  const auto known = known_functions(source.module);
  for (const auto name : known) {
    LuaStackGuard guard(lua());
    const int type = raw_field(lua(), -1, name);
    if (type == LUA_TNIL) continue;
    if (type != LUA_TFUNCTION) {
      return invalid_input(source.file + ": " + std::string(name) + " is " + describe_value(lua(), -1) +
                           ", expected a function");
    }
    hook_names_.insert(source.module + "." + std::string(name));
    for (std::size_t at = 0; at < hook_count; ++at) {
      if (names_of_hooks[at].module != source.module || names_of_hooks[at].function != name) continue;
      hooks_[at] = LuaRef(lua(), -1);
      hook_files_[at] = source.file;
      hook_lines_[at] = line_of_function(lua());
    }
  }
  lua_pushnil(lua());
  while (lua_next(lua(), -2) != 0) {
    if (lua_type(lua(), -2) == LUA_TSTRING && lua_isfunction(lua(), -1)) {
      const std::string_view given = lua_tostring(lua(), -2);
      for (const auto name : known) {
        if (given == name || hook_names_.contains(source.module + "." + std::string(name))) continue;
        if (edit_distance(given, name) > 2) continue;
        log_warn("policy has a function with a name near a hook's",
                 {{"file", source.file}, {"function", given}, {"did_you_mean", name}});
      }
    }
    lua_pop(lua(), 1);
  }
  return {};
}

Result<void> LoadedPolicies::declare_settings(const PolicySource& source) {
  LuaStackGuard guard(lua());
  auto lineage = source.module;
  if (is_behind_another(lineage)) lineage = lineage.substr(std::string_view("default.").size());
  if (auto loaded = script_->require(source.module); !loaded) return loaded;
  if (!lua_istable(lua(), -1) || raw_field(lua(), -1, "settings") == LUA_TNIL) return {};
  const auto* settings = host().settings;
  auto declared =
      settings_.declare(lua(), lineage, settings ? settings->own_names : std::span<const std::string_view>());
  if (!declared) return std::move(declared).error().within(source.file);
  return {};
}

void LoadedPolicies::apply_settings(const Settings& settings) {
  LuaStackGuard guard(lua());
  tables_.settings.push(lua());
  settings_.put_values(lua(), settings);
}

void LoadedPolicies::attach(const PolicyHost& host) {
  script_->attach(host);
  if (host.settings) apply_settings(*host.settings);
}

void LoadedPolicies::settings_changed() {
  if (host().settings) apply_settings(*host().settings);
}

void LoadedPolicies::detach() {
  background_.abandon();
  going_on_.clear();
  auto host = script_->host();
  host.loop = nullptr;
  host.http = nullptr;
  host.google = nullptr;
  script_->attach(host);
}

bool LoadedPolicies::has_hook(std::string_view module, std::string_view hook) const {
  return hook_names_.contains(std::string(module) + "." + std::string(hook));
}

std::vector<std::string> LoadedPolicies::hooks_of(std::string_view module) const {
  std::vector<std::string> names;
  for (const auto name : known_functions(module)) {
    if (has_hook(module, name)) names.emplace_back(name);
  }
  return names;
}

std::vector<DeclaredSetting> LoadedPolicies::declared_settings() const {
  std::vector<DeclaredSetting> settings;
  for (const auto& entry : settings_.declared()) settings.push_back(entry.second);
  return settings;
}

std::string LoadedPolicies::title_of(Hook hook) const {
  const auto& file = hook_files_[static_cast<std::size_t>(hook)];
  const auto name = name_of(hook);
  return (file.empty() ? std::string(name.module) + ".lua" : file) + ": " + std::string(name.function);
}

std::string LoadedPolicies::placed(Hook hook, std::string_view message) const {
  constexpr std::string_view prelude = "prelude.lua:";
  if (message.starts_with(prelude)) message.remove_prefix(std::min(message.find(": ") + 2, message.size()));
  if (has_place(message)) return std::string(message);
  const auto at = static_cast<std::size_t>(hook);
  return hook_files_[at] + ":" + std::to_string(hook_lines_[at]) + ": " + std::string(message);
}

LoadedPolicies::ExchangeName LoadedPolicies::enlist(ExchangeObjects& exchange) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(exchanges_.size()));
    exchanges_.emplace_back();
  }
  const auto slot = free_slots_.back();
  free_slots_.pop_back();
  exchanges_[slot].exchange = &exchange;
  return {slot, exchanges_[slot].generation};
}

void LoadedPolicies::strike_off(ExchangeName name) noexcept {
  auto& slot = exchanges_[name.slot];
  slot.exchange = nullptr;
  ++slot.generation;
  free_slots_.push_back(name.slot);
}

void LoadedPolicies::run_to_the_end(Hook hook, int argument_count) {
  const auto number = ++last_number_;
  auto run = script_->run(argument_count, [this, number, hook](lua_State*, const Error* error) {
    if (error) log_error("policy failed", {{"error", placed(hook, error->message)}});
    going_on_.erase(number);
  });
  if (run && going_on_.size() < most_going_on) going_on_.emplace(number, std::move(run));
}

}  // namespace pollux
