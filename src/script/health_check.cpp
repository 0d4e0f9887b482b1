#include "script/health_check.h"

#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/redact.h"
#include "net/timer.h"
#include "script/exchange_objects.h"

namespace pollux {
namespace {

constexpr std::size_t longest_message = 500;  // Bytes.

class PolicyHealthCheck final : public HealthCheck {
 public:
  using Done = std::function<void(const HealthFinding&)>;

  PolicyHealthCheck(std::shared_ptr<LoadedPolicies> policies, KeyRef key, Done done)
      : policies_(std::move(policies)), key_(std::move(key)), done_(std::move(done)) {}

  // False: it is over.
  bool begin() {
    if (!policies_->function_of(Hook::health_check)) {
      return tell({{}, 0, "no policy can tell: there is no health.lua with a function check"}), false;
    }
    auto* lua = policies_->lua();
    policies_->function_of(Hook::health_check).push(lua);
    push_key(*policies_, lua, policies_->host().pool, key_);
    beginning_ = true;
    run_ = policies_->script().run(1, [this](lua_State* results, const Error* error) {
      auto finding = error ? failure(policies_->placed(Hook::health_check, error->message)) : read(results);
      if (std::exchange(beginning_, false)) {
        early_ = std::move(finding);
      } else {
        tell(finding);
      }
    });
    beginning_ = false;
    if (early_) return tell(*early_), false;
    deadline_.emplace(*policies_->host().loop, [this] {
      run_.reset();
      tell({{}, 0, "health.check took longer than 15 s"});
    });
    deadline_->start(longest);
    return true;
  }

 private:
  void tell(const HealthFinding& finding) {
    auto done = std::move(done_);
    done(finding);  // Which may destroy this.
  }

  static HealthFinding failure(const std::string& message) {
    log_error("policy failed", {{"error", message}});
    return {{}, 0, message};
  }

  // well, message, status
  HealthFinding read(lua_State* results) const {
    lua_settop(results, 3);
    HealthFinding finding;
    if (lua_isboolean(results, 1)) {
      finding.well = lua_toboolean(results, 1) != 0;
    } else if (!lua_isnil(results, 1)) {
      return failure(policies_->title_of(Hook::health_check) + " returned " + describe_value(results, 1) +
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

  static const char* words_for(std::optional<bool> well) {
    if (!well) return "that could not be found out";
    return *well ? "Google accepts this key" : "Google does not accept this key";
  }

  const std::shared_ptr<LoadedPolicies> policies_;
  const KeyRef key_;
  Done done_;
  bool beginning_ = false;
  std::optional<HealthFinding> early_;
  std::unique_ptr<ScriptRun> run_;
  std::optional<Timer> deadline_;
};

}  // namespace

std::unique_ptr<HealthCheck> HealthCheck::start(std::shared_ptr<PolicyState> policies, const KeyRef& key,
                                                std::function<void(const HealthFinding&)> done) {
  // There is no other kind of state.
  auto check = std::make_unique<PolicyHealthCheck>(
      std::static_pointer_cast<LoadedPolicies>(std::move(policies)), key, std::move(done));
  if (!check->begin()) return nullptr;
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
