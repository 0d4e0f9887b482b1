// google.fetch: who pays.
#include "script/google_fetch.h"

#include "fake_client.h"
#include "policy_world.h"

using namespace pollux;

namespace {

struct GoogleWorld : PolicyWorld {
  // What `return CALL` in auth.identify gives, as text.
  std::string answered(const std::string& call) {
    host.loop = &loop;
    host.http = &client;
    host.google = &google;
    load({{"auth", "return {identify = function(request)\nlocal answer, why = " + call +
                       "\nreturn deny(499, answer and 'status ' .. answer.status or why) end}"}});
    state->attach(host);
    Asking asking(*this);
    asking.identify();
    while (asking.outcome == "waiting" && loop.now() < Milliseconds(1'000'000'000)) run_once();
    return asking.outcome.substr(std::string("deny 499 ").size());
  }
  void run_once() {
    loop.post([this] { loop.stop(); });
    loop.run();
  }

  Loop loop;
  FakeClient client{loop};
  GoogleAddress google{Origin{true, "google.example", 443}, "/prefix", {}, 0};
};

}  // namespace

TEST_CASE("google.fetch without a key is paid for by one of the pool") {
  GoogleWorld world;
  world.add_key("one");
  CHECK(world.answered("google.fetch { path = '/v1beta/models?pageSize=1000' }") == "status 200");
  REQUIRE(world.client.seen.size() == 1);
  CHECK(world.client.seen[0].target == "/prefix/v1beta/models?pageSize=1000");
  CHECK(world.client.seen[0].credential == "AIzaSecretOfone");
  CHECK(world.pool->status(world.pool->find("one")->id())->requests_today == 0);
}

TEST_CASE("no key that is disabled or rests is taken") {
  GoogleWorld world;
  CHECK(world.answered("google.fetch { path = '/' }") == "no key can be used now");
  const auto one = world.add_key("one"), two = world.add_key("two");
  world.pool->disable(*one, "no good");
  CHECK(world.answered("google.fetch { path = '/' }") == "status 200");
  CHECK(world.client.seen.back().credential == "AIzaSecretOftwo");
  world.pool->cool_down(*two, "gemini-x", Milliseconds(1000));
  CHECK(world.answered("google.fetch { path = '/' }") == "status 200");
  world.pool->cool_down(*two, "", Milliseconds(1000));
  CHECK(world.answered("google.fetch { path = '/' }") == "no key can be used now");
}

TEST_CASE("google.fetch without a key takes the table of arguments alone") {
  GoogleWorld world;
  world.add_key("one");
  CHECK(world.answered("google.fetch(nil, { path = '/' })").ends_with("or the table alone"));
  CHECK(world.answered("google.fetch {}").ends_with("path must be a text"));
  CHECK(world.client.seen.empty());
}
