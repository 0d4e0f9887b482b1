// What the user asked for on the command line, and what --help and --version say.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/settings_reader.h"

namespace pollux {

enum class Command { serve, check, test, list_keys, add_keys, remove_keys };

struct CommandLine {
  Command command = Command::serve;
  std::string folder;  // Of check and test: the owner's policies; empty: as set.
  std::vector<std::string>
      keys;  // Of add_keys: secrets, or "-" for standard input; of remove_keys: ids or names.

  std::map<std::string, std::string, std::less<>> options;  // By setting: --host --port --data.
  std::optional<std::string> env_file, policies, web;
};

// It is all said and the process may end: with --help, --version, or a mistake.
struct CommandLineOver {
  int exit_code = 0;  // 0, or 2 after a mistake.
  std::string text;   // For standard output with 0, else for standard error.
};

std::variant<CommandLine, CommandLineOver> parse_command_line(int argc, const char* const* argv);

std::string help_text();
std::string version_text();

}  // namespace pollux
