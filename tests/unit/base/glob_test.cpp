#include "base/glob.h"

#include <string>

#include "catch.h"

using pollux::matches_glob;

TEST_CASE("a star stands for any characters, also none") {
  CHECK(matches_glob("gemini-*", "gemini-3.8-flash"));
  CHECK(matches_glob("gemini-*", "gemini-"));
  CHECK(matches_glob("*", ""));
  CHECK(matches_glob("*-flash*", "gemini-3.8-flash"));
  CHECK(matches_glob("*-flash*", "gemini-3.8-flash-lite"));
  CHECK(matches_glob("g*-f*h", "gemini-3.8-flash"));
  CHECK(matches_glob("a**b", "ab"));
  CHECK(matches_glob("*ab", "aab"));
}

TEST_CASE("everything else stands for itself, case included") {
  CHECK(matches_glob("gpt-4o", "gpt-4o"));
  CHECK_FALSE(matches_glob("gpt-4o", "gpt-4o-mini"));
  CHECK_FALSE(matches_glob("gpt-4o", "GPT-4o"));
  CHECK_FALSE(matches_glob("gpt-4.", "gpt-4o"));
  CHECK_FALSE(matches_glob("gemini-*-pro", "gemini-3.8-pro-x"));
  CHECK_FALSE(matches_glob("", "x"));
  CHECK(matches_glob("", ""));
}

TEST_CASE("many stars cost no more than both lengths multiplied") {
  std::string pattern;
  for (int number = 0; number < 100; ++number) pattern += "*a";
  CHECK_FALSE(matches_glob(pattern + "b", std::string(250, 'a')));
  CHECK(matches_glob(pattern, std::string(250, 'a')));
}
