// background(function): what runs beside the requests.
#include <thread>

#include "fake_client.h"
#include "policy_world.h"

using namespace pollux;

namespace {

struct BackgroundWorld : PolicyWorld {
  explicit BackgroundWorld(const std::string& body) {
    host.loop = loop.get();
    host.http = client.get();
    load({{"auth", "return {identify = function(request)\n" + body + "\nend}"}});
    state->attach(host);
  }
  ~BackgroundWorld() { state->detach(); }
  std::string identify() { return Asking(*this).identify(); }
  // The loop turns until `shared` holds the name.
  bool wait_for(const std::string& name) {
    for (int turn = 0; turn < 1000 && shared->get(name).index() == 0; ++turn) {
      loop->post([this] { loop->stop(); });
      loop->run();
      std::this_thread::sleep_for(Milliseconds(1));
    }
    return shared->get(name).index() != 0;
  }
  std::string text(const std::string& name) { return std::get<std::string>(shared->get(name)); }

  std::unique_ptr<Loop> loop = std::make_unique<Loop>();
  std::unique_ptr<FakeClient> client = std::make_unique<FakeClient>(*loop);
};

}  // namespace

TEST_CASE("a function in the background runs after the hook, and may wait") {
  BackgroundWorld world(R"(
    local said = background(function()
      shared.set("begun", "yes")
      sleep(0.01)
      shared.set("done", http.fetch({ url = "http://example.org/" }).status .. "")
    end)
    return deny(401, tostring(said) .. tostring(shared.get("begun"))))");
  CHECK(world.identify() == "deny 401 truenil");
  REQUIRE(world.wait_for("done"));
  CHECK(world.text("done") == "200");
}

TEST_CASE("in the background the request is over when it is over") {
  BackgroundWorld world(R"(
    background(function()
      shared.set("done", tostring(select(2, pcall(function() return request.path end))))
    end)
    return deny(401, "x"))");
  CHECK(world.identify() == "deny 401 x");
  REQUIRE(world.wait_for("done"));
  CHECK(world.text("done") == "auth.lua:4: this request is over");
}

TEST_CASE("what fails in the background fails alone") {
  BackgroundWorld world(R"(
    background(function() local _ = nil + 1 end)
    background(function() sleep(0.001) error("late") end)
    background(function() sleep(0.01) shared.set("done", "yes") end)
    return deny(401, "x"))");
  CHECK(world.identify() == "deny 401 x");
  CHECK(world.wait_for("done"));
}

TEST_CASE("so many functions run in the background at the same time, and no more") {
  BackgroundWorld world(R"(
    local begun = 0
    for _ = 1, 20 do
      if background(function() sleep(0.01) shared.incr("ended") end) then begun = begun + 1 end
    end
    return deny(401, begun .. ""))");
  CHECK(world.identify() == "deny 401 16");
  REQUIRE(world.wait_for("ended"));
  while (std::get<double>(world.shared->get("ended")) < 16) {
    world.loop->post([&] { world.loop->stop(); });
    world.loop->run();
  }
  CHECK(world.identify() == "deny 401 16");
}

TEST_CASE("only functions run in the background, and only from within hooks") {
  BackgroundWorld world("background('x')");
  CHECK_THAT(world.identify(), Catch::Matchers::Contains("function expected, got string"));
  PolicyWorld still(Modules{{"auth", "return {identify = function() background(function() end) end}"}});
  CHECK(Asking(still).identify() == "failure: auth.lua:1: background: only inside a hook");
  CHECK(still.load_error({{"auth", "background(function() end) return {}"}}) ==
        "auth.lua:1: background: only inside a hook");
}

TEST_CASE("what waits in the background is given up when the worker ends") {
  BackgroundWorld world(R"(
    background(function() sleep(100) end)
    background(function() http.fetch { url = "http://example.org/" } end)
    return deny(401, "x"))");
  world.client->script.hangs = true;
  CHECK(world.identify() == "deny 401 x");
  for (int turn = 0; turn < 100 && world.client->open == 0; ++turn) {
    world.loop->post([&] { world.loop->stop(); });
    world.loop->run();
  }
  CHECK(world.client->open == 1);
  CHECK(world.identify() == "deny 401 x");
  world.state->detach();
  CHECK(world.client->open == 0);
  world.client.reset();
  world.loop.reset();
  CHECK(world.identify() == "failure: auth.lua:3: background: only inside a hook");
}
