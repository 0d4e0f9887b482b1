// Loading one set: what is checked, and the settings that policies declare.
#include <array>

#include "policy_world.h"

using namespace pollux;

namespace {

std::string setting(PolicyWorld& world, const std::string& declaration, const std::string& expression) {
  world.load({{"auth", "return {settings = {" + declaration +
                           "}, identify = function() return deny(499, tostring(" + expression + ")) end}"}});
  Asking asking(world);
  return seen_by_policy(world, asking);
}

std::string declared(const std::string& declaration) {
  PolicyWorld world;
  return world.load_error({{"auth", "return {settings = {" + declaration + "}}"}});
}

std::string given(const std::string& declaration, const std::string& text) {
  PolicyWorld world;
  world.settings.given["LIMIT"] = text;
  return world.load_error({{"auth", "return {settings = {" + declaration + "}}"}});
}

}  // namespace

TEST_CASE("a set that is well formed loads, and tells its hooks") {
  PolicyWorld world(Modules{{"auth", "return {identify = function() end}"},
                            {"dialects/openai", "return {event = function() end}"},
                            {"lib/thing", "return 'any value'"},
                            {"limits", "return {tiers = {}, any = {['gemini-x'] = {rpm = 5}}}"}});
  CHECK(world.state->has_hook("auth", "identify"));
  CHECK(world.state->has_hook("dialects/openai", "event"));
  CHECK_FALSE(world.state->has_hook("auth", "identity"));
  CHECK(world.state->memory_in_use() > 0);
}

TEST_CASE("what does not load is told with file and line") {
  PolicyWorld world;
  CHECK(world.load_error({{"keys", "\nlocal = 1"}}) == "keys.lua:2: '<name>' expected near '='");
  CHECK(world.load_error({{"keys", "\nerror('no')"}}) == "keys.lua:2: no");
  CHECK(world.load_error({{"keys", "return 7"}}) ==
        "keys.lua: it returns a number, expected the table of its functions");
  CHECK(world.load_error({{"keys", "local keys = {}"}}) ==
        "keys.lua: it returns true, expected the table of its functions");
  CHECK(world.load_error({{"keys", "return {select = 7}"}}) ==
        "keys.lua: select is a number, expected a function");
  CHECK(world.load_error({{"keys", "return {}"}, {"lib/unused", "return ="}}) ==
        "lib/unused.lua:1: unexpected symbol near '='");
  CHECK(world.load_error({{"any", "return {"}}) == "any.lua:1: unexpected symbol near '<eof>'");
}

TEST_CASE("a set that loads for ever is refused") {
  PolicyWorld world;
  PolicyLimits limits;
  limits.load_budget = std::chrono::milliseconds(50);
  const auto loaded = PolicyState::load(policy_sources({{"keys", "while true do end"}}), world.host, limits);
  REQUIRE_FALSE(loaded);
  CHECK_THAT(loaded.error().message, Catch::Matchers::StartsWith("keys.lua:1:"));
}

TEST_CASE("an owner's module builds on the shipped one") {
  PolicyWorld world(Modules{
      {"default.keys", "return {select = function(request, pool) return pool:round_robin() end}"},
      {"keys",
       "local keys = require 'default.keys' local shipped = keys.select "
       "keys.select = function(request, pool) request.state.mine = true return shipped(request, pool) end "
       "return keys"}});
  world.add_key("work");
  CHECK(Asking(world).select() == "work");
}

TEST_CASE("policies see the settings of Pollux that matter to them") {
  PolicyWorld world;
  world.settings.max_retries = 5;
  world.settings.default_rpd_limit = 20;
  CHECK(setting(world, "", "settings.MAX_RETRIES") == "5");
  CHECK(setting(world, "", "settings.MAX_FAILURES") == "3");
  CHECK(setting(world, "", "settings.TIME_OUT") == "300");
  CHECK(setting(world, "", "settings.CHECK_INTERVAL_HOURS") == "1");
  CHECK(setting(world, "", "settings.MAX_WAIT_SECONDS + settings.RETRY_DELAY_SECONDS") == "10");
  CHECK(setting(world, "", "settings.DEFAULT_RPD_LIMIT") == "20");
  CHECK(setting(world, "", "settings.DEFAULT_RPM_LIMIT") == "nil");
}

