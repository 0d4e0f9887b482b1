// What an owner says of a client, and whether it can be meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pollux {

// Only what is given changes.
struct ClientPatch {
  using Limit = std::optional<std::int64_t>;  // Nothing: none.

  std::optional<std::string> name;
  std::optional<std::vector<std::string>> tags;
  std::optional<std::vector<std::string>> models;
  std::optional<Limit> rpm, daily_requests, daily_tokens;
  std::optional<std::optional<WallTime>> expires_at;
  std::optional<bool> enabled;
};

// An error begins with the property that is wrong: "rpm: expected a whole number from 1 to ...". Names are
// stripped of the blanks around them, models of "models/" before them, and what stands twice in a list goes.
Result<ClientPatch> checked(ClientPatch patch);

// Whether this can be a client's token. The message does not repeat it.
Result<void> check_token(std::string_view token);

// The last characters of a token that is so long that they tell little; else nothing.
std::string hint_of_token(std::string_view token);

}  // namespace pollux
