#include "script/http_fetch.h"

#include <algorithm>

#include "script/fetch.h"
#include "script/script_state.h"

namespace pollux {

int http_fetch(lua_State* state) {
  constexpr int table = 1;
  lua_settop(state, table);
  check_fetch_arguments(state, table, "http.fetch", "url");
  ScriptState& script = ScriptState::of(state);
  script.require_waitable(state, "http.fetch");
  if (!script.host().http) return luaL_error(state, "http.fetch: only inside a hook");

  FetchRequest request;
  const std::string problem = read_fetch_arguments(state, table, request);
  if (!problem.empty()) throw std::runtime_error("http.fetch: " + problem);
  const std::string_view url = request.place;
  const std::size_t place_end = std::min(url.find_first_of("?#"), url.size());
  FetchTarget target;
  Result<Origin> origin = Origin::parse(url.substr(0, place_end), &target.path);
  if (!origin) throw std::runtime_error("http.fetch: url: " + origin.error().message);
  target.origin = *std::move(origin);
  target.origin.public_only = request.public_only;
  if (target.path.empty()) target.path.push_back('/');
  const std::string_view rest = url.substr(place_end);
  if (rest.starts_with('?')) target.path += rest.substr(0, rest.find('#'));

  lua_settop(state, 0);
  return script.wait(state, [&](Script::Resume resume) {
    return start_fetch(script, std::move(request), target, std::move(resume));
  });
}

}  // namespace pollux