TEST_CASE("an unknown setting is told, and none can be written") {
  PolicyWorld world;
  CHECK(setting(world, "", "settings.STICKY") ==
        "failure: auth.lua:1: there is no setting STICKY: declare it in the module's table of settings");
  CHECK_THAT(setting(world, "", "(function() settings.MAX_RETRIES = 1 end)()"),
             Catch::Matchers::ContainsSubstring("settings is read-only"));
}

TEST_CASE("a declared setting has its default, or what was given") {
  const std::string limit =
      "{name = 'LIMIT', type = 'integer', default = 5, min = 1, max = 10, about = 'How many.'}";
  PolicyWorld world;
  CHECK(setting(world, limit, "settings.LIMIT") == "5");
  world.settings.given["LIMIT"] = "7";
  CHECK(setting(world, limit, "settings.LIMIT + 1") == "8");
}

TEST_CASE("settings are of five types") {
  PolicyWorld world;
  world.settings.given = {{"FLAG", "Yes"}, {"RATE", "0.5"}, {"WORD", "blue"}, {"WORDS", "a, b|c [\"d\"]"}};
  const std::string four =
      "{name = 'FLAG', type = 'boolean', about = 'x'}, {name = 'RATE', type = 'number', about = 'x'}, "
      "{name = 'WORD', type = 'string', choices = {'red', 'blue'}, about = 'x'}, "
      "{name = 'WORDS', type = 'list', default = {'z'}, about = 'x'}, "
      "{name = 'MORE', type = 'list', default = {'z'}, about = 'x'}";
  CHECK(setting(world, four, "settings.FLAG") == "true");
  CHECK(setting(world, four, "settings.RATE * 2") == "1");
  CHECK(setting(world, four, "settings.WORD") == "blue");
  CHECK(setting(world, four, "table.concat(settings.WORDS, ' ')") == "a b c d");
  CHECK(setting(world, four, "table.concat(settings.MORE, ' ')") == "z");
}

TEST_CASE("a wrong value of a declared setting stops the load by name") {
  const std::string limit = "{name = 'LIMIT', type = 'integer', default = 5, min = 1, max = 10, about = 'x'}";
  CHECK(given(limit, "many") == "auth.lua: LIMIT: \"many\" is no whole number");
  CHECK(given(limit, "1.5") == "auth.lua: LIMIT: 1.5 is no whole number");
  CHECK(given(limit, "0") == "auth.lua: LIMIT: 0 is below 1");
  CHECK(given(limit, "11") == "auth.lua: LIMIT: 11 is above 10");
  CHECK(given("{name = 'LIMIT', type = 'boolean', about = 'x'}", "perhaps") ==
        "auth.lua: LIMIT: \"perhaps\" is neither true nor false");
  CHECK(given("{name = 'LIMIT', type = 'string', choices = {'a', 'b'}, about = 'x'}", "c") ==
        "auth.lua: LIMIT: \"c\" is none of a, b");
}

TEST_CASE("a wrong declaration stops the load") {
  CHECK(declared("7") == "auth.lua: settings[1] is a number, expected a table");
  CHECK(declared("{name = 'low'}") ==
        "auth.lua: settings[1]: \"low\" is no name of a setting, expected capitals, digits and _");
  CHECK(declared("{name = 'MAX_RETRIES'}") ==
        "auth.lua: settings[1]: MAX_RETRIES is a setting of Pollux itself");
  CHECK(declared("{name = 'A', type = 'float'}") ==
        "auth.lua: settings[1]: A: type \"float\" is unknown, expected boolean, number, integer, string or "
        "list");
  CHECK(declared("{name = 'A', type = 'number'}") ==
        "auth.lua: settings[1]: A: about is a nil, expected one sentence");
  CHECK(declared("{name = 'A', type = 'number', default = 'x', about = 'x'}") ==
        "auth.lua: settings[1]: A: default is a string, expected a number");
  CHECK(declared("{name = 'A', type = 'number', min = 2, max = 1, about = 'x'}") ==
        "auth.lua: settings[1]: A: min is above max");
  CHECK(declared("{name = 'A', type = 'string', min = 2, about = 'x'}") ==
        "auth.lua: settings[1]: A: min is for numbers only");
}

