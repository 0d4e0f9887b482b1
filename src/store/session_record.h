// A signed-in browser, as it is kept.
#pragma once

#include <string>

#include "base/clock.h"

namespace pollux {

struct SessionRecord {
  std::string token_hash;  // SHA-256, hexadecimal: the token itself is the browser's alone.
  std::string account;     // Of which administrator's name and token; see Sessions.
  WallTime created_at, last_seen;
};

}  // namespace pollux
