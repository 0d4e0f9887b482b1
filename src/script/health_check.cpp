#include "script/health_check.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/redact.h"
#include "script/exchange_objects.h"
#include "script/lone_hook.h"

namespace pollux {
namespace {

constexpr std::size_t longest_message = 500;  // Bytes.

const char* words_for(std::optional<bool> well) {
  if (!well) return "that could not be found out";
  return *well ? "Google accepts this key" : "Google does not accept this key";
}

HealthFinding nothing_found(const std::string& why) {
  return {{}, 0, why};
}

HealthFinding failure(const std::string& message) {
  log_error("policy failed", {{"error", message}});
  return nothing_found(message);
}

// well, message, status
HealthFinding read_finding(const LoadedPolicies& policies, lua_State* results) {
  lua_settop(results, 3);
  HealthFinding finding;
  if (lua_isboolean(results, 1)) {
    finding.well = lua_toboolean(results, 1) != 0;
  } else if (!lua_isnil(results, 1)) {
    return failure(policies.title_of(Hook::health_check) + " returned " + describe_value(results, 1) +
                   ", expected true, false or nil");
  }
  std::size_t size = 0;
  const char* text = lua_type(results, 2) == LUA_TSTRING ? lua_tolstring(results, 2, &size) : nullptr;
  finding.message = redact_keys({text ? text : "", std::min(size, longest_message)});
  const double status = lua_type(results, 3) == LUA_TNUMBER ? lua_tonumber(results, 3) : 0;
  if (status >= 100 && status <= 999) finding.status = static_cast<int>(status);
  if (finding.message.empty()) finding.message = words_for(finding.well);
  return finding;
}

class PolicyHealthCheck final : public HealthCheck {
 public:
  using Done = std::function<void(const HealthFinding&)>;

  PolicyHealthCheck(const std::shared_ptr<LoadedPolicies>& policies, Done done)
      : call_(
            policies, Hook::health_check,
            [&set = *policies](lua_State* results) { return read_finding(set, results); },
            [](const Error& error) {
              return error.kind == Error::Kind::unavailable ? nothing_found(error.message)
                                                            : failure(error.message);
            },
            std::move(done)) {}

  // False: it is over.
  bool begin(LoadedPolicies& policies, const KeyRef& key) {
    return call_.begin([&](lua_State* lua) { return push_key(policies, lua, policies.host().pool, key), 1; },
                       longest);
  }

 private:
  LoneHook<HealthFinding> call_;
};

}  // namespace

std::unique_ptr<HealthCheck> HealthCheck::start(std::shared_ptr<PolicyState> policies, const KeyRef& key,
                                                std::function<void(const HealthFinding&)> done) {
  // There is no other kind of state.
  const auto set = std::static_pointer_cast<LoadedPolicies>(std::move(policies));
  if (!set->function_of(Hook::health_check)) {
    done(nothing_found("no policy can tell: there is no health.lua with a function check"));
    return nullptr;
  }
  auto check = std::make_unique<PolicyHealthCheck>(set, std::move(done));
  if (!check->begin(*set, key)) return nullptr;
  return check;
}

void heed(KeyPool& pool, const Key& key, const HealthFinding& finding) {
  const auto status = pool.status(key.id());
  if (!status || !finding.well) return;
  const auto& profile = status->profile;
  if (!profile.enabled && profile.disabled_by_owner) return;
  const bool is_sick = !profile.enabled || status->cooldown_until.has_value();
  if (*finding.well && is_sick) {
    pool.bring_back(key);
    log_info("key is well again and back on trial", {{"id", key.id()}, {"key", profile.name}});
  } else if (!*finding.well && profile.enabled) {
    pool.disable(key, finding.message);
    log_warn("key disabled: Google refuses it",
             {{"id", key.id()}, {"key", profile.name}, {"reason", finding.message}});
  }
}

}  // namespace pollux