TEST_CASE("two modules cannot declare one setting, but an owner's stands for the shipped") {
  const std::string module =
      "return {settings = {{name = 'LIMIT', type = 'integer', default = 5, about = 'x'}}}";
  PolicyWorld world;
  CHECK(world.load_error({{"auth", module}, {"keys", module}}) ==
        "keys.lua: settings[1]: LIMIT is declared by auth.lua, too");
  CHECK(world.load_error({{"keys", module}, {"default.keys", module}}) == "loaded");
  CHECK(world.load_error({{"keys", "return require 'default.keys'"}, {"default.keys", module}}) == "loaded");
}

TEST_CASE("a declared text, and each word of a list, has the form that is asked for") {
  const std::string list =
      "{name = 'LIMIT', type = 'list', pattern = '^%a+=%d+$', form = 'name=number', about = 'x'}";
  const std::string text =
      "{name = 'LIMIT', type = 'string', pattern = '^%d+$', form = 'digits', about = 'x'}";
  CHECK(given(list, "a=1, b=22") == "loaded");
  CHECK(given(list, "a=1, b") == "auth.lua: LIMIT: \"b\" is not of the form name=number");
  CHECK(given(text, "12") == "loaded");
  CHECK(given(text, "x12") == "auth.lua: LIMIT: \"x12\" is not of the form digits");
  const std::string costly =
      "{name = 'LIMIT', type = 'string', pattern = '^.-.-.-.-.-.-.-.-b$', form = 'b', about = 'x'}";
  CHECK(given(costly, std::string(500, 'a')).starts_with("auth.lua: LIMIT: "));

  CHECK(declared("{name = 'A', type = 'string', pattern = 'x', about = 'x'}") ==
        "auth.lua: settings[1]: A: pattern and form go together: what is looked for, and how a person would "
        "write it");
  CHECK(declared("{name = 'A', type = 'string', form = 'x', about = 'x'}")
            .starts_with("auth.lua: settings[1]: A: pattern and form go together"));
  CHECK(declared("{name = 'A', type = 'string', pattern = '[', form = 'x', about = 'x'}")
            .starts_with("auth.lua: settings[1]: A: pattern: malformed pattern"));
  CHECK(declared("{name = 'A', type = 'number', pattern = 'x', form = 'x', about = 'x'}") ==
        "auth.lua: settings[1]: A: pattern is for strings and lists only");
  CHECK(declared("{name = 'A', type = 'list', pattern = '^x$', form = 'x', default = {'y'}, about = 'x'}") ==
        "auth.lua: settings[1]: A: default: \"y\" is not of the form x");
}

TEST_CASE("no policy declares a setting with a name of Pollux's own") {
  PolicyWorld world;
  static constexpr std::array<std::string_view, 2> names{"PORT", "BASE_URL"};
  world.settings.own_names = names;
  const auto declaring = [&](const std::string& name) {
    return world.load_error({{"auth", "return {settings = {{name = '" + name +
                                          "', type = 'integer', default = 5, about = 'x'}}}"}});
  };
  CHECK(declaring("PORT") == "auth.lua: settings[1]: PORT is a setting of Pollux itself");
  CHECK(declaring("BASE_URL") == "auth.lua: settings[1]: BASE_URL is a setting of Pollux itself");
  CHECK(declaring("PORTS") == "loaded");
}

TEST_CASE("the settings of a shipped module that nobody builds on go with it") {
  const Modules shipped{
      {"default.auth", "return {settings = {{name = 'LIMIT', type = 'integer', default = 5, about = 'x'}}}"}};
  const auto settings_with = [&](const std::string& auth, const std::string& access) {
    Modules modules = shipped;
    modules.emplace_back("auth", auth);
    modules.emplace_back("access", access);
    return PolicyWorld(modules).state->declared_settings().size();
  };
  CHECK(settings_with("return {}", "return {}") == 0);
  CHECK(settings_with("require 'default.auth' return {}", "return {}") == 1);
  CHECK(settings_with("return {}", "require 'default.auth' return {}") == 1);
}

TEST_CASE("the shipped module behind an owner's still has its settings") {
  PolicyWorld world(
      Modules{{"auth", "local shipped = require 'default.auth' return {identify = shipped.identify}"},
              {"default.auth",
               "return {settings = {{name = 'LIMIT', type = 'integer', default = 5, about = 'x'}}, "
               "identify = function() return deny(499, '' .. settings.LIMIT) end}"}});
  Asking asking(world);
  CHECK(seen_by_policy(world, asking) == "5");
}
