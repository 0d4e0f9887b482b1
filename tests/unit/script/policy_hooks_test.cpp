// The hooks: what they are given, what they may return, and what becomes of it.
#include "policy_world.h"

using namespace pollux;

namespace {

Modules one(const std::string& module, const std::string& function, const std::string& body) {
  return {{module, "return {" + function + " = function(...) " + body + "\nend}"}};
}

std::string judged(const std::string& body, PolicyAttempt attempt = {}) {
  PolicyWorld world(one("failover", "judge", "local request, attempt = ... " + body));
  if (!attempt.key) attempt.key = world.add_key("work");
  Asking asking(world);
  asking.request.upstream_model = "upstream";
  return asking.judge(attempt);
}

}  // namespace

TEST_CASE("hooks that are not there have sane answers") {
  PolicyWorld world(Modules{{"auth", "return {}"}});
  world.add_key("work");
  Asking asking(world);
  CHECK_THAT(asking.identify(), Catch::Matchers::StartsWith("deny 401 "));
  CHECK(asking.resolve() == "gemini-2.5-flash");
  CHECK(asking.visible("{}") == "true");
  CHECK(asking.select() == "work");
  CHECK(asking.judge({}) == "answer");
  CHECK(asking.transform() == "done");
  PolicyResponse response;
  CHECK(asking.transform(response) == "done");
  CHECK_FALSE(asking.exchange->wants_visible());
  CHECK_FALSE(asking.exchange->wants_response());
  asking.exchange->done({});
  CHECK_FALSE(world.state->has_hook("auth", "identify"));
}

TEST_CASE("a hook that returns the wrong thing is named with what it returned") {
  PolicyWorld world(Modules{
      {"auth", "return {identify = function() return 'ann' end}"},
      {"models", "return {resolve = function() return 7 end, visible = function() end}"},
      {"keys", "return {select = function(request, pool) return pool end}"},
      {"failover", "return {judge = function() return true end}"},
      {"transform",
       "return {request = function(request) return request end, response = function() return {} end}"}});
  Asking asking(world);
  CHECK(asking.identify() ==
        "failure: auth.lua: identify returned a string, expected a client, own_key(...) or deny(...)");
  CHECK(asking.resolve() ==
        "failure: models.lua: resolve returned a number, expected the name of a model or deny(...)");
  CHECK(asking.visible("{}") == "failure: models.lua: visible returned nothing, expected true or false");
  CHECK(asking.select() == "failure: keys.lua: select returned a pool, expected a key or nil");
  CHECK(asking.judge({}) == "failure: failover.lua: judge returned true, expected answer() or retry()");
  CHECK_THAT(asking.transform(),
             Catch::Matchers::StartsWith("failure: transform.lua: request returned a request, expected"));
  PolicyResponse response;
  CHECK_THAT(asking.transform(response),
             Catch::Matchers::StartsWith("failure: transform.lua: response returned a table"));
}

TEST_CASE("an error in a hook has file and line") {
  PolicyWorld world(Modules{
      {"keys", "return {\n  select = function(request, pool)\n    return pool.nothing.here\n  end\n}"}});
  Asking asking(world);
  CHECK(asking.select() == "failure: keys.lua:3: a pool has no field nothing");
}

TEST_CASE("a hook that runs away is cut off, and the state lives on") {
  PolicyWorld world(Modules{{"auth",
                             "return {identify = function(request)\n if request.token then while true do end "
                             "end return deny(403, 'no') end}"}});
  Asking asking(world);
  asking.request.token = "x";
  CHECK_THAT(asking.identify(), Catch::Matchers::StartsWith("failure: auth.lua:2:"));
  Asking another(world);
  CHECK(another.identify() == "deny 403 no");
}

