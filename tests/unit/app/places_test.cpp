#include "app/places.h"

#include <filesystem>

#include "catch.h"
#include "temporary_folder.h"

using namespace pollux;

TEST_CASE("a program in a build folder finds the repository around it") {
  const TemporaryFolder folder;
  folder.write("policies/keys.lua", "");
  folder.write("web/index.html", "");

  const auto places = find_places("", folder.path("build/pollux"));

  REQUIRE(places);
  CHECK(places->policies == folder.path("policies"));
  CHECK(places->web == folder.path("web"));
}

TEST_CASE("an installed program finds share/pollux beside its bin") {
  const TemporaryFolder folder;
  folder.write("share/pollux/policies/keys.lua", "");

  const auto places = find_places("", folder.path("bin/pollux"));

  REQUIRE(places);
  CHECK(places->policies == folder.path("share/pollux/policies"));
  CHECK(places->web.empty());
}

TEST_CASE("a folder named by the user is the only one looked at") {
  const TemporaryFolder folder;
  folder.write("policies/keys.lua", "");
  folder.write("mine/policies/keys.lua", "");

  const auto found = find_places(folder.path("mine"), folder.path("build/pollux"));
  const auto lost = find_places(folder.path("nowhere"), folder.path("build/pollux"));

  REQUIRE(found);
  CHECK(found->policies == folder.path("mine/policies"));
  REQUIRE_FALSE(lost);
  CHECK(lost.error().message.find(folder.path("nowhere/policies")) != std::string::npos);
}

TEST_CASE("a program without its policies says where it looked") {
  const TemporaryFolder folder;

  const auto places = find_places("", folder.path("bin/pollux"));

  REQUIRE_FALSE(places);
  CHECK(places.error().message ==
        "the shipped policies were not found: looked for " + folder.path("policies") + " and " +
            folder.path("share/pollux/policies") + "; POLLUX_SHARE names the folder that holds them");
}

TEST_CASE("the path of the running program is an existing file") {
  CHECK(std::filesystem::is_regular_file(path_of_program("unknown")));
}
