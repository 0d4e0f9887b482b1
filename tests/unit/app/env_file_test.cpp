#include "app/env_file.h"

#include <string>

#include "catch.h"

using namespace pollux;

namespace {

// The value of the only variable in the text.
std::string value_of(std::string_view text) {
  const EnvFile file = parse_env_file(text);
  REQUIRE(file.flaws.empty());
  REQUIRE(file.lines.size() == 1);
  return file.lines.front().value;
}

// The line of the only flaw in the text.
std::size_t flawed_line(std::string_view text) {
  const EnvFile file = parse_env_file(text);
  REQUIRE(file.flaws.size() == 1);
  return file.flaws.front().line;
}

}  // namespace

TEST_CASE("a line of an env file is a name and a value") {
  const EnvFile file = parse_env_file("PORT=8000\n");

  REQUIRE(file.lines.size() == 1);
  CHECK(file.lines[0].name == "PORT");
  CHECK(file.lines[0].value == "8000");
  CHECK(file.lines[0].line == 1);
}

TEST_CASE("an env file may hold export, blanks, comments and empty lines") {
  const EnvFile file = parse_env_file("# first\n\n  export PORT = 8000  \n\t# more\nHOST=::1");

  REQUIRE(file.lines.size() == 2);
  CHECK(file.lines[0].name == "PORT");
  CHECK(file.lines[0].value == "8000");
  CHECK(file.lines[0].line == 3);
  CHECK(file.lines[1].value == "::1");
  CHECK(file.lines[1].line == 5);
  CHECK(file.flaws.empty());
}

TEST_CASE("an env file may come from Windows") {
  const EnvFile file = parse_env_file("\xEF\xBB\xBFPORT=8000\r\nHOST=\"::1\"\r\n");

  REQUIRE(file.lines.size() == 2);
  CHECK(file.lines[0].name == "PORT");
  CHECK(file.lines[0].value == "8000");
  CHECK(file.lines[1].value == "::1");
}

TEST_CASE("a comment after a value begins with white space") {
  CHECK(value_of("A=b # c") == "b");
  CHECK(value_of("A=b\t#c") == "b");
  CHECK(value_of("A=b#c") == "b#c");
  CHECK(value_of("A=#b") == "#b");
  CHECK(value_of("A= # nothing") == "");
  CHECK(value_of("A='b' # c") == "b");
  CHECK(value_of("A=\"b # c\" # d") == "b # c");
}

TEST_CASE("a value may be empty") {
  CHECK(value_of("A=") == "");
  CHECK(value_of("A=\r\n") == "");
  CHECK(value_of("A=\"\"") == "");
  CHECK(value_of("A=''") == "");
}

TEST_CASE("single quotes keep a value as it stands") {
  CHECK(value_of("A='  b \\n \"c\" $D '") == "  b \\n \"c\" $D ");
  CHECK(value_of("A='one\ntwo'") == "one\ntwo");
}

TEST_CASE("double quotes know escapes") {
  CHECK(value_of(R"(A="one\ntwo\t\"three\" \\ \$ \x")") == "one\ntwo\t\"three\" \\ $ \\x");
}

TEST_CASE("a quoted value may span lines, which are counted on") {
  const EnvFile file = parse_env_file("A=\"one\r\ntwo\"\r\nB=3\r\n");

  REQUIRE(file.lines.size() == 2);
  CHECK(file.lines[0].value == "one\ntwo");
  CHECK(file.lines[1].name == "B");
  CHECK(file.lines[1].line == 3);
}

TEST_CASE("a list in brackets may span lines, bare or in quotes") {
  CHECK(value_of("A=[\"b\",\n  \"c\"\n]") == "[\"b\",\n  \"c\"\n]");
  CHECK(value_of("A='[\n\"b\", \"c\"\n]'") == "[\n\"b\", \"c\"\n]");
  CHECK(value_of("A=\"[\n\\\"b\\\"\n]\"") == "[\n\"b\"\n]");
  CHECK(value_of("A=\"[\n\"b\",\n\"c\"\n]\"") == "[\n\"b\",\n\"c\"\n]");
  CHECK(value_of("A=[\"b]\", 'c'] # two") == "[\"b]\", 'c']");
}

TEST_CASE("quoted items in a row are a list, not a quoted value") {
  CHECK(value_of("A=\"b\", \"c\" # two") == "\"b\", \"c\"");
}

TEST_CASE("a value may hold further equals signs") {
  CHECK(value_of("A=b=c==") == "b=c==");
}

TEST_CASE("what is no assignment is a flaw that names its line") {
  CHECK(flawed_line("A=1\njust words\nB=2") == 2);
  CHECK(flawed_line("A=1\n\n=2") == 3);
  CHECK(flawed_line("two words=1") == 1);
  CHECK(flawed_line("1A=1") == 1);
}

TEST_CASE("a quote or a bracket without its end is a flaw") {
  CHECK(flawed_line("B=1\nA=\"one\nC=2") == 2);
  CHECK(flawed_line("A='one") == 1);
  CHECK(flawed_line("A=[\"one\"\n") == 1);
}

TEST_CASE("lines after a flaw are read all the same") {
  const EnvFile file = parse_env_file("A='one\nB=2\n");

  REQUIRE(file.lines.size() == 2);
  CHECK(file.lines[1].name == "B");
  CHECK(file.lines[1].value == "2");
}

TEST_CASE("exporting a name without a value is no flaw") {
  const EnvFile file = parse_env_file("export A\nB=1\n");

  CHECK(file.flaws.empty());
  REQUIRE(file.lines.size() == 1);
  CHECK(file.lines[0].name == "B");
}

TEST_CASE("a name that comes twice is reported twice, in order") {
  const EnvFile file = parse_env_file("A=1\nA=2");

  REQUIRE(file.lines.size() == 2);
  CHECK(file.lines[1].value == "2");
}

TEST_CASE("any text is read to its end") {
  for (const std::string text : {"=", "[", "\"", "'", "A=\"\\", "A=[\"", "A=['\\", "\xEF\xBB\xBF", "\n\n",
                                 "\r", "export", "A=\"[", "A='[']", "export =", "#", "A=\\"}) {
    CHECK(parse_env_file(text).lines.size() <= 1);
  }
}
