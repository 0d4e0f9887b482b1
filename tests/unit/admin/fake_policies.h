// Policies of which only the report is asked.
#pragma once

#include "script/policy_library.h"

namespace pollux {

class FakePolicies final : public PolicyLibrary {
 public:
  Result<void> load_at_start() override { return {}; }
  void watch(Loop&) override {}
  void stop_watching() override {}
  Result<void> reload() override { return {}; }
  std::shared_ptr<PolicyState> current(std::size_t, const PolicyHost&) override { return nullptr; }
  void detach(std::size_t) override {}
  PolicyReport report() const override { return now; }
  Result<PolicyText> text(std::string_view) const override { return not_found("nothing"); }
  Result<void> change(std::string_view, std::optional<std::string>, bool) override { return {}; }
  void use_settings(std::shared_ptr<const Settings>) override {}

  PolicyReport now;
};

}  // namespace pollux
