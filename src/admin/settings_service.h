// The settings as the administration sees and changes them. `app/live_settings` stands behind it.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pollux {

// One setting, of Pollux itself or of a policy.
struct SettingFacts {
  using Json = nlohmann::ordered_json;

  std::string name;
  Json value;  // In force; secrets masked or counted.
  Json fallback;
  std::string fallback_words;           // Where the default is no value: "by model".
  std::string_view source = "default";  // default, environment, .env, command line, here
  std::string place;                    // Where it is pinned: ".env:3", "environment", "--port".
  bool changeable = true;               // False: read at start only.
  std::string_view type = "text";
  std::vector<std::string> choices;
  Json min, max;     // Of numbers; null: none.
  std::string form;  // Of texts, and of every item of a list: "name=model"; empty: any.
  std::string about;
  std::string group;
  std::string policy;  // "keys.lua"; empty: of Pollux itself.
  std::string error;   // Why what was set here counts for nothing; empty: it counts, or nothing was set.

  bool pinned() const { return !place.empty(); }
};

class SettingsService {
 public:
  struct Refusal {
    int status = 400;
    std::string message, field;
  };
  using Done = std::function<void(std::optional<Refusal>)>;

  virtual ~SettingsService() = default;
  virtual std::vector<SettingFacts> all() const = 0;
  // Names and new values; null or an empty text: back to the default. All or nothing, one change after the
  // other. `done` is called on any thread: without a refusal every worker goes by the new settings, and they
  // are on their way to the disk.
  virtual void change(const nlohmann::ordered_json& wanted, Done done) = 0;
};

}  // namespace pollux
