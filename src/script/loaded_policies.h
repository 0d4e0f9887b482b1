// The one kind of PolicyState: a Script with the objects that policies see, its hooks looked up once, its
// settings. Internal to src/script.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "pool/clients.h"
#include "pool/key_pool.h"
#include "script/background.h"
#include "script/policy_settings.h"
#include "script/policy_state.h"
#include "script/script_run.h"

namespace pollux {

struct ExchangeObjects;

// The hooks that C++ calls, in the order an exchange meets them.
enum class Hook : std::uint8_t {
  identify,
  resolve,
  visible,
  permit,
  models_overview,  // For the administration, outside of any exchange.
  select,
  judge,
  transform_request,
  transform_response,
  health_check,
  record_done,
  openai_model,  // Of a dialect, in the order of DialectHook.
  openai_request,
  openai_response,
  openai_event,
  openai_error,
  anthropic_model,
  anthropic_request,
  anthropic_response,
  anthropic_event,
  anthropic_error
};
inline constexpr std::size_t hook_count = 21;

enum class DialectHook : std::uint8_t { model, request, response, event, error };
// `dialect` is "openai" or "anthropic".
Hook hook_of(std::string_view dialect, DialectHook hook) noexcept;

struct HookName {
  std::string_view module, function;
};
HookName name_of(Hook hook) noexcept;

class LoadedPolicies final : public PolicyState {
 public:
  // The objects are there, no policy is loaded yet.
  static Result<std::unique_ptr<LoadedPolicies>> create(const PolicySources& sources, const PolicyHost& host,
                                                        const PolicyLimits& limits);
  ~LoadedPolicies() override;

  // Checks the syntax of every file and loads every hook module. Goes on after an error if `errors` is given,
  // which then holds all of them by file; the first one is returned.
  using ErrorsByFile = std::map<std::string, std::string, std::less<>>;
  Result<void> load_modules(const PolicySources& sources, ErrorsByFile* errors = nullptr);

  void attach(const PolicyHost& host) override;
  void settings_changed() override;
  void detach() override;
  bool has_hook(std::string_view module, std::string_view hook) const override;
  std::vector<std::string> hooks_of(std::string_view module) const override;
  std::vector<DeclaredSetting> declared_settings() const override;
  std::size_t memory_in_use() const override { return script_->memory_in_use(); }
  std::shared_ptr<const LimitTable> limits() const override { return limits_; }

  Script& script() noexcept { return *script_; }
  BackgroundRuns& background() noexcept { return background_; }
  lua_State* lua() noexcept { return script_->lua(); }
  const PolicyHost& host() const noexcept { return script_->host(); }
  // Puts the values of the settings where policies find them.
  void apply_settings(const Settings& settings);
  bool knows_setting(std::string_view name) const { return settings_.knows(name); }

  // Null reference: no policy has this hook.
  const LuaRef& function_of(Hook hook) const noexcept { return hooks_[static_cast<std::size_t>(hook)]; }
  // "keys.lua: select"
  std::string title_of(Hook hook) const;
  // The error of a hook as "keys.lua:7: ...". Lua forgets the line of a `return f(...)`: then it is the
  // hook's own.
  std::string placed(Hook hook, std::string_view message) const;

  // Exchanges are named by slot and generation in what policies hold: see exchange_objects.h.
  struct ExchangeName {
    std::uint32_t slot = 0, generation = 0;
  };
  ExchangeName enlist(ExchangeObjects& exchange);
  void strike_off(ExchangeName name) noexcept;
  ExchangeObjects* find(ExchangeName name) const noexcept {
    return name.slot < exchanges_.size() && exchanges_[name.slot].generation == name.generation
               ? exchanges_[name.slot].exchange
               : nullptr;
  }

  // Runs the function on lua()'s stack as Script::run does. One that waits goes on after its exchange, until
  // it ends or the set is dropped; a failure is logged.
  void run_to_the_end(Hook hook, int argument_count);

  // What the types of objects and the prelude keep here.
  struct ObjectTables {
    LuaRef request, headers, attempt, response, pool, key, client;  // Metatables.
    LuaRef keys, clients;                                           // Weak, by id.
    LuaRef denial, verdict, own_key, reply, again;                  // Metatables of the prelude.
    LuaRef settings;                                                // The values, by name.
  };
  ObjectTables& tables() noexcept { return tables_; }

 private:
  explicit LoadedPolicies(std::unique_ptr<Script> script)
      : script_(std::move(script)), background_(*script_) {}
  Result<void> check_syntax(const PolicySource& source);
  Result<void> load_module(const PolicySource& source);
  Result<void> check_functions(const PolicySource& source);
  Result<void> declare_settings(const PolicySource& source);
  Result<void> read_data(const PolicySource& source);

  struct Slot {
    std::uint32_t generation = 0;
    ExchangeObjects* exchange = nullptr;
  };

  std::unique_ptr<Script> script_;  // First: the references below die before it.
  BackgroundRuns background_;
  ObjectTables tables_;
  PolicySettings settings_;
  std::shared_ptr<const LimitTable> limits_;
  std::array<LuaRef, hook_count> hooks_;
  std::array<std::string, hook_count> hook_files_;
  std::array<int, hook_count> hook_lines_{};
  std::unordered_set<std::string> hook_names_;  // "dialects/openai.event"
  std::vector<Slot> exchanges_;
  std::vector<std::uint32_t> free_slots_;
  std::map<std::uint64_t, std::unique_ptr<ScriptRun>> going_on_;
  std::uint64_t last_number_ = 0;
};

}  // namespace pollux
