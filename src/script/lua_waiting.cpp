// sleep: the coroutine waits, the loop goes on.
#include <cmath>

#include "net/timer.h"
#include "script/http_fetch.h"
#include "script/lua_libraries.h"
#include "script/script_state.h"

namespace pollux {

namespace {

constexpr double longest_sleep_s = 600;

int sleep(lua_State* state) {
  const double seconds = luaL_checknumber(state, 1);
  luaL_argcheck(state, seconds >= 0 && seconds <= longest_sleep_s, 1, "0 to 600 seconds are possible");
  ScriptState& script = ScriptState::of(state);
  script.require_waitable(state, "sleep");
  const Milliseconds duration(std::max(1LL, std::llround(std::ceil(seconds * 1000))));
  return script.wait(state, [&script, duration](Script::Resume resume) {
    auto timer = std::make_shared<Timer>(
        *script.host().loop, [resume = std::move(resume)] { resume([](lua_State*) { return 0; }); });
    timer->start(duration);
    return timer;
  });
}

}  // namespace

void add_waiting_library(lua_State* state, int base) {
  lua_pushcfunction(state, &lua_entry<sleep>);
  lua_setfield(state, base, "sleep");
  lua_newtable(state);
  lua_pushcfunction(state, &lua_entry<http_fetch>);
  lua_setfield(state, -2, "fetch");
  make_read_only(state, "http");
  lua_setfield(state, base, "http");
}

}  // namespace pollux
