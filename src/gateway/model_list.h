// Google's list of models, in its own shape or in that of its OpenAI prefix, less those that the policy
// `models.visible` hides from a client.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "script/policy_exchange.h"

namespace pollux {

class ModelList {
 public:
  // Null if the text is neither {"models": [...]} nor {"data": [...]}.
  static std::unique_ptr<ModelList> read(std::string_view text);
  virtual ~ModelList() = default;

  // Asks the policy about each model in turn. `done` gets the list that is left; REQUIRES: `policies` and
  // this outlive the call.
  virtual void filter(PolicyExchange& policies,
                      std::function<void(std::variant<std::string, PolicyFailure>)> done) = 0;
  // Whether anything was hidden: an unchanged list is passed on byte for byte.
  virtual bool changed() const = 0;
};

}  // namespace pollux
