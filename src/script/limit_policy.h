// policies/limits.lua: what is known beforehand of Google's limits, as data. Internal to src/script.
#pragma once

#include <memory>

#include "base/settings.h"
#include "pool/quota_limits.h"
#include "script/script_run.h"

namespace pollux {

// Reads the table at `index`: { tiers = {"tier1", "free"}, free = {["gemini-*"] = {rpm = 5}}, any = {} }.
// Errors name the wrong entry: `free["gemini-*"].rpm is "5", expected a whole number from 0`. Runs no Lua,
// and raises no error.
Result<std::shared_ptr<const LimitTable>> read_limits(lua_State* state, int index, const Settings* settings);

// DEFAULT_RPM_LIMIT and DEFAULT_RPD_LIMIT: for models of which limits.lua says nothing.
Limits fallback_limits(const Settings* settings);
// Those alone: where there is no limits.lua.
std::shared_ptr<const LimitTable> default_limits(const Settings* settings);

}  // namespace pollux