TEST_CASE("a refusal carries its status, message and delay") {
  const auto refused = [](const std::string& body) {
    PolicyWorld world(one("auth", "identify", body));
    return Asking(world).identify();
  };
  CHECK(refused("return deny(429, 'slowly', {retry_after = 7})") == "deny 429 slowly after 7 s");
  CHECK(refused("return deny(200, 'fine')") ==
        "failure: auth.lua:1: deny: the status is 200, expected 400 to 599");
  CHECK(refused("return deny(403)") == "failure: auth.lua:1: deny: the message is a nil, expected a string");
  CHECK(refused("local d = deny(403, 'x') d.status = 99 return d") ==
        "failure: auth.lua: identify: the status of deny() is none from 400 to 599");
}

TEST_CASE("every hook that decides may refuse") {
  const std::string refusal = "return deny(403, 'no')";
  PolicyWorld models(one("models", "resolve", refusal));
  CHECK(Asking(models).resolve() == "deny 403 no");
  PolicyWorld keys(one("keys", "select", refusal));
  CHECK(Asking(keys).select() == "deny 403 no");
  PolicyWorld transform(one("transform", "request", refusal));
  CHECK(Asking(transform).transform() == "deny 403 no");
}

TEST_CASE("resolve is given the name and its answer is the upstream model") {
  PolicyWorld world(
      one("models", "resolve", "local request, name = ... return name:gsub('%-flash', '-pro')"));
  Asking asking(world);
  CHECK(asking.resolve() == "gemini-2.5-pro");
  CHECK(asking.request.upstream_model == "gemini-2.5-pro");
}

TEST_CASE("visible sees one entry of the list") {
  PolicyWorld world(
      one("models", "visible", "local request, model = ... return model.name ~= 'models/secret'"));
  Asking asking(world);
  CHECK(asking.exchange->wants_visible());
  CHECK(asking.visible(R"({"name":"models/open"})") == "true");
  CHECK(asking.visible(R"({"name":"models/secret"})") == "false");
}

TEST_CASE("outcomes may ask for the next hook from within") {
  PolicyWorld world(one("models", "visible", "return true"));
  Asking asking(world);
  int asked = 0;
  std::function<void(Visible)> next = [&](Visible) {
    if (++asked < 200) asking.exchange->visible("{}", next);
  };
  next(true);
  CHECK(asked == 200);
}

TEST_CASE("an exchange may be destroyed by its own outcome") {
  PolicyWorld world(one("auth", "identify", "return deny(403, 'no')"));
  PolicyRequest request;
  auto exchange = PolicyExchange::create(world.state, request);
  world.state.reset();
  exchange->identify([&exchange](Identified) { exchange.reset(); });
  CHECK(exchange == nullptr);
}

// -- The pool

TEST_CASE("a policy chooses among narrower pools") {
  PolicyWorld world(
      one("keys", "select",
          "local request, pool = ... "
          "local narrow = pool:tagged('paid'):in_project('p1') "
          "assert(pool:count() == 3 and narrow:count() == 1 and pool:named('free-1'):count() == 1) "
          "return narrow:least_busy()"));
  world.add_key("free-1");
  world.add_key("paid-1", {"paid"}, "p1");
  world.add_key("paid-2", {"paid"}, "p2");
  CHECK(Asking(world).select() == "paid-1");
}

TEST_CASE("every way of choosing is there") {
  for (const auto* way : {"round_robin()", "least_busy()", "most_remaining('x')",
                          "most_remaining(request.model)", "best()", "weighted()"}) {
    PolicyWorld world(one("keys", "select", "local request, pool = ... return pool:" + std::string(way)));
    CHECK_THAT(Asking(world).select(), Catch::Matchers::StartsWith("no key; asked any of "));
    world.add_key("work");
    CHECK(Asking(world).select() == "work");
  }
}

