// JSON text into which blobs have still to be written: small, whatever they hold. Two values of the same
// blobs are compared by it, and a text is made of it in one piece. Internal to src/script.
#pragma once

#include <lua.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "script/blob.h"

namespace pollux {

struct JsonOutline {
  struct Gap {
    std::size_t at = 0;  // In the text.
    Blob blob;
    bool operator==(const Gap&) const = default;
  };
  std::string text;
  std::vector<Gap> gaps;
  bool operator==(const JsonOutline&) const = default;

  // REQUIRES: nothing has run in the state since the outline was made, so that the blobs are what they were.
  std::string filled(lua_State* state) &&;
};

// As json_encode() writes it.
Result<JsonOutline> json_outline(lua_State* state, int index);

}  // namespace pollux
