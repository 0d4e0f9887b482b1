// Owner's files, as the administration writes and removes them.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "library_world.h"

using namespace pollux;

namespace {

std::string changed(Library& library, const std::string& file, std::optional<std::string> text,
                    bool only_check = false) {
  const auto done = library.library->change(file, std::move(text), only_check);
  return done ? "good" : done.error().message;
}

std::string on_disk(const Library& library, const std::string& file) {
  std::ifstream stream(library.owners.at("policies/" + file));
  if (!stream) return "nothing";
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::size_t entries_of(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("a name for a policy neither climbs nor hides") {
  for (const auto* good : {"keys.lua", "dialects/openai.lua", "a/b/c/my-own_2.lua"})
    CHECK(check_policy_name(good));
  for (const auto* bad :
       {"", ".lua", "keys", "keys.txt", "../keys.lua", "a/../keys.lua", "/etc/keys.lua", "a//keys.lua",
        "./keys.lua", ".hidden.lua", "a/.git/keys.lua", "keys.backup.lua", "keys_test.lua", "a\\keys.lua",
        "k\nys.lua", "kéys.lua", "#keys.lua", "a/b/c/d/e/f/g/h/keys.lua", "con keys.lua"}) {
    INFO(bad);
    CHECK_FALSE(check_policy_name(bad));
  }
  CHECK_FALSE(check_policy_name("default/keys.lua"));
  CHECK_FALSE(check_policy_name(std::string(300, 'k') + ".lua"));
  CHECK_FALSE(check_policy_name(std::string("keys\0.lua", 9)));
}

TEST_CASE("an owner's file in the place of what is shipped is told to be useless, and can be removed") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.owners.write("policies/default/auth.lua", saying("useless"));
  REQUIRE(library.at_start() == "good");
  REQUIRE(changed(library, "auth.lua", "return require 'default.auth'") == "good");
  CHECK(library.said() == "shipped");

  const auto useless = file_of(library.library->report(), "default/auth.lua");
  CHECK(useless.is_owners);
  CHECK(useless.error == "default/auth.lua: nothing reads it, for default/ is reserved for what is shipped");
  CHECK(library.library->report().error.empty());
  CHECK(library.library->text("default/auth.lua")->text == saying("useless"));
  CHECK(library.library->text("auth.lua")->shipped == saying("shipped"));

  CHECK(changed(library, "default/auth.lua", std::nullopt) == "good");
  CHECK(on_disk(library, "default/auth.lua") == "nothing");
  CHECK(library.library->report().files.size() == 1);
}

TEST_CASE("a written policy is on disk and in force in every worker at once") {
  Library library(3);
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  CHECK(changed(library, "auth.lua", saying("mine")) == "good");
  CHECK(on_disk(library, "auth.lua") == saying("mine"));
  for (const std::size_t worker : {0U, 1U, 2U}) CHECK(library.said(worker) == "mine");
  CHECK(library.library->report().version == 2);
  CHECK(file_of(library.library->report(), "auth.lua").overrides);
  CHECK(entries_of(library.owners.at("policies")) == 1);

  const auto text = library.library->text("auth.lua");
  REQUIRE(text);
  CHECK(text->text == saying("mine"));
  CHECK(text->shipped == saying("shipped"));

  CHECK(changed(library, "auth.lua", std::nullopt) == "good");
  CHECK(library.said() == "shipped");
  CHECK(on_disk(library, "auth.lua") == "nothing");
  CHECK(library.library->text("auth.lua")->shipped == saying("shipped"));
}

TEST_CASE("folders that are missing are made, and a file keeps its mode") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  std::filesystem::remove(library.owners.at("policies"));
  REQUIRE(library.at_start() == "good");
  CHECK(changed(library, "dialects/anthropic.lua", "return {}") == "good");
  const auto path = library.owners.at("policies/dialects/anthropic.lua");
  ::chmod(path.c_str(), 0600);
  CHECK(changed(library, "dialects/anthropic.lua", "return { }") == "good");
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("a policy that does not load is refused with file and line, and nothing is written") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.shipped.write(
      "other.lua", "local auth = require 'auth'\nif not auth.identify then error('no auth') end\nreturn {}");
  REQUIRE(library.at_start() == "good");
  CHECK(changed(library, "auth.lua", "\n\nreturn {identify = }") == "auth.lua:3: unexpected symbol near '}'");
  CHECK(changed(library, "auth.lua", "return {}") == "other.lua:2: no auth");
  CHECK(changed(library, "auth.lua", std::string(1024 * 1024 + 1, ' ')) ==
        "auth.lua: it is larger than 1 MiB");
  CHECK(on_disk(library, "auth.lua") == "nothing");
  CHECK(library.said() == "shipped");
  CHECK(library.library->report().version == 1);
  CHECK(library.library->report().error.empty());
}

TEST_CASE("a check alone changes nothing") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  CHECK(changed(library, "auth.lua", saying("mine"), true) == "good");
  CHECK(changed(library, "auth.lua", "return", true) != "good");
  CHECK(on_disk(library, "auth.lua") == "nothing");
  CHECK(library.said() == "shipped");
}

TEST_CASE("what others need is not removed") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.write_owners("words.lua", "return {word = 'mine'}");
  library.write_owners("auth.lua", saying("x").replace(saying("x").find("'x'"), 3, "(require 'words').word"));
  library.write_owners("keys.lua", "require 'words' return {}");
  REQUIRE(library.at_start() == "good");
  CHECK(changed(library, "words.lua", std::nullopt).starts_with("keys.lua:1: "));
  CHECK(on_disk(library, "words.lua") != "nothing");
  CHECK(changed(library, "nothing.lua", std::nullopt) == "there is no nothing.lua of the owner's");
}

