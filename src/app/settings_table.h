// All settings, once: what is read, what --help and the administration show, and what docs/configuration.md
// must name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/setting_kinds.h"
#include "base/settings.h"

namespace pollux {

enum class Change { at_start_only, while_running };

struct Setting {
  std::string_view name;
  std::string_view aliases;   // Parted by commas: names under which other proxies know it.
  std::string_view fallback;  // As a person reads it; the value itself is the field's default in Settings.
  std::string_view about;     // One sentence, with the unit.
  bool is_secret = false;     // Then the text is shown masked only.
  SettingKind kind;
  std::string_view group;  // The heading it stands under.
  Change change = Change::at_start_only;
};

// In the order of the reference page.
std::span<const Setting> all_settings();

// The setting of that main name or alias; null if there is none.
const Setting* find_setting(std::string_view name);
std::vector<std::string_view> aliases_of(const Setting& setting);
std::vector<std::string_view> choices_of(const Setting& setting);
// Of all settings, main names and aliases.
std::span<const std::string_view> all_setting_names();

// "MAX_RETRIES" for "MAX_RETRY": the setting or alias that was probably meant, or empty. REQUIRES: not a
// known name.
std::string_view nearest_setting(std::string_view unknown_name);

}  // namespace pollux
