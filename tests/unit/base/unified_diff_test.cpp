#include "base/unified_diff.h"

#include <random>
#include <sstream>
#include <vector>

#include "catch.h"

using namespace pollux;

namespace {

std::string diff(const std::string& one, const std::string& other) {
  return unified_diff(one, other, "a", "b");
}

// What `patch` makes of the old text: every line of a hunk must stand where the hunk says.
std::string patched(const std::string& old_text, const std::string& patch) {
  std::vector<std::string> lines;
  std::istringstream old(old_text);
  for (std::string line; std::getline(old, line);) lines.push_back(line + "\n");
  if (!old_text.empty() && old_text.back() != '\n') lines.back().pop_back();
  std::string made, last_kept;
  std::size_t at = 0;
  std::istringstream stream(patch);
  std::string line;
  while (std::getline(stream, line)) {
    if (line.starts_with("--- ") || line.starts_with("+++ ")) continue;
    if (line.starts_with("@@ -")) {
      const auto comma = line.find_first_of(", ", 4);
      const auto first = std::stoul(line.substr(4, comma - 4));
      const bool is_empty = line.substr(comma).starts_with(",0 ");
      while (at + 1 < first + (is_empty ? 1 : 0)) made += lines.at(at++);
    } else if (line.starts_with("\\")) {
      if (!made.empty() && last_kept != "-") made.pop_back();
    } else {
      if (line[0] != '+') {
        const auto& expected = lines.at(at++);
        CHECK(expected.substr(0, expected.find('\n')) == line.substr(1));
      }
      if (line[0] != '-') made += line.substr(1) + "\n";
      last_kept = line.substr(0, 1);
    }
  }
  while (at < lines.size()) made += lines[at++];
  return made;
}

}  // namespace

TEST_CASE("texts that are the same have no diff") {
  CHECK(diff("", "").empty());
  CHECK(diff("a\nb\n", "a\nb\n").empty());
}

TEST_CASE("a changed line stands between three lines that stay") {
  CHECK(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n") ==
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST_CASE("changes far apart are hunks of their own, near ones share one") {
  std::string one, near, far;
  for (int line = 1; line <= 30; ++line) {
    one += std::to_string(line) + "\n";
    near += (line == 5 || line == 12 ? "x" : std::to_string(line)) + "\n";
    far += (line == 5 || line == 13 ? "x" : std::to_string(line)) + "\n";
  }
  const auto hunks = [](const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find("\n@@"); at != std::string::npos; at = text.find("\n@@", at + 1)) ++count;
    return count;
  };
  CHECK(hunks(diff(one, near)) == 1);
  CHECK(hunks(diff(one, far)) == 2);
  CHECK(diff(one, far).find("@@ -10,7 +10,7 @@") != std::string::npos);
}

TEST_CASE("a beginning, an end and a missing line end are told as diff tells them") {
  CHECK(diff("", "a\n") == "--- a\n+++ b\n@@ -0,0 +1 @@\n+a\n");
  CHECK(diff("a\n", "") == "--- a\n+++ b\n@@ -1 +0,0 @@\n-a\n");
  CHECK(diff("a\n", "a") == "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
  CHECK(diff("a\nb", "a\nc") ==
        "--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of "
        "file\n");
}

TEST_CASE("the old text and its diff give the new text, whatever the two are") {
  std::minstd_rand random(2026);
  const auto text = [&random](std::size_t most) {
    std::string made;
    for (auto lines = random() % most; lines > 0; --lines)
      made += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
    if (!made.empty() && random() % 5 == 0) made.pop_back();
    return made;
  };
  for (int round = 0; round < 2000; ++round) {
    const auto one = text(30), other = text(30);
    INFO(one << "--\n" << other);
    REQUIRE(patched(one, diff(one, other)) == other);
  }
}

TEST_CASE("texts with nothing in common are told as one change, in bounded time and memory") {
  std::string one = "same\n", other = "same\n";
  for (int line = 0; line < 100'000; ++line) {
    one += "a" + std::to_string(line) + "\n";
    other += "b" + std::to_string(line) + "\n";
  }
  const auto text = diff(one, other);
  CHECK(text.starts_with("--- a\n+++ b\n@@ -1,100001 +1,100001 @@\n same\n-a0\n-a1\n"));
}
