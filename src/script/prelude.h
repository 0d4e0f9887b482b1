// The Lua texts that are part of the program. Internal to src/script.
#pragma once

#include <string_view>

namespace pollux {

extern const std::string_view policy_prelude;  // prelude.lua
extern const std::string_view test_prelude;    // test_prelude.lua

}  // namespace pollux
