#include "app/command_line.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "app/settings_table.h"
#include "catch.h"

using namespace pollux;
using Strings = std::vector<std::string>;

namespace {

std::variant<CommandLine, CommandLineOver> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"pollux"};
  argv.insert(argv.end(), words.begin(), words.end());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

CommandLine said(std::initializer_list<const char*> words) {
  auto parsed = parse(words);
  if (const auto* over = std::get_if<CommandLineOver>(&parsed)) UNSCOPED_INFO(over->text);
  REQUIRE(std::holds_alternative<CommandLine>(parsed));
  return std::get<CommandLine>(parsed);
}

CommandLineOver over(std::initializer_list<const char*> words) {
  auto parsed = parse(words);
  REQUIRE(std::holds_alternative<CommandLineOver>(parsed));
  return std::get<CommandLineOver>(parsed);
}

}  // namespace

TEST_CASE("a command line without a command serves") {
  CHECK(said({}).command == Command::serve);
  CHECK(said({"serve"}).command == Command::serve);
  CHECK(said({"--port", "80"}).command == Command::serve);
}

TEST_CASE("options may stand before or after the command") {
  for (const auto& line :
       {said({"--port", "80", "--host=::1", "serve"}), said({"serve", "--port=80", "--host", "::1"})}) {
    CHECK(line.command == Command::serve);
    CHECK(line.options.at("PORT") == "80");
    CHECK(line.options.at("HOST") == "::1");
  }
}

TEST_CASE("every option has its place") {
  const CommandLine line = said({"--env-file", "a", "--data", "b", "--policies", "c", "--web", "d"});

  CHECK(line.env_file == "a");
  CHECK(line.options.at("DATA_DIR") == "b");
  CHECK(line.policies == "c");
  CHECK(line.web == "d");
}

TEST_CASE("check and test take a folder, or none") {
  CHECK(said({"check"}).command == Command::check);
  CHECK(said({"check"}).folder.empty());
  CHECK(said({"check", "mine"}).folder == "mine");
  CHECK(said({"test", "mine", "--data", "x"}).command == Command::test);
  CHECK(said({"test", "mine"}).folder == "mine");
}

TEST_CASE("keys are listed, added and removed") {
  CHECK(said({"keys"}).command == Command::list_keys);
  CHECK(said({"keys", "list"}).command == Command::list_keys);
  CHECK(said({"keys", "add", "a", "b"}).command == Command::add_keys);
  CHECK(said({"keys", "add", "a", "b"}).keys == Strings{"a", "b"});
  CHECK(said({"keys", "add", "-"}).keys == Strings{"-"});
  CHECK(said({"keys", "remove", "a", "--data", "x"}).command == Command::remove_keys);
  CHECK(said({"keys", "remove", "a", "--data", "x"}).options.at("DATA_DIR") == "x");
}

TEST_CASE("help and version end well, wherever they stand") {
  for (const auto& end :
       {over({"--help"}), over({"-h"}), over({"check", "--help"}), over({"keys", "add", "-h"})}) {
    CHECK(end.exit_code == 0);
    CHECK(end.text == help_text());
  }
  CHECK(over({"--version"}).exit_code == 0);
  CHECK(over({"--version"}).text == version_text());
}

TEST_CASE("a mistake is named and ends with 2") {
  for (const auto& end : {over({"--prot", "80"}), over({"sevre"}), over({"check", "a", "b"}),
                          over({"--port"}), over({"keys", "add"}), over({"serve", "check"})}) {
    CHECK(end.exit_code == 2);
    CHECK(end.text.find("pollux: ") == 0);
    CHECK(end.text.find("See pollux --help.\n") != std::string::npos);
  }
  CHECK(over({"--prot", "80"}).text == "pollux: not understood: --prot 80\nSee pollux --help.\n");
  CHECK(over({"--port"}).text == "pollux: --port needs a value\nSee pollux --help.\n");
  CHECK(over({"keys", "add"}).text == "pollux: KEY is required\nSee pollux --help.\n");
  CHECK(over({"check", "a", "b"}).text == "pollux: not understood: b\nSee pollux --help.\n");
}

TEST_CASE("help names every option and every setting with its sentence") {
  const std::string text = help_text();
  for (const char* option :
       {"--env-file", "--data", "--policies", "--web", "--host", "--port", "--help", "--version"}) {
    CHECK(text.find(option) != std::string::npos);
  }
  for (const Setting& setting : all_settings()) {
    CHECK(text.find("\n  " + std::string(setting.name)) != std::string::npos);
    CHECK(text.find(setting.about) != std::string::npos);
  }
}

TEST_CASE("the version names the libraries") {
  CHECK(version_text().find("pollux ") == 0);
  CHECK(version_text().find("mbedTLS ") != std::string::npos);
  CHECK(version_text().find("LuaJIT ") != std::string::npos);
}
