// limits.lua: what is read from it, and how wrong ones are told.
#include "policy_world.h"
#include "pool/quota_limits.h"

using namespace pollux;

namespace {

std::string wrong(const std::string& table) {
  PolicyWorld world;
  return world.load_error({{"limits", "return " + table}});
}

std::string shown(const Limits& limits) {
  const auto number = [](const std::optional<std::int64_t>& limit) {
    return limit ? std::to_string(*limit) : std::string("-");
  };
  return number(limits.rpm) + " " + number(limits.tpm) + " " + number(limits.rpd);
}

// "rpm tpm rpd" of a key with this tag.
std::string limit(const PolicyWorld& world, std::string_view tag, std::string_view model) {
  const auto table = world.state->limits();
  return shown(table->of(table->tier_of(tag), model));
}

const std::string usual = R"(return {
  tiers = {"paid", "free"},
  free = {["gemini-x"] = {rpm = 5, tpm = 250000, rpd = 20}, ["gemini-*-lite"] = {rpm = 15}, ["gemini-pro"] = {rpm = 0}},
  any = {["gemini-*"] = {rpm = 1000}},
})";

}  // namespace

TEST_CASE("limits are read by tier and model") {
  PolicyWorld world(Modules{{"limits", usual}});
  CHECK(limit(world, "free", "gemini-x") == "5 250000 20");
  CHECK(limit(world, "free", "gemini-x-lite") == "15 - -");
  CHECK(limit(world, "free", "gemini-pro") == "0 - -");
  CHECK(limit(world, "free", "gemma") == "- - -");
  CHECK(limit(world, "paid", "gemini-x") == "1000 - -");
  CHECK(limit(world, "unheard of", "gemini-x") == "1000 - -");
}

TEST_CASE("the owner's default limits fill what the file does not say") {
  PolicyWorld world;
  world.settings.default_rpm_limit = 7;
  world.settings.default_rpd_limit = 70;
  world.load({{"limits", usual}});
  CHECK(limit(world, "free", "gemini-x-lite") == "15 - 70");
  CHECK(limit(world, "", "gemma") == "7 - 70");
}

TEST_CASE("a set without limits.lua has none") {
  PolicyWorld world(Modules{{"auth", "return {}"}});
  CHECK(world.state->limits() == nullptr);
}

TEST_CASE("an owner's limits may build on the shipped ones") {
  PolicyWorld world(
      Modules{{"default.limits", usual},
              {"limits",
               "local limits = require 'default.limits' limits.free['gemini-x'].rpm = 10 "
               "limits.tiers[3] = 'family' limits.family = {['*'] = {rpd = 3}} return limits"}});
  CHECK(limit(world, "free", "gemini-x") == "10 250000 20");
  CHECK(limit(world, "family", "anything") == "- - 3");
}

TEST_CASE("wrong limits are refused, with the path of what is wrong") {
  CHECK(wrong("7") == "limits.lua: it returns a number, expected the table of its functions");
  CHECK(wrong("{}") == "limits.lua: tiers is nothing, expected a list of tags");
  CHECK(wrong("{tiers = {'free', 7}}") == "limits.lua: tiers[2] is 7, expected a tag");
  CHECK(wrong("{tiers = {'any'}}") == "limits.lua: tiers[1] is \"any\", which is no tag");
  CHECK(wrong("{tiers = {'free', 'free'}}") == "limits.lua: tiers[2] is \"free\", which stands there twice");
  CHECK(wrong("{tiers = {'free'}, fre = {}}") == "limits.lua: \"fre\" is none of the tiers, and not \"any\"");
  CHECK(wrong("{tiers = {'free'}, {}}") == "limits.lua: [1]: expected a name in its place");
  CHECK(wrong("{tiers = {'free'}, free = 5}") ==
        "limits.lua: free is 5, expected a table of limits by model");
  CHECK(wrong("{tiers = {'free'}, free = {{rpm = 5}}}") ==
        "limits.lua: free[1]: expected a name in its place");
  CHECK(wrong("{tiers = {'free'}, free = {x = 5}}") ==
        "limits.lua: free[\"x\"] is 5, expected a table with rpm, tpm and rpd");
  CHECK(wrong("{tiers = {'free'}, free = {['models/x'] = {}}}") ==
        "limits.lua: free[\"models/x\"]: expected a model's name without models/");
  CHECK(wrong("{tiers = {'free'}, free = {x = {rph = 5}}}") ==
        "limits.lua: free[\"x\"].rph is no limit, expected rpm, tpm or rpd");
  CHECK(wrong("{tiers = {'free'}, any = {x = {rpm = '5'}}}") ==
        "limits.lua: any[\"x\"].rpm is \"5\", expected a whole number from 0");
  for (const auto* number : {"-1", "0.5", "0/0", "1/0", "true", "{}"}) {
    CHECK_THAT(wrong("{tiers = {'free'}, free = {x = {rpd = " + std::string(number) + "}}}"),
               Catch::Matchers::StartsWith("limits.lua: free[\"x\"].rpd is ") &&
                   Catch::Matchers::EndsWith(", expected a whole number from 0"));
  }
}

TEST_CASE("a file of limits that is too long is refused") {
  CHECK_THAT(wrong("(function() local free = {} for i = 1, 2001 do free['m' .. i] = {rpm = 1} end "
                   "return {tiers = {'free'}, free = free} end)()"),
             Catch::Matchers::EndsWith(": there are more than 2000 models"));
}
