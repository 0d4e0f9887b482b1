// Is a key well? health.check of a set of policies is asked, and the pool hears of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "pool/key_pool.h"
#include "script/policy_state.h"

namespace pollux {

struct HealthFinding {
  std::optional<bool> well;  // Nothing: that could not be found out now.
  int status = 0;            // Of Google's answer; 0: none came.
  std::string message;       // For people, without secrets.
};

// One call of health.check(key). Destroying it abandons the call, with its fetches and timers.
class HealthCheck {
 public:
  static constexpr Milliseconds longest{15'000};  // Then nothing was found out.

  // On the loop of the worker that the policies belong to. `done` is called once, from within or later from
  // the loop, and may destroy this. Null: it is over already.
  static std::unique_ptr<HealthCheck> start(std::shared_ptr<PolicyState> policies, const KeyRef& key,
                                            std::function<void(const HealthFinding&)> done);
  virtual ~HealthCheck() = default;
};

// A well key comes back if it was put away or at rest as a whole, on trial; one that Google refuses is put
// away. A key that a person has disabled stays as it is, and so does any of which nothing was found out.
void heed(KeyPool& pool, const Key& key, const HealthFinding& finding);

}  // namespace pollux
