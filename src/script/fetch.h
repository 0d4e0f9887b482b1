// What http.fetch and google.fetch share: the arguments, the exchange with a server, and what Lua gets of it.
// Internal to src/script.
#pragma once

#include <lua.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"
#include "pool/key_pool.h"
#include "script/script_run.h"

namespace pollux {

struct FetchRequest {
  std::string place;  // A URL, or a path with its query.
  std::string method = "GET", body;
  Headers headers;
  Milliseconds timeout{0};
  std::size_t max_bytes = 0;  // Of the answer's body.
  bool base64 = false;        // The answer's body is wanted so; a large one as a blob.
  bool public_only = false;   // See Origin.
  KeyRef key;  // Pays for it, if there is one; policies never see its secret, not in the answer either.
};

// Refuses what is wrong with the table of arguments at `table`, before any C++ object is held, and leaves on
// the stack behind it: place, method, body, timeout, max_bytes, base64, public_only, headers. `function` and
// `place` are their names for errors. REQUIRES: the table is on top.
void check_fetch_arguments(lua_State* state, int table, const char* function, const char* place);
// Reads what the former left there; empty, or what is wrong. Calls nothing that raises a Lua error.
std::string read_fetch_arguments(lua_State* state, int table, FetchRequest& request);

struct FetchTarget {
  Origin origin;
  std::string path;
  std::optional<Proxy> proxy;
};
// Sends it on the host's loop and resumes with {status=, headers=, body=}, or nil and why. Dropping it ends
// it.
std::shared_ptr<void> start_fetch(Script& script, FetchRequest request, const FetchTarget& target,
                                  Script::Resume resume);

}  // namespace pollux
