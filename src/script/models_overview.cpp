#include "script/models_overview.h"

#include <utility>

#include "base/log.h"
#include "script/exchange_objects.h"
#include "script/lone_hook.h"

namespace pollux {
namespace {

using Overview = Result<std::string>;

Overview failure(const Error& error) {
  log_error("policy failed", {{"error", error.message}});
  return error;
}

Overview read_overview(const LoadedPolicies& policies, lua_State* results) {
  lua_settop(results, 1);
  const auto title = policies.title_of(Hook::models_overview);
  if (!lua_istable(results, 1))
    return failure(internal_error(title + " returned " + describe_value(results, 1) + ", expected a table"));
  std::string text;
  if (auto encoded = json_encode(results, 1, text); !encoded)
    return failure(internal_error(title + ": " + encoded.error().message));
  return text;
}

class PolicyModelsOverview final : public ModelsOverview {
 public:
  PolicyModelsOverview(const std::shared_ptr<LoadedPolicies>& policies,
                       std::function<void(const Overview&)> done)
      : call_(
            policies, Hook::models_overview,
            [&set = *policies](lua_State* results) { return read_overview(set, results); }, failure,
            std::move(done)) {}

  // False: it is over.
  bool begin() {
    return call_.begin([](lua_State*) { return 0; }, longest);
  }

 private:
  LoneHook<Overview> call_;
};

}  // namespace

std::unique_ptr<ModelsOverview> ModelsOverview::start(std::shared_ptr<PolicyState> policies,
                                                      std::function<void(const Result<std::string>&)> done) {
  // There is no other kind of state.
  const auto set = std::static_pointer_cast<LoadedPolicies>(std::move(policies));
  if (!set->function_of(Hook::models_overview)) {
    done(not_found("no policy can tell: models.lua has no function overview"));
    return nullptr;
  }
  auto call = std::make_unique<PolicyModelsOverview>(set, std::move(done));
  if (!call->begin()) return nullptr;
  return call;
}

}  // namespace pollux
