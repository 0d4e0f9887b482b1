#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <array>
#include <string_view>

#include "app/settings_table.h"
#include "version.h"

namespace pollux {
namespace {

struct Option {
  std::string_view flag, placeholder, about;
};

constexpr Option env_file_option{"--env-file", "FILE", "Settings to read instead of .env."};
constexpr Option policies_option{"--policies", "DIR",
                                 "Your policies; by default \"policies\" in the data folder."};
constexpr Option web_option{"--web", "DIR", "The dashboard's files, in place of the shipped ones."};
struct SettingOption {
  Option option;
  std::string_view setting;
};
constexpr std::array setting_options{
    SettingOption{{"--data", "DIR", "The data folder (DATA_DIR)."}, "DATA_DIR"},
    SettingOption{{"--host", "ADDRESS", "The address to listen on (HOST)."}, "HOST"},
    SettingOption{{"--port", "NUMBER", "The port to listen on (PORT)."}, "PORT"},
};

struct CommandHelp {
  std::string_view usage, about;
};
constexpr std::array commands{
    CommandHelp{"serve", "Answers requests until it is stopped. This is the default."},
    CommandHelp{"check [DIR]", "Loads the policies and says what is wrong with them."},
    CommandHelp{"test [DIR]", "Runs the tests of the policies (*_test.lua)."},
    CommandHelp{"keys list", "Shows the keys in the data folder."},
    CommandHelp{"keys add KEY...", "Adds keys; \"-\" reads them from standard input."},
    CommandHelp{"keys remove ID...", "Removes keys, by id or name."},
};

// Two columns; a left side that is too long takes a line of its own.
void add_row(std::string& text, std::string_view left, std::string_view right) {
  constexpr std::size_t column = 24;
  std::string line = "  " + std::string(left);
  if (line.size() + 2 > column) {
    text += line + '\n';
    line.clear();
  }
  line.resize(column, ' ');
  text += line + std::string(right) + '\n';
}

void add_option_row(std::string& text, const Option& option) {
  add_row(text, std::string(option.flag) + ' ' + std::string(option.placeholder), option.about);
}

void add_setting_rows(std::string& text, const Setting& setting) {
  add_row(text, setting.name, setting.about);
  if (!setting.fallback.empty()) add_row(text, "", "Default: " + std::string(setting.fallback) + ".");
  std::string aliases;
  for (const std::string_view alias : aliases_of(setting)) {
    aliases += (aliases.empty() ? "" : ", ") + std::string(alias);
  }
  if (!aliases.empty()) add_row(text, "", "Also: " + aliases + ".");
}

CommandLineOver mistake(const std::string& what) {
  return {2, "pollux: " + what + "\nSee pollux --help.\n"};
}

// Declares what can be said and fills `said` while CLI11 parses.
class Grammar {
 public:
  explicit Grammar(CommandLine& said) : said_(said) {
    app_.set_help_flag();  // Ours is written by hand.
    app_.add_flag("-h,--help", help);
    app_.add_flag("-V,--version", version);
    add(env_file_option, said.env_file);
    add(policies_option, said.policies);
    add(web_option, said.web);
    for (const SettingOption& option : setting_options) {
      app_.add_option_function<std::string>(std::string(option.option.flag),
                                            [this, setting = option.setting](const std::string& value) {
                                              said_.options[std::string(setting)] = value;
                                            });
    }
    app_.require_subcommand(0, 1);
    add_command(app_, "serve", Command::serve);
    add_command(app_, "check", Command::check).add_option("dir", said.folder);
    add_command(app_, "test", Command::test).add_option("dir", said.folder);
    CLI::App& keys = add_command(app_, "keys", Command::list_keys);
    keys.require_subcommand(0, 1);
    add_command(keys, "list", Command::list_keys);
    add_command(keys, "add", Command::add_keys).add_option("KEY", said.keys)->required();
    add_command(keys, "remove", Command::remove_keys).add_option("ID", said.keys)->required();
  }

  void parse(int argc, const char* const* argv) {
    app_.parse(argc, argv);
    for (const auto& [sub, command] : commands_) {
      if (sub->parsed()) said_.command = command;  // "keys" stands before "keys add", which is meant then.
    }
  }

  // What is no option and no argument of the command, in its order.
  std::string not_understood() const {
    std::string words;
    for (const std::string& word : app_.remaining(/*recurse=*/true))
      words += (words.empty() ? "" : " ") + word;
    return words;
  }

  bool help = false, version = false;

 private:
  void add(const Option& option, std::optional<std::string>& into) {
    app_.add_option_function<std::string>(std::string(option.flag),
                                          [&into](const std::string& value) { into = value; });
  }

  CLI::App& add_command(CLI::App& parent, const char* name, Command command) {
    CLI::App& sub = *parent.add_subcommand(name);
    sub.fallthrough();  // Options may stand before or after the command.
    commands_.emplace_back(&sub, command);
    return sub;
  }

  CommandLine& said_;
  CLI::App app_;
  std::vector<std::pair<const CLI::App*, Command>> commands_;
};

}  // namespace

std::variant<CommandLine, CommandLineOver> parse_command_line(int argc, const char* const* argv) {
  CommandLine said;
  Grammar grammar(said);
  try {
    grammar.parse(argc, argv);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view text = error.what();  // "--port: 1 required TEXT missing"
    return mistake(std::string(text.substr(0, text.find(':'))) + " needs a value");
  } catch (const CLI::ParseError& error) {
    if (grammar.help) return CommandLineOver{0, help_text()};
    const std::string unknown = grammar.not_understood();
    return mistake(unknown.empty() ? error.what() : "not understood: " + unknown);
  }
  if (grammar.help) return CommandLineOver{0, help_text()};
  if (grammar.version) return CommandLineOver{0, version_text()};
  return said;
}

std::string help_text() {
  std::string text =
      "Pollux " POLLUX_VERSION ": one address for the Gemini API, paid for by a pool of keys.\n\n";
  text += "Usage: pollux [COMMAND] [OPTIONS]\n\nCommands\n";
  for (const CommandHelp& command : commands) add_row(text, command.usage, command.about);
  text += "\nOptions\n";
  add_option_row(text, env_file_option);
  for (const SettingOption& option : setting_options) add_option_row(text, option.option);
  add_option_row(text, policies_option);
  add_option_row(text, web_option);
  add_row(text, "-h, --help", "This text.");
  add_row(text, "-V, --version", "The version, and those of the libraries.");
  text +=
      "\nSettings are environment variables, or lines NAME=value of a file .env in the current folder.\n"
      "Options win over the environment, and that over .env.\n\n";
  for (const Setting& setting : all_settings()) add_setting_rows(text, setting);
  text += "\nExit codes: 0 all went well, 1 something failed, 2 the command line or a setting is wrong.\n";
  return text;
}

std::string version_text() {
  return "pollux " POLLUX_VERSION "\n" POLLUX_LIBRARIES "\n";
}

}  // namespace pollux
