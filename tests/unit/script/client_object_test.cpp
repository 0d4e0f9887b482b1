#include "policy_world.h"

using namespace pollux;

namespace {

// auth.identify answers with the client of the token after it has run these lines.
std::string told_by(PolicyWorld& world, Asking& asking, const std::string& expression) {
  world.load(Modules{{"auth",
                      "return {identify = function(request) local client, why, refused = "
                      "clients.find(request.token) return deny(499, tostring(" +
                          expression + ")) end}"}});
  asking.exchange = PolicyExchange::create(world.state, asking.request);
  return seen_by_policy(world, asking);
}

ClientRef add(PolicyWorld& world, const std::string& name, ClientPatch profile = {}) {
  profile.name = name;
  auto client = world.clients->add("token-of-" + name, std::move(profile), world.clock.wall());
  if (!client) FAIL(client.error().message);
  return *client;
}

const Modules counting{
    {"auth",
     "return {identify = function(request) local client = clients.find(request.token) "
     "local admitted = client:admit(request) if admitted == true then return client end "
     "return deny(429, admitted.limit .. ' ' .. admitted.allowed, {retry_after = admitted.retry_after, "
     "reason = 'client_limit', client = client}) end}"}};

}  // namespace

TEST_CASE("policies see what a client may") {
  PolicyWorld world;
  ClientPatch profile;
  profile.models = {{"gemini-*", "gpt-4o"}};
  profile.rpm = 5;
  profile.daily_tokens = 5'000'000'000;
  profile.expires_at = world.clock.wall() + std::chrono::hours(1);
  add(world, "ann", profile);
  Asking asking(world);
  asking.request.token = "token-of-ann";
  const auto told = [&](const std::string& expression) { return told_by(world, asking, expression); };

  CHECK(told("table.concat(client.models, ' ')") == "gemini-* gpt-4o");
  CHECK(told("client.rpm") == "5");
  CHECK(told("client.daily_requests") == "nil");
  CHECK(told("client.daily_tokens") == "5000000000");
  CHECK(told("client.expires_at - time.now()") == "3600");
  CHECK(told("client:may_use('gemini-x')") == "true");
  CHECK(told("client:may_use('gpt-4')") == "false");
  CHECK(told("client:requests_this_minute() + client:requests_today() + client:tokens_today()") == "0");
  CHECK(told("pcall(function() client.rpm = 6 end)") == "false");
  CHECK(told("client:admit()").find("expected a request") != std::string::npos);
}

TEST_CASE("policies are told why a token does not let in, and whose it is") {
  PolicyWorld world;
  ClientPatch profile;
  profile.enabled = false;
  add(world, "ann", profile);
  profile = {};
  profile.expires_at = world.clock.wall();
  add(world, "bob", profile);
  Asking asking(world);
  asking.request.token = "token-of-ann";
  CHECK(told_by(world, asking, "client") == "nil");
  CHECK(told_by(world, asking, "why .. ' ' .. refused.name") == "disabled ann");
  asking.request.token = "token-of-bob";
  CHECK(told_by(world, asking, "why .. ' ' .. refused.name") == "expired bob");
  asking.request.token = "nobody's";
  CHECK(told_by(world, asking, "why .. ' ' .. tostring(refused)") == "unknown nil");
}

TEST_CASE("a client is admitted up to its limits, and a request counts once") {
  PolicyWorld world(counting);
  ClientPatch profile;
  profile.rpm = 1;
  const auto ann = add(world, "ann", profile);
  Asking first(world), second(world);
  first.request.token = second.request.token = "token-of-ann";

  CHECK(first.identify() == "the client ann");
  CHECK(first.identify() == "the client ann");
  CHECK(second.identify() == "deny 429 rpm 1 after 60 s");

  REQUIRE(first.request.admission);
  CHECK(first.request.admission->usage == ann->usage);
  CHECK_FALSE(second.request.admission);
  world.clock.advance(std::chrono::seconds(61));
  CHECK(second.identify() == "the client ann");
}

TEST_CASE("a refusal may name its reason and its client") {
  PolicyWorld world(counting);
  ClientPatch profile;
  profile.daily_requests = 1;
  const auto ann = add(world, "ann", profile);
  Asking first(world), second(world);
  first.request.token = second.request.token = "token-of-ann";
  CHECK(first.identify() == "the client ann");
  std::optional<Denial> denial;
  second.exchange->identify([&](Identified outcome) { denial = std::get<Denial>(std::move(outcome)); });
  REQUIRE(denial);
  CHECK(denial->reason == "client_limit");
  CHECK(denial->client == ann);
}

TEST_CASE("what is no reason and no client is an error of the policy") {
  PolicyWorld world;
  const auto failure_of = [&](const std::string& options) {
    world.load(
        Modules{{"auth", "return {identify = function() return deny(403, 'no', " + options + ") end}"}});
    Asking asking(world);
    return asking.identify();
  };
  CHECK(failure_of("{ reason = 'Two Words' }").find("expected one word") != std::string::npos);
  CHECK(failure_of("{ reason = 7 }").find("reason is a number") != std::string::npos);
  CHECK(failure_of("{ client = 'ann' }").find("client is a string") != std::string::npos);
  CHECK(failure_of("{ reason = 'no_entry' }") == "deny 403 no");
}

TEST_CASE("access.permit lets pass or refuses") {
  PolicyWorld world(Modules{{"access",
                             "return {permit = function(request) if request.model == 'a' then return end "
                             "if request.model == 'b' then return deny(403, 'not b') end return 'c' end}"}});
  Asking asking(world);
  asking.request.model = "a";
  CHECK(asking.permit() == "done");
  asking.request.model = "b";
  CHECK(asking.permit() == "deny 403 not b");
  asking.request.model = "c";
  CHECK(asking.permit() == "failure: access.lua: permit returned a string, expected nothing or deny(...)");
  PolicyWorld without(Modules{});
  Asking unbound(without);
  CHECK(unbound.permit() == "done");
}

TEST_CASE("the size of a body is known without a look at it") {
  PolicyWorld world(Modules{});
  Asking asking(world);
  CHECK(told_by(world, asking, "request.size") == "nil");
  asking.give_body("12345");
  CHECK(told_by(world, asking, "request.size") == "5");
}
