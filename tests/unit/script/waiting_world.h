// A small world of the script layer whose policies can wait.
#pragma once

#include "fake_client.h"
#include "script_fixture.h"

namespace pollux {

// A world whose policies can wait. Members are destroyed from the last: the loop comes first.
struct WaitingWorld {
  explicit WaitingWorld(Modules modules, const PolicyLimits& limits = {})
      : client(loop), world(std::move(modules), limits) {
    PolicyHost host = world.host;
    host.loop = &loop;
    host.http = &client;
    world.script->attach(host);
  }

  // Runs "keys" and then the loop, until the outcome is there.
  std::string call() {
    outcome.reset();
    REQUIRE(world.script->require("keys"));
    world.run = world.script->run(0, [this](lua_State* results, const Error* error) {
      outcome = error ? error->message : "";
      for (int i = 1; !error && i <= lua_gettop(results); ++i)
        *outcome += (i > 1 ? " " : "") + World::shown(results, i);
      loop.stop();
    });
    if (!outcome) loop.run();
    return outcome.value_or("none");
  }

  Loop loop;
  FakeClient client;
  World world;
  std::optional<std::string> outcome;
};

}  // namespace pollux
