// http.fetch: one HTTP request of a policy's own.
#pragma once

#include <lua.hpp>

namespace pollux {

// http.fetch{url=, method=, headers=, body=, timeout=, max_bytes=, base64=, public_only=}: {status=,
// headers=, body=}, or nil and why.
int http_fetch(lua_State* state);

}  // namespace pollux
