// A setting that a policy declares for itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace pollux {

struct Settings;

// One entry of a module's `settings` table.
struct DeclaredSetting {
  enum class Type { boolean, number, integer, text, list };
  using Value = std::variant<std::monostate, bool, double, std::string, std::vector<std::string>>;

  std::string name;  // "STICKY"
  Type type = Type::text;
  Value fallback;
  std::optional<double> min, max;    // Of numbers.
  std::vector<std::string> choices;  // Of texts, and of every word of a list.
  std::string pattern;               // Of Lua; matches texts, and every word of a list. Empty: anything does.
  std::string form;                  // The same as a person would write it: "name=model".
  std::string about;                 // One sentence.
  std::string module;                // "keys"; for "default.keys" the same.
};

// The value that this text stands for, or what is expected instead.
Result<DeclaredSetting::Value> parse_setting(const DeclaredSetting& setting, std::string_view text);
// What policies see of it with these settings.
DeclaredSetting::Value value_in_force(const DeclaredSetting& setting, const Settings& settings);

}  // namespace pollux
