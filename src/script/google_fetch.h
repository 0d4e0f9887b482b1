// google.fetch: one request of a policy's own to Google, paid for with a key that the policy names,
// or with any.
#pragma once

#include <lua.hpp>
#include <optional>
#include <string>
#include <vector>

#include "net/connector.h"

namespace pollux {

// Where Google is for one worker's policies: GEMINI_BASE_URL with its prefix, and the proxies that lead
// there.
struct GoogleAddress {
  Origin origin;
  std::string prefix;
  std::vector<Proxy> proxies;  // Taken in turn.
  std::size_t next_proxy = 0;

  std::optional<Proxy> take_proxy() {
    if (proxies.empty()) return std::nullopt;
    return proxies[next_proxy++ % proxies.size()];
  }
};

// google.fetch([key, ]{path=, method=, headers=, body=, timeout=, max_bytes=, base64=}): {status=, headers=,
// body=}, or nil and why. Without a key, one of the pool that is fit for use pays.
int google_fetch(lua_State* state);

}  // namespace pollux
