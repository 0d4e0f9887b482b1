#include "script/google_fetch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "http/message.h"
#include "script/fetch.h"
#include "script/object_types.h"
#include "script/script_state.h"

namespace pollux {
namespace {

// Google refuses a request with two credentials.
constexpr std::array<std::string_view, 5> credentials{"authorization", "x-goog-api-key", "x-api-key",
                                                      "api-key", "cookie"};

std::string problem_of(const FetchRequest& request) {
  if (!request.place.starts_with('/') || request.place.find('#') != std::string::npos) {
    return "path must begin with / and hold no #";
  }
  const auto known = std::ranges::find_if(credentials, [&](auto name) { return request.headers.has(name); });
  return known == credentials.end() ? "" : std::string(*known) + ": the key is the only credential";
}

// Nothing is counted of such a request, so it is no matter what quota of a model is left.
KeyRef any_key(KeyPool* pool) {
  return pool ? pool->least_busy({}).key : nullptr;
}

constexpr int key_place = 1, table_place = 2;

// Waits for the answer; 0: no key can pay.
int send(lua_State* state, ScriptState& script) {
  FetchRequest request;
  auto problem = read_fetch_arguments(state, table_place, request);
  if (problem.empty()) problem = problem_of(request);
  if (!problem.empty()) throw std::runtime_error("google.fetch: " + problem);
  const auto* named = key_at(state, key_place);
  request.key = named ? *named : any_key(script.host().pool);
  if (!request.key) return 0;
  auto& google = *script.host().google;
  const FetchTarget target{google.origin, google.prefix + request.place, google.take_proxy()};

  lua_settop(state, 0);
  return script.wait(state, [&](Script::Resume resume) {
    return start_fetch(script, std::move(request), target, std::move(resume));
  });
}

}  // namespace

int google_fetch(lua_State* state) {
  if (lua_istable(state, key_place)) {
    lua_pushnil(state);
    lua_insert(state, key_place);
  } else if (!key_at(state, key_place)) {
    return luaL_error(state, "google.fetch: expected a key, then a table, or the table alone");
  }
  lua_settop(state, table_place);
  check_fetch_arguments(state, table_place, "google.fetch", "path");
  ScriptState& script = ScriptState::of(state);
  script.require_waitable(state, "google.fetch");
  if (!script.host().http || !script.host().google) {
    return luaL_error(state, "google.fetch: only inside a hook");
  }
  if (const int waiting = send(state, script)) return waiting;
  lua_pushnil(state);
  lua_pushliteral(state, "no key can be used now");
  return 2;
}

}  // namespace pollux
