// The search path, reloading, and the handing out to workers.
#include "script/policy_library.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "library_world.h"

using namespace pollux;

TEST_CASE("the search path reads policies, their folders, and neither tests nor editors' files") {
  TemporaryFolder shipped;
  for (const auto* name :
       {"keys.lua", "keys_test.lua", "dialects/openai.lua", "lib/deep/er.lua", ".hidden.lua", "#keys.lua",
        "keys.lua~", "keys.backup.lua", ".git/x.lua", "readme.md"}) {
    shipped.write(name, "return {}");
  }
  const auto sources = read_policies({"", shipped.path.string()});
  REQUIRE(sources);
  std::string names;
  for (const auto& [module, source] : *sources) names += module + "=" + source.file + " ";
  CHECK(names == "dialects/openai=dialects/openai.lua keys=keys.lua lib/deep/er=lib/deep/er.lua ");
}

TEST_CASE("an owner's file stands before the shipped one, which stays behind it") {
  TemporaryFolder owners, shipped;
  shipped.write("keys.lua", "shipped");
  owners.write("keys.lua", "mine");
  owners.write("own.lua", "own");
  const auto sources = read_policies({owners.path.string(), shipped.path.string()});
  REQUIRE(sources);
  CHECK(sources->at("keys").text == "mine");
  CHECK(sources->at("keys").is_owners);
  CHECK(sources->at("default.keys").text == "shipped");
  CHECK(sources->at("default.keys").file == "default/keys.lua");
  CHECK(sources->at("own").is_owners);
  CHECK(sources->size() == 3);
}

TEST_CASE("a folder without policies, and a file beyond all bounds, are refused") {
  TemporaryFolder shipped;
  CHECK_FALSE(read_policies({"", shipped.path.string()}));
  shipped.write("big.lua", std::string(1024 * 1024 + 1, ' '));
  const auto sources = read_policies({"", shipped.path.string()});
  REQUIRE_FALSE(sources);
  CHECK(sources.error().message == "big.lua: it is larger than 1 MiB");
}

TEST_CASE("links to files and folders are followed, even in circles") {
  TemporaryFolder shipped, elsewhere;
  elsewhere.write("real.lua", "return {}");
  std::filesystem::create_symlink(elsewhere.at("real.lua"), shipped.at("linked.lua"));
  std::filesystem::create_directory_symlink(elsewhere.path, shipped.at("more"));
  std::filesystem::create_directory_symlink(elsewhere.path, elsewhere.at("round"));
  const auto sources = read_policies({"", shipped.path.string()});
  REQUIRE(sources);
  CHECK(sources->contains("linked"));
  CHECK(sources->contains("more/real"));
}

TEST_CASE("the first load serves the owner's policies") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.write_owners("auth.lua", saying("mine"));
  CHECK(library.said() == "no set");
  CHECK(library.at_start() == "good");
  CHECK(library.said() == "mine");
  const auto report = library.library->report();
  CHECK(report.version == 1);
  CHECK(report.error.empty());
  CHECK(file_of(report, "auth.lua").is_owners);
  CHECK(file_of(report, "auth.lua").overrides);
}

TEST_CASE("at start a bad owner's file gives way to the shipped one, and only that") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.shipped.write("keys.lua", "return {}");
  library.write_owners("auth.lua", "return {identify = }");
  library.write_owners("keys.lua", "return {select = function() end}");
  CHECK(library.at_start() == "good");
  CHECK(library.said() == "shipped");
  CHECK(library.world.state->has_hook("keys", "select"));
  const auto report = library.library->report();
  CHECK(report.error == "auth.lua:1: unexpected symbol near '}'");
  CHECK(file_of(report, "auth.lua").error == report.error);
  CHECK(file_of(report, "auth.lua").is_owners);
  CHECK(file_of(report, "keys.lua").error.empty());
}

TEST_CASE("at start a shipped file that an owner's breaks is served without the owner's") {
  Library library;
  library.shipped.write("auth.lua", "require('thing').f() " + saying("shipped"));
  library.shipped.write("thing.lua", "return {f = function() end}");
  library.write_owners("thing.lua", "return {}");
  CHECK(library.at_start() == "good");
  CHECK(library.said() == "shipped");
}

TEST_CASE("at start a wrong value of an owner's setting is an error, and no reason to do without the file") {
  Library library;
  library.world.settings.given["LIMIT"] = "junk";
  library.shipped.write("auth.lua", saying("shipped"));
  library.write_owners("auth.lua",
                       "return {settings = {{name = 'LIMIT', type = 'integer', default = 5, about = 'x'}}}");
  CHECK(library.at_start() == "auth.lua: LIMIT: \"junk\" is no whole number");
}

