// What the policies know of models, for the owner: models.overview of a set is asked.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "script/policy_state.h"

namespace pollux {

// One call of models.overview(). Destroying it abandons the call, with its fetches and timers.
class ModelsOverview {
 public:
  static constexpr Milliseconds longest{15'000};

  // On the loop of the worker that the policies belong to. `done` is called once, with the JSON text of the
  // table that the hook returned, from within or later from the loop, and may destroy this. Null: it is over
  // already.
  static std::unique_ptr<ModelsOverview> start(std::shared_ptr<PolicyState> policies,
                                               std::function<void(const Result<std::string>&)> done);
  virtual ~ModelsOverview() = default;
};

}  // namespace pollux
