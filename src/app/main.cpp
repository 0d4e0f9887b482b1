// The command line: what is asked for is read, then done elsewhere.

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

#include "app/command_line.h"
#include "app/keys_command.h"
#include "app/places.h"
#include "app/serve.h"
#include "app/settings_reader.h"
#include "base/clock.h"
#include "base/log_format.h"
#include "script/policy_library.h"

namespace {

using namespace pollux;

constexpr int exit_usage = 2;

bool is_folder(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

SettingsReading read(const CommandLine& said) {
  SettingSources sources;
  sources.options = said.options;
  sources.environment = environment_of_process();
  sources.env_file_must_exist = said.env_file.has_value();
  if (said.env_file) sources.env_file = *said.env_file;
  return read_settings(sources);
}

// Folders that the user named must be there; the others are found.
void settle_folders(const CommandLine& said, const char* argv0, SettingsReading& reading) {
  Settings& settings = reading.settings;
  const auto named = [&reading](const std::string& what, const std::string& folder) {
    if (!is_folder(folder))
      reading.problems.push_back(what + ": found \"" + folder + "\"; expected a folder");
    return folder;
  };
  settings.policies_dir =
      said.policies ? named("--policies", *said.policies) : settings.data_dir + "/policies";
  if (!said.folder.empty()) settings.policies_dir = named("DIR", said.folder);

  const char* const share =
      std::getenv("POLLUX_SHARE");  // NOLINT(concurrency-mt-unsafe): no thread runs yet.
  auto places = find_places(share != nullptr ? share : "", path_of_program(argv0));
  if (!places) {
    reading.problems.push_back(places.error().message);
    return;
  }
  settings.shipped_policies_dir = places->policies;
  settings.web_dir = said.web ? named("--web", *said.web) : places->web;
}

// The log has not begun, so its form is kept here.
void tell(const SettingsReading& reading) {
  std::string lines;
  for (const std::string& warning : reading.warnings) {
    append_log_line(lines, reading.settings.log.json, SystemClock().wall(), LogLevel::warn, warning, {});
  }
  if (!reading.problems.empty()) lines += "pollux: cannot start with these settings:\n";
  for (const std::string& problem : reading.problems) lines += "  " + problem + '\n';
  std::fputs(lines.c_str(), stderr);
}

int run(const CommandLine& said, SettingsReading reading) {
  const Settings& settings = reading.settings;
  const PolicyFolders folders{settings.policies_dir, settings.shipped_policies_dir};
  switch (said.command) {
    case Command::serve:
      return serve(std::move(reading));
    case Command::check:
      return check_policies(folders, settings);
    case Command::test:
      return test_policies(folders, settings);
    case Command::list_keys:
    case Command::add_keys:
    case Command::remove_keys:
      return run_keys_command(said, settings);
  }
  return exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  auto parsed = parse_command_line(argc, argv);
  if (const auto* over = std::get_if<CommandLineOver>(&parsed)) {
    std::fputs(over->text.c_str(), over->exit_code == 0 ? stdout : stderr);
    return over->exit_code;
  }
  const auto& said = std::get<CommandLine>(parsed);
  SettingsReading reading = read(said);
  settle_folders(said, argv[0], reading);
  tell(reading);
  if (!reading.problems.empty()) return exit_usage;
  return run(said, std::move(reading));
}