TEST_CASE("keys that rest for the upstream model are not chosen, tried ones last") {
  PolicyWorld world(
      one("keys", "select", "local request, pool = ... return pool:most_remaining(request.model)"));
  const auto tired = world.add_key("tired");
  const auto fresh = world.add_key("fresh");
  world.pool->cool_down(*tired, "upstream", Milliseconds(60'000));
  Asking asking(world);
  asking.request.upstream_model = "upstream";
  CHECK(asking.select() == "fresh");
  CHECK(asking.select() == "fresh");
  const auto other = world.add_key("other");
  asking.tried = {fresh->id()};
  CHECK(asking.select() == "other");
  CHECK(asking.select() == "other");
}

TEST_CASE("a policy looks at keys, and never sees a secret") {
  PolicyWorld world(
      one("keys", "select",
          "local request, pool = ... local seen = {} "
          "for key in pool:each() do seen[#seen + 1] = key.id .. key.name .. key.project .. key.tags[1] .. "
          "key.weight .. key.in_flight .. key.requests_today .. key.failures_in_a_row end "
          "return deny(499, table.concat(seen) .. tostring(pool:best()) .. "
          "tostring(pool:best():remaining('rpd', 'x')))"));
  const auto key = world.add_key("work", {"paid"}, "p1");
  CHECK(Asking(world).select() == "deny 499 " + key->id() + "workp1paid1000keynil");

  PolicyWorld curious(one("keys", "select", "local request, pool = ... return pool:best().secret"));
  curious.add_key("work");
  CHECK(Asking(curious).select() == "failure: keys.lua:1: a key has no field secret");
}

TEST_CASE("keys are the same object again, and equal") {
  PolicyWorld world(
      one("keys", "select",
          "local request, pool = ... "
          "assert(pool:best() == pool:best() and rawequal(pool:best(), pool:best())) return pool:best()"));
  world.add_key("work");
  CHECK(Asking(world).select() == "work");
}

TEST_CASE("a pool that was kept says that it is over") {
  PolicyWorld world(
      one("keys", "select",
          "local request, pool = ... "
          "if request.state.pool then return request.state.pool:best() end request.state.pool = pool"));
  Asking asking(world);
  CHECK(asking.select() == "no key; asked any of gemini-2.5-flash");
  CHECK(asking.select() == "failure: keys.lua:1: this pool is over: it is there while keys.select runs");
}

TEST_CASE("narrowing without end is stopped") {
  PolicyWorld world(
      one("keys", "select", "local request, pool = ... while true do pool = pool:tagged('x') end"));
  const std::string outcome = Asking(world).select();
  // Under a sanitizer the budget may be spent first.
  CHECK((outcome == "failure: keys.lua:1: too many narrower pools" ||
         outcome.starts_with("failure: keys.lua:1: stopped: it ran for more than ")));
}

TEST_CASE("a method called with a dot is explained") {
  PolicyWorld world(one("keys", "select", "local request, pool = ... return pool.best()"));
  CHECK(Asking(world).select() == "failure: keys.lua:1: expected a pool (is it called with a colon?)");
}

TEST_CASE("an attempt shows what came back") {
  Headers headers;
  headers.add("Retry-After", "7");
  PolicyAttempt attempt;
  attempt.number = 2;
  attempt.status = 429;
  attempt.headers = &headers;
  attempt.text = R"({"error":{"code":429,"message":"Slow Down"}})";
  CHECK(judged("return retry():or_deny(429, attempt.number .. attempt.key.name .. attempt.status .. "
               "attempt.kind .. "
               "attempt.headers['retry-after'] .. attempt.body.error.message .. #attempt.text .. "
               "tostring(attempt:says('slow DOWN')) .. tostring(attempt:says('fast')) .. "
               "tostring(attempt.message))",
               attempt) == "retry; or deny 429 2work429http7Slow Down44truefalsenil");
}

TEST_CASE("an attempt without an answer has none of it") {
  PolicyAttempt attempt;
  attempt.kind = "connect";
  attempt.message = "no route";
  CHECK(judged("assert(attempt.status == nil and attempt.headers == nil and attempt.body == nil and "
               "attempt.text == nil) "
               "return retry():or_deny(502, attempt.kind .. attempt.message)",
               attempt) == "retry; or deny 502 connectno route");
  CHECK(judged("attempt.status = 1") == "failure: failover.lua:1: attempt.status is read-only");
}

TEST_CASE("an attempt that was kept says that it is over") {
  PolicyWorld world(one("failover", "judge",
                        "local request, attempt = ... local kept = request.state.kept "
                        "if kept then return kept.status end request.state.kept = attempt return answer()"));
  Asking asking(world);
  CHECK(asking.judge({}) == "answer");
  CHECK(asking.judge({}) == "failure: failover.lua:1: this attempt is over");
}

// -- Transform and record

TEST_CASE("an answer's body, headers and status may be changed") {
  PolicyWorld world(
      one("transform", "response",
          "local request, response = ... response.body.extra = true response.headers['x-new'] = 'yes' "
          "response.status = response.status + 1"));
  Asking asking(world);
  CHECK(asking.exchange->wants_response());
  PolicyResponse response;
  response.text = R"({"b":1,"a":[]})";
  CHECK(asking.transform(response) == "done");
  CHECK(response.text == R"({"b":1,"a":[],"extra":true})");
  CHECK(response.headers.get("x-new") == "yes");
  CHECK(response.status == 201);
}

TEST_CASE("an answer that is only looked at stays byte for byte") {
  PolicyWorld world(
      one("transform", "response", "local request, response = ... local _ = response.body.b, response.text"));
  PolicyResponse response;
  response.text = "{ \"b\" : 1.0 }";
  CHECK(Asking(world).transform(response) == "done");
  CHECK(response.text == "{ \"b\" : 1.0 }");
}

TEST_CASE("record sees how the exchange went") {
  PolicyWorld world(
      one("record", "done",
          "local exchange = ... shared.set('seen', table.concat({exchange.status, exchange.attempts, "
          "exchange.key.name, exchange.seconds, exchange.request_bytes, exchange.response_bytes, "
          "exchange.outcome, exchange.request.model}, ' '))"));
  PolicySummary summary;
  summary.status = 200;
  summary.attempts = 2;
  summary.key = world.add_key("work");
  summary.duration = std::chrono::microseconds(1'500'000);
  summary.request_bytes = 10;
  summary.response_bytes = 20;
  summary.outcome = "answered";
  Asking(world).exchange->done(summary);
  CHECK(std::get<std::string>(world.shared->get("seen")) == "200 2 work 1.5 10 20 answered gemini-2.5-flash");
}

// -- Waiting

TEST_CASE("a hook that waits answers later, from the loop") {
  Loop loop;
  PolicyWorld world(one("auth", "identify", "sleep(0.001) return deny(403, 'after a while')"));
  world.host.loop = &loop;
  world.state->attach(world.host);
  PolicyRequest request;
  auto exchange = PolicyExchange::create(world.state, request);
  std::string outcome;
  exchange->identify([&](Identified given) {
    outcome = shown(std::get<Denial>(given));
    exchange.reset();  // Within its own outcome.
    world.state.reset();
    loop.stop();
  });
  CHECK(outcome.empty());
  loop.run();
  CHECK(outcome == "deny 403 after a while");
}

TEST_CASE("a hook that waits and is abandoned leaves nothing behind") {
  Loop loop;
  {
    PolicyWorld world(one("failover", "judge", "sleep(60) return answer()"));
    world.host.loop = &loop;
    world.state->attach(world.host);
    Asking asking(world);
    CHECK(asking.judge({}) == "waiting");
    asking.exchange->done({});
    CHECK(asking.outcome == "waiting");
    CHECK(asking.judge({}) == "waiting");
  }
  loop.post([&loop] { loop.stop(); });
  loop.run();
}

TEST_CASE("record may go on after its exchange") {
  Loop loop;
  PolicyWorld world(one("record", "done", "sleep(0.001) shared.set('recorded', true)"));
  world.host.loop = &loop;
  world.state->attach(world.host);
  Asking(world).exchange->done({});
  for (int turn = 0; turn < 1000 && world.shared->get("recorded").index() == 0; ++turn)
    uv_run(loop.uv(), UV_RUN_ONCE);
  CHECK(std::get<bool>(world.shared->get("recorded")));
}
