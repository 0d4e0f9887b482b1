// From what a user wrote to Settings: the command line over the environment over .env.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/settings.h"

namespace pollux {

struct SettingSources {
  // What the command line says, by the setting's main name: {"PORT", "8000"}.
  std::map<std::string, std::string, std::less<>> options;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string env_file = ".env";
  bool env_file_must_exist = false;        // It was named by the user.
  std::string usual_key_file = "key.txt";  // Read where KEY_FILE is not set and it exists.
};

// Where the value of a setting in force was set.
struct SettingOrigin {
  enum class Source { command_line, environment, env_file } source;
  std::string place;  // "--port", "environment", ".env:3"
};

struct SettingsReading {
  Settings settings;
  // Of all that was set, by main name; and of what policies may have declared.
  std::map<std::string, SettingOrigin, std::less<>> origins;
  // Each a whole line, secrets masked. With any problem the settings are not to be used.
  std::vector<std::string>
      problems;  // "PORT (.env:3): found \"eighty\"; expected a whole number from 0 to 65535"
  std::vector<std::string> warnings;  // "MAX_RETRY is not a setting; did you mean MAX_RETRIES?"
};

// Where nothing is set.
Settings default_settings();

SettingsReading read_settings(const SettingSources& sources);

// This process's environment.
std::vector<std::pair<std::string, std::string>> environment_of_process();

}  // namespace pollux