TEST_CASE("at start shipped policies that do not load are an error") {
  Library library;
  library.shipped.write("auth.lua", "return {");
  CHECK(library.at_start() == "auth.lua:1: unexpected symbol near '<eof>'");
}

TEST_CASE("a bad set changes nothing and is told with file and line") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  library.write_owners("auth.lua", "\n\nreturn {identify = 7}");
  CHECK(library.reload() == "auth.lua: identify is a number, expected a function");
  CHECK(library.said() == "shipped");
  CHECK(library.library->report().version == 1);
  CHECK(file_of(library.library->report(), "auth.lua").error ==
        "auth.lua: identify is a number, expected a function");

  library.write_owners("auth.lua", saying("mine"));
  CHECK(library.reload() == "good");
  CHECK(library.said() == "mine");
  CHECK(library.library->report().version == 2);
  CHECK(library.library->report().error.empty());
}

TEST_CASE("a set with the same texts is not loaded again") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  library.shipped.write("auth.lua", saying("shipped"));
  CHECK(library.reload() == "good");
  CHECK(library.library->report().version == 1);
}

TEST_CASE("the shipped file is back when the owner's is removed") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.write_owners("auth.lua", saying("mine"));
  REQUIRE(library.at_start() == "good");
  library.owners.remove("policies/auth.lua");
  CHECK(library.reload() == "good");
  CHECK(library.said() == "shipped");
  CHECK_FALSE(file_of(library.library->report(), "auth.lua").is_owners);
}

TEST_CASE("all workers get the new set, each a state of its own") {
  Library library(3);
  library.shipped.write("auth.lua", saying("one"));
  REQUIRE(library.at_start() == "good");
  CHECK(library.said(0) == "one");
  const auto first = library.world.state;
  CHECK(library.said(2) == "one");
  CHECK(library.world.state != first);
  library.shipped.write("auth.lua", saying("two"));
  REQUIRE(library.reload() == "good");
  for (const std::size_t worker : {0U, 1U, 2U}) CHECK(library.said(worker) == "two");
}

TEST_CASE("an exchange ends on the set that it began with") {
  Library library;
  library.shipped.write("auth.lua", saying("old"));
  REQUIRE(library.at_start() == "good");
  REQUIRE(library.said() == "old");
  Asking begun(library.world);
  library.shipped.write("auth.lua", saying("new"));
  REQUIRE(library.reload() == "good");
  CHECK(library.said() == "new");
  CHECK(seen_by_policy(library.world, begun) == "old");
}

TEST_CASE("the text of a policy is what stands on disk, and no other file is shown") {
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  library.shipped.write("secret.txt", "x");
  REQUIRE(library.at_start() == "good");
  CHECK(library.library->text("auth.lua")->text == saying("shipped"));
  CHECK_FALSE(library.library->text("secret.txt"));
  CHECK_FALSE(library.library->text("../auth.lua"));
  CHECK_FALSE(library.library->text("/etc/passwd"));
}

TEST_CASE("a saved file is in force soon, written in place or renamed, in folders that come later too") {
  Loop loop;
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  library.library->watch(loop);
  CHECK(library.comes_to_say(loop, "shipped"));

  library.write_owners("auth.lua", saying("in place"));
  CHECK(library.comes_to_say(loop, "in place"));
  library.owners.save_by_rename("policies/auth.lua", saying("renamed"));
  CHECK(library.comes_to_say(loop, "renamed"));
  library.write_owners("lib/words.lua", "return 'from a new folder'");
  library.write_owners(
      "auth.lua",
      "local words = require 'lib.words' return {identify = function() return deny(499, words) end}");
  CHECK(library.comes_to_say(loop, "from a new folder"));
  library.write_owners("lib/words.lua", "return 'changed there'");
  CHECK(library.comes_to_say(loop, "changed there"));
  library.owners.remove("policies/auth.lua");
  CHECK(library.comes_to_say(loop, "shipped"));
  library.library->stop_watching();
}

TEST_CASE("the owner's folder may come later") {
  Loop loop;
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  std::filesystem::remove(library.owners.path / "policies");
  REQUIRE(library.at_start() == "good");
  library.library->watch(loop);
  CHECK(library.comes_to_say(loop, "shipped"));
  library.write_owners("auth.lua", saying("mine"));
  CHECK(library.comes_to_say(loop, "mine"));
  library.library->stop_watching();
}

