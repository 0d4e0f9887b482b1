#include "script/models_overview.h"

#include "policy_world.h"

using namespace pollux;

namespace {

std::string overview(PolicyWorld& world, const std::string& body) {
  world.load({{"models", "local models = {}\nfunction models.overview()\n" + body + "\nend\nreturn models"}});
  std::string outcome = "waiting";
  const auto call = ModelsOverview::start(world.state, [&](const Result<std::string>& told) {
    outcome = told ? *told : "error: " + told.error().message;
  });
  CHECK_FALSE(call);
  return outcome;
}

}  // namespace

TEST_CASE("what models.overview returns is told as JSON") {
  PolicyWorld world;
  CHECK(overview(world, "return { models = json.array {}, error = json.null }") ==
        R"({"error":null,"models":[]})");
  CHECK(overview(world, "return { models = { { name = 'models/x', n = 1048576 } } }") ==
        R"({"models":[{"n":1048576,"name":"models/x"}]})");
}

TEST_CASE("a models.overview that fails or returns something else says so") {
  PolicyWorld world;
  CHECK(overview(world, "return nothing.here").starts_with("error: models.lua:3: "));
  CHECK(overview(world, "return 7") == "error: models.lua: overview returned a number, expected a table");
  CHECK(overview(world, "return { f = function() end }").starts_with("error: models.lua: overview: "));
}

TEST_CASE("a set without the function knows nothing") {
  PolicyWorld world;
  world.load({{"models", "return {}"}});
  std::string outcome;
  CHECK_FALSE(ModelsOverview::start(world.state, [&](const auto& told) { outcome = told.error().message; }));
  CHECK(outcome == "no policy can tell: models.lua has no function overview");
}
