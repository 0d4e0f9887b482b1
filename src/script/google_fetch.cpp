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

}  // namespace

int google_fetch(lua_State* state) {
  constexpr int key = 1, table = 2;
  lua_settop(state, table);
  if (!key_at(state, key)) return luaL_error(state, "google.fetch: expected a key, then a table");
  check_fetch_arguments(state, table, "google.fetch", "path");
  ScriptState& script = ScriptState::of(state);
  script.require_waitable(state, "google.fetch");
  if (!script.host().http || !script.host().google) {
    return luaL_error(state, "google.fetch: only inside a hook");
  }

  FetchRequest request;
  auto problem = read_fetch_arguments(state, table, request);
  if (problem.empty()) problem = problem_of(request);
  if (!problem.empty()) throw std::runtime_error("google.fetch: " + problem);
  request.key = *key_at(state, key);
  auto& google = *script.host().google;
  const FetchTarget target{google.origin, google.prefix + request.place, google.take_proxy()};

  lua_settop(state, 0);
  return script.wait(state, [&](Script::Resume resume) {
    return start_fetch(script.host(), std::move(request), target, std::move(resume));
  });
}

}  // namespace pollux