TEST_CASE("a half-written file is not the last word") {
  Loop loop;
  Library library;
  library.shipped.write("auth.lua", saying("shipped"));
  REQUIRE(library.at_start() == "good");
  library.library->watch(loop);
  library.write_owners("auth.lua", "return {identify = function(request) ret");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (library.library->report().error.empty() && std::chrono::steady_clock::now() < deadline) {
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  CHECK(library.library->report().error == "auth.lua:1: '=' expected near '<eof>'");
  CHECK(library.said() == "shipped");
  library.write_owners("auth.lua", saying("whole"));
  CHECK(library.comes_to_say(loop, "whole"));
  CHECK(library.library->report().error.empty());
}

TEST_CASE("a library may be destroyed while it looks") {
  for (int round = 0; round < 20; ++round) {
    Loop loop;
    Library library;
    library.shipped.write("auth.lua", saying("shipped"));
    REQUIRE(library.at_start() == "good");
    library.library->watch(loop);
    for (int turn = 0; turn < round; ++turn) {
      uv_run(loop.uv(), UV_RUN_NOWAIT);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    library.library.reset();
  }
}

TEST_CASE("workers take sets while others are loaded, and each runs on a whole one") {
  constexpr std::size_t workers = 3;
  constexpr int reloads = 40;
  Library library(workers);
  library.shipped.write("auth.lua", saying("0"));
  REQUIRE(library.at_start() == "good");
  std::atomic<bool> ended{false};
  std::atomic<int> wrong{0}, asked{0};
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      while (!ended) {
        PolicyRequest request;
        auto exchange = PolicyExchange::create(library.library->current(worker, library.world.host), request);
        exchange->identify([&](const Identified& given) {
          ++asked;
          if (!std::holds_alternative<Denial>(given)) ++wrong;
        });
        std::this_thread::yield();
      }
    });
  }
  for (int round = 1; round <= reloads; ++round) {
    const bool bad = round % 4 == 0;
    library.shipped.save_by_rename("auth.lua", bad ? "return {" : saying(std::to_string(round)));
    CHECK((library.reload() == "good") != bad);
    CHECK(library.library->report().files.size() == 1);
  }
  ended = true;
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(asked > 0);
  CHECK(library.library->report().version == 31);
}

// -- Limits

TEST_CASE("the pool goes by the limits of the newest good set") {
  Library library(2);
  const auto key = library.world.add_key("work", {"free"});
  const auto rpm = [&] { return library.world.pool->remaining(*key, "rpm", "gemini-x").value_or(-1); };
  const auto limits = [](const std::string& number) {
    return "return {tiers = {'free'}, free = {['gemini-*'] = {rpm = " + number + "}}}";
  };
  library.shipped.write("auth.lua", saying("x"));
  library.shipped.write("limits.lua", limits("5"));
  REQUIRE(library.at_start() == "good");
  CHECK(rpm() == 5);
  library.write_owners("limits.lua", limits("7"));
  CHECK(library.reload() == "good");
  CHECK(rpm() == 7);
  library.write_owners("limits.lua", limits("'many'"));
  CHECK(library.reload() == "limits.lua: free[\"gemini-*\"].rpm is \"many\", expected a whole number from 0");
  CHECK(rpm() == 7);
  library.owners.remove("policies/limits.lua");
  CHECK(library.reload() == "good");
  CHECK(rpm() == 5);
}

TEST_CASE("at the start the shipped limits serve in the place of bad ones") {
  Library library;
  const auto key = library.world.add_key("work", {"free"});
  library.shipped.write("limits.lua", "return {tiers = {'free'}, free = {['gemini-x'] = {rpm = 5}}}");
  library.write_owners("limits.lua", "return {tiers = 'free'}");
  REQUIRE(library.at_start() == "good");
  CHECK(library.world.pool->remaining(*key, "rpm", "gemini-x") == 5);
  CHECK(file_of(library.library->report(), "limits.lua").error ==
        "limits.lua: tiers is \"free\", expected a list of tags");
}

TEST_CASE("the owner's default limits count where there is no limits.lua") {
  Library library;
  library.world.settings.default_rpm_limit = 3;
  const auto key = library.world.add_key("work");
  library.shipped.write("auth.lua", saying("x"));
  REQUIRE(library.at_start() == "good");
  CHECK(library.world.pool->remaining(*key, "rpm", "gemini-x") == 3);
}
