#include "script/health_check.h"

#include "script/policy_world.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

// What the body of health.check comes to, as "yes 200 message".
std::string checked(PolicyWorld& world, const KeyRef& key, const std::string& body) {
  world.load({{"health", "local health = {}\nfunction health.check(key)\n" + body + "\nend\nreturn health"}});
  std::string outcome = "waiting";
  const auto check = HealthCheck::start(world.state, key, [&](const HealthFinding& finding) {
    outcome = !finding.well ? "unknown " : *finding.well ? "yes " : "no ";
    outcome += std::to_string(finding.status) + " " + finding.message;
  });
  CHECK_FALSE(check);
  return outcome;
}

std::string state_of(PolicyWorld& world, const KeyRef& key) {
  const auto status = world.pool->status(key->id());
  return status->state +
         (status->profile.disabled_reason.empty() ? "" : ": " + status->profile.disabled_reason);
}

const HealthFinding well{.well = true, .status = 200, .message = "Google accepts this key"};
const HealthFinding ill{.well = false, .status = 400, .message = "Google does not know this key"};
const HealthFinding unknown{.well = {}, .status = 503, .message = "Google answered 503"};

}  // namespace

TEST_CASE("what health.check returns is what was found out") {
  PolicyWorld world;
  const auto key = world.add_key("one");
  CHECK(checked(world, key, "return true, nil, 200") == "yes 200 Google accepts this key");
  CHECK(checked(world, key, "return true, 'so ' .. key.name") == "yes 0 so one");
  CHECK(checked(world, key, "return false, 'leaked', 403") == "no 403 leaked");
  CHECK(checked(world, key, "return false") == "no 0 Google does not accept this key");
  CHECK(checked(world, key, "return nil, 'no answer'") == "unknown 0 no answer");
  CHECK(checked(world, key, "") == "unknown 0 that could not be found out");
  CHECK(checked(world, key, "return true, {}, 7") == "yes 0 Google accepts this key");
  CHECK(checked(world, key, "return nil, ('x'):rep(10000)").size() < 600);
}

TEST_CASE("a health.check that fails has found nothing out, and says where it failed") {
  PolicyWorld world;
  const auto key = world.add_key("one");
  CHECK(checked(world, key, "return key.nothing").starts_with("unknown 0 health.lua:3: "));
  CHECK(checked(world, key, "return 7") ==
        "unknown 0 health.lua: check returned a number, expected true, false or nil");
  world.load({{"health", "return {}"}});
  std::string outcome;
  CHECK_FALSE(
      HealthCheck::start(world.state, key, [&](const HealthFinding& finding) { outcome = finding.message; }));
  CHECK(outcome == "no policy can tell: there is no health.lua with a function check");
}

TEST_CASE("no message shows a key") {
  PolicyWorld world;
  const auto key = world.add_key("one");
  const std::string secret = "AIzaSyDdDdDdDdDdDdDdDdDdDdDdDdDdDdDdDdD";
  const auto outcome = checked(world, key, "return false, 'api_key:" + secret + " is suspended'");
  CHECK(outcome.find(secret) == std::string::npos);
  CHECK(outcome.find("is suspended") != std::string::npos);
}

TEST_CASE("google.fetch says what it does not understand") {
  PolicyWorld world;
  const auto key = world.add_key("one");
  const auto said = [&](const std::string& call) {
    return checked(world, key, "local answered = google.fetch" + call + "\nreturn answered");
  };
  CHECK(said("('key', { path = '/v1beta/models' })") ==
        "unknown 0 health.lua:3: google.fetch: expected a key, then a table, or the table alone");
  CHECK(said("{ url = 'https://example.org' }") ==
        "unknown 0 health.lua:3: google.fetch: path must be a text");
  CHECK(said("(key, { url = 'https://example.org' })") ==
        "unknown 0 health.lua:3: google.fetch: path must be a text");
  CHECK(said("(key, { path = '/', timeout = 'long' })") ==
        "unknown 0 health.lua:3: google.fetch: timeout must be a number of seconds");
  CHECK(said("(key, { path = '/' })") == "unknown 0 health.lua:3: google.fetch: only inside a hook");
}

TEST_CASE("a key that is well comes back on trial, one that is refused is put away") {
  PolicyWorld world;
  auto& pool = *world.pool;
  const auto refused = world.add_key("refused"), rests = world.add_key("rests"),
             ready = world.add_key("ready");
  pool.disable(*refused, "leaked");
  pool.cool_down(*rests, "", 1h, "suspect");

  for (const auto& key : {refused, rests, ready}) heed(pool, *key, unknown);
  CHECK(state_of(world, refused) == "disabled: leaked");
  CHECK(state_of(world, rests) == "resting");
  CHECK(state_of(world, ready) == "ready");

  for (const auto& key : {refused, rests, ready}) heed(pool, *key, well);
  CHECK(state_of(world, refused) == "probing");
  CHECK(state_of(world, rests) == "probing");
  CHECK(state_of(world, ready) == "ready");

  pool.cool_down(*rests, "", 1h, "suspect");
  for (const auto& key : {refused, rests, ready}) heed(pool, *key, ill);
  for (const auto& key : {refused, rests, ready}) {
    CHECK(state_of(world, key) == "disabled: Google does not know this key");
  }
}

TEST_CASE("a key that a person has disabled, and one that is gone, are left alone") {
  PolicyWorld world;
  auto& pool = *world.pool;
  const auto by_hand = world.add_key("by-hand"), gone = world.add_key("gone");
  REQUIRE(pool.change(by_hand->id(), {.enabled = false}));
  pool.remove(gone->id());
  for (const auto& finding : {well, ill}) {
    heed(pool, *by_hand, finding);
    heed(pool, *gone, finding);
    CHECK(state_of(world, by_hand) == "disabled: disabled by hand");
  }
  CHECK(pool.size() == 1);
}
