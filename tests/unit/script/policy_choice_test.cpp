// keys.select: what the pool is asked, and what the core is told where no key can pay; own keys and
// conversations.
#include "policy_world.h"

using namespace pollux;

namespace {

Modules selecting(const std::string& body) {
  return {{"keys", "return {select = function(request, pool) " + body + "\nend}"}};
}

}  // namespace

TEST_CASE("where no key can pay, the core is told what was asked for in vain, and when the first can") {
  PolicyWorld world(
      selecting("return pool:tagged('paid'):best() or pool:tagged('paid'):in_project('p1'):least_busy() or "
                "pool:tagged('free'):round_robin()"));
  const auto paid = world.add_key("paid", {"paid"});
  const auto free = world.add_key("free", {"free"});
  world.pool->cool_down(*paid, "gemini-2.5-flash", Milliseconds(60'000));
  world.pool->cool_down(*free, "gemini-2.5-flash", Milliseconds(30'000));
  CHECK(Asking(world).select() ==
        "no key; asked paid of gemini-2.5-flash, paid+p1 of gemini-2.5-flash, free of gemini-2.5-flash; "
        "free in 30000 ms");
}

TEST_CASE("what is asked for twice is told once, and at most eight are told") {
  PolicyWorld twice(selecting("return pool:best() or pool:least_busy() or pool:round_robin()"));
  CHECK(Asking(twice).select() == "no key; asked any of gemini-2.5-flash");

  PolicyWorld many(selecting("for i = 1, 20 do pool:tagged('t' .. i):best() end"));
  Asking asking(many);
  asking.select();
  REQUIRE(asking.selection.asked.size() == 8);
  CHECK(asking.selection.asked[7].conditions[0].value == "t8");
}

TEST_CASE("a policy that asks for nothing, or finds a key and refuses it, waits for any key") {
  PolicyWorld none(selecting("return nil"));
  const auto key = none.add_key("work");
  none.pool->cool_down(*key, "gemini-2.5-flash", Milliseconds(5'000));
  CHECK(Asking(none).select() == "no key; asked any of gemini-2.5-flash; free in 5000 ms");

  PolicyWorld picky(selecting("pool:best() return nil"));
  picky.add_key("work");
  CHECK(Asking(picky).select() == "no key; asked any of gemini-2.5-flash; free in 0 ms");
}

TEST_CASE("without keys.select the whole pool is asked") {
  PolicyWorld world(Modules{{"auth", "return {}"}});
  const auto key = world.add_key("work");
  world.pool->cool_down(*key, "gemini-2.5-flash", Milliseconds(5'000));
  CHECK(Asking(world).select() == "no key; asked any of gemini-2.5-flash; free in 5000 ms");
}

TEST_CASE("nothing is told of what was in vain once a key is found") {
  PolicyWorld world(selecting("return pool:tagged('paid'):best() or pool:best()"));
  world.add_key("work");
  Asking asking(world);
  CHECK(asking.select() == "work");
  CHECK(asking.selection.asked.empty());
  CHECK_FALSE(asking.selection.free_in);
}

TEST_CASE("queries carry the request's tokens, what was tried, and the place in line") {
  PolicyWorld world(selecting("return pool:tagged('nobody'):best()"));
  std::vector<KeyQuery> lines(1);
  lines[0].model = "gemini-2.5-flash";
  const auto place = world.pool->wait_in_line(lines, [] {});
  REQUIRE(place);
  Asking asking(world);
  asking.request.estimated_tokens = 1234;
  asking.tried = {"abc"};
  asking.place = place.get();
  asking.select();
  REQUIRE(asking.selection.asked.size() == 1);
  const auto& query = asking.selection.asked[0];
  CHECK(query.tokens == 1234);
  CHECK(query.place == place.get());
  REQUIRE(query.avoid.size() == 1);
  CHECK(query.avoid[0] == "abc");
}

TEST_CASE(
    "queries are about the upstream model, another one that the policy names, or none that is counted") {
  PolicyWorld world(
      selecting("return pool:most_remaining(request.model) or pool:most_remaining('other' .. 1) or "
                "pool:most_remaining('other1')"));
  Asking asking(world);
  asking.request.upstream_model = "upstream";
  CHECK(asking.select() == "no key; asked any of upstream, any of other1");
  asking.request.counts_quota = false;
  CHECK(asking.select() == "no key; asked any, any of other1");
}

TEST_CASE("a request that counts against no quota is paid by a key that has none left") {
  PolicyWorld world(selecting("return pool:least_busy()"));
  const auto key = world.add_key("work");
  world.pool->learn_limit(*key, "gemini-2.5-flash", "rpd", 0);
  Asking asking(world);
  CHECK(asking.select() == "no key; asked any of gemini-2.5-flash");
  asking.request.counts_quota = false;
  CHECK(asking.select() == "work");
}

TEST_CASE("asking about models without end is stopped") {
  PolicyWorld world(selecting("for i = 1, 1000 do pool:most_remaining('m' .. i) end"));
  CHECK(Asking(world).select() == "failure: keys.lua:1: the pool was asked about too many models");
}

TEST_CASE("a conversation has its key, unless that was tried or cannot pay") {
  PolicyWorld world(
      selecting("local key = pool:kept_for(request.conversation) return key or pool:named('other'):best()"));
  const auto hers = world.add_key("hers");
  world.add_key("other");
  world.pool->keep("chat", *hers);
  Asking asking(world);
  CHECK(asking.select() == "other");
  asking.request.conversation = "chat";
  CHECK(asking.select() == "hers");
  asking.tried = {hers->id()};
  CHECK(asking.select() == "other");
  asking.tried.clear();
  world.pool->cool_down(*hers, {}, Milliseconds(1000));
  CHECK(asking.select() == "other");
}

TEST_CASE("a conversation's key that cannot pay is not waited for") {
  PolicyWorld world(selecting("return pool:kept_for('chat')"));
  const auto hers = world.add_key("hers");
  world.add_key("other");
  world.pool->keep("chat", *hers);
  world.pool->cool_down(*hers, {}, Milliseconds(1000));
  CHECK(Asking(world).select() == "no key; asked any of gemini-2.5-flash; free in 0 ms");
}

TEST_CASE("a policy may say which conversation a request belongs to") {
  PolicyWorld world(selecting(
      "if request.conversation then request.conversation = nil else request.conversation = 'mine' end"));
  Asking asking(world);
  asking.select();
  CHECK(asking.request.conversation == "mine");
  asking.select();
  CHECK(asking.request.conversation.empty());

  PolicyWorld wrong(selecting("request.conversation = 7"));
  CHECK(Asking(wrong).select() == "failure: keys.lua:1: request.conversation is a number, expected a string");
  PolicyWorld large(selecting("request.conversation = ('x'):rep(257)"));
  CHECK(Asking(large).select() == "failure: keys.lua:1: request.conversation is longer than 256 bytes");
}

TEST_CASE("a policy sees how many tokens the request is taken for") {
  PolicyWorld world(selecting("return deny(499, '' .. request.estimated_tokens)"));
  Asking asking(world);
  asking.request.estimated_tokens = 250'001;
  CHECK(asking.select() == "deny 499 250001");
}

// -- Who pays with a key of their own

TEST_CASE("a policy may let a client pay with its own key, and later ones see that") {
  PolicyWorld world(
      Modules{{"auth", "return {identify = function(request) return own_key(request.token) end}"},
              {"models", "return {resolve = function(request) return tostring(request.own_key) end}"}});
  Asking asking(world);
  asking.request.token = "AIzaTheirs";
  CHECK(asking.resolve() == "false");
  CHECK(asking.identify() == "the own key AIzaTheirs");
  CHECK(asking.resolve() == "true");
}

TEST_CASE("an own key that is none is told") {
  const auto identified = [](const std::string& expression) {
    PolicyWorld world(
        Modules{{"auth", "return {identify = function(request) return " + expression + "\nend}"}});
    return Asking(world).identify();
  };
  CHECK(identified("(own_key(request.token))") ==
        "failure: auth.lua:1: own_key: the secret is a nil, expected a key");
  CHECK(identified("(own_key(''))") == "failure: auth.lua:1: own_key: the secret is empty, expected a key");
  CHECK(identified("(function() local own = own_key('x') own.secret = nil return own end)()") ==
        "failure: auth.lua: identify: own_key() holds no key");
}