TEST_CASE("two bad files can be put right one after the other, and a good one be saved meanwhile") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  library.write_owners("auth.lua", "return {");
  library.write_owners("keys.lua", "return [");
  REQUIRE(library.reload() != "good");
  CHECK(changed(library, "models.lua", "return }").starts_with("auth.lua:1:"));
  CHECK(on_disk(library, "models.lua") == "nothing");
  CHECK(changed(library, "models.lua", "return {}") == "good");
  CHECK(library.library->report().error.starts_with("auth.lua:1:"));
  CHECK(changed(library, "auth.lua", saying("mine")) == "good");
  CHECK(library.library->report().error.starts_with("keys.lua:1:"));
  CHECK(library.said() == "shipped");
  CHECK(changed(library, "keys.lua", std::nullopt) == "good");
  CHECK(library.library->report().error.empty());
  CHECK(library.said() == "mine");
}

TEST_CASE("links lead nobody out of the owner's folder") {
  Library library;
  TemporaryFolder elsewhere;
  library.shipped.write("auth.lua", saying("shipped"));
  elsewhere.write("target.lua", "return {}");
  std::filesystem::create_directory_symlink(elsewhere.path, library.owners.at("policies/out"));
  std::filesystem::create_symlink(elsewhere.at("target.lua"), library.owners.at("policies/linked.lua"));
  REQUIRE(library.at_start() == "good");
  for (const auto* file : {"out/new.lua", "out/target.lua", "linked.lua"}) {
    INFO(file);
    CHECK(changed(library, file, "return { }").find("a symbolic link or a file stands in the way") !=
          std::string::npos);
  }
  CHECK(entries_of(elsewhere.path) == 1);
  std::ifstream target(elsewhere.at("target.lua"));
  std::string text;
  std::getline(target, text);
  CHECK(text == "return {}");
}

TEST_CASE("a folder that cannot be written to is told, and leaves nothing behind") {
  if (::geteuid() == 0) return;  // Root writes everywhere.
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  ::chmod(library.owners.at("policies").c_str(), 0500);
  CHECK(changed(library, "auth.lua", saying("mine")) == "auth.lua: it cannot be written: Permission denied");
  ::chmod(library.owners.at("policies").c_str(), 0700);
  CHECK(library.said() == "shipped");
}

TEST_CASE("owner's and shipped policies in one folder are not written") {
  TemporaryFolder shipped;
  shipped.write("auth.lua", saying("shipped"));
  PolicyWorld world;
  const auto library = PolicyLibrary::create({shipped.path.string(), shipped.path.string()}, 1, world.host);
  REQUIRE(library->load_at_start());
  CHECK_FALSE(library->change("auth.lua", saying("mine"), false));
  CHECK(library->text("auth.lua")->text == saying("shipped"));
}

TEST_CASE("the watch loads no second time what was written here, and still sees an editor's change") {
  Loop loop;
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  library.library->watch(loop);
  CHECK(library.comes_to_say(loop, "shipped"));
  for (int round = 2; round < 6; ++round) {
    REQUIRE(changed(library, "auth.lua", saying(std::to_string(round))) == "good");
    for (int turn = 0; turn < 60; ++turn) {
      uv_run(loop.uv(), UV_RUN_NOWAIT);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(library.library->report().version == static_cast<std::uint64_t>(round));
  }
  library.write_owners("auth.lua", saying("an editor"));
  CHECK(library.comes_to_say(loop, "an editor"));
  library.library->stop_watching();
}

TEST_CASE("the report tells hooks and declared settings of the set in force") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.shipped.write(
      "keys.lua",
      "return {select = function() end, settings = {{name = 'STICKY', type = 'boolean', default = "
      "true, about = 'Stays.'}}}");
  REQUIRE(library.at_start() == "good");
  const auto keys = file_of(library.library->report(), "keys.lua");
  REQUIRE(keys.settings.size() == 1);
  CHECK(keys.settings.front().name == "STICKY");
  CHECK(keys.hooks == std::vector<std::string>{"select"});
  library.write_owners("auth.lua", "return {");
  REQUIRE(library.reload() != "good");
  CHECK(file_of(library.library->report(), "keys.lua").settings.size() == 1);
}

TEST_CASE("new settings reach the states that come, the limits of the pool, and those who ask for them") {
  Library library;
  library.shipped.write("auth.lua",
                        "return {identify = function() return deny(499, tostring(settings.MAX_RETRIES) .. "
                        "settings.WORD) end, settings = {{name = 'WORD', type = 'string', default = 'old', "
                        "choices = {'old', 'new'}, about = 'A word.'}}}");
  REQUIRE(library.at_start() == "good");
  CHECK(library.said() == "3old");
  auto settings = std::make_shared<Settings>(library.world.settings);
  settings->max_retries = 7;
  settings->given_here["WORD"] = "new";
  library.library->use_settings(settings);
  library.world.settings = *settings;
  library.world.state->settings_changed();
  CHECK(library.said() == "7new");
  settings = std::make_shared<Settings>(*settings);
  settings->given_here["WORD"] = "neither";  // Of an older set: it counts for nothing, and stops no load.
  library.library->use_settings(settings);
  library.world.settings = *settings;
  CHECK(changed(library, "keys.lua", "return {}") == "good");
  CHECK(library.said() == "7old");
}
