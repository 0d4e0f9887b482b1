// What policies see as `settings`: those variables of Pollux that matter to them, and those they declare
// themselves. Internal to src/script.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/settings.h"
#include "script/script_run.h"

namespace pollux {

// One entry of a module's `settings` table.
struct DeclaredSetting {
  enum class Type { boolean, number, integer, text, list };
  using Value = std::variant<std::monostate, bool, double, std::string, std::vector<std::string>>;

  std::string name;  // "STICKY"
  Type type = Type::text;
  Value fallback;
  std::optional<double> min, max;    // Of numbers.
  std::vector<std::string> choices;  // Of texts, and of every word of a list.
  std::string about;                 // One sentence.
  std::string module;                // "keys"; for "default.keys" the same.
};

// The value that this text stands for, or what is expected instead.
Result<DeclaredSetting::Value> parse_setting(const DeclaredSetting& setting, std::string_view text);

class PolicySettings {
 public:
  // Reads the list of declarations on top of the stack (it stays there). Errors name what is wrong, without
  // the file.
  Result<void> declare(lua_State* state, const std::string& module);
  // Puts every variable and declared setting with its value into the table on top of the stack. A text that
  // is no value of its setting leaves the default: check() tells of it.
  void put_values(lua_State* state, const Settings& settings) const;
  // The first declared setting whose given text is none of its values.
  Result<void> check(const Settings& settings) const;
  bool knows(std::string_view name) const;
  const std::map<std::string, DeclaredSetting, std::less<>>& declared() const noexcept { return declared_; }

 private:
  std::map<std::string, DeclaredSetting, std::less<>> declared_;
};

}  // namespace pollux
