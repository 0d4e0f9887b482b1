// What policies see as `settings`: those variables of Pollux that matter to them, and those they declare
// themselves. Internal to src/script.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "script/declared_setting.h"
#include "script/script_run.h"

namespace pollux {

class PolicySettings {
 public:
  // Reads the list of declarations on top of the stack (it stays there); none may have one of the names that
  // are `taken`. Errors name what is wrong, without the file.
  Result<void> declare(lua_State* state, const std::string& module, std::span<const std::string_view> taken);
  // Puts every variable and declared setting with its value into the table on top of the stack. A text that
  // is no value of its setting leaves the default: check() tells of it, if it came with the start.
  void put_values(lua_State* state, const Settings& settings) const;
  // The first declared setting whose given text is none of its values.
  Result<void> check(const Settings& settings) const;
  bool knows(std::string_view name) const;
  const std::map<std::string, DeclaredSetting, std::less<>>& declared() const noexcept { return declared_; }

 private:
  std::map<std::string, DeclaredSetting, std::less<>> declared_;
};

}  // namespace pollux
