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
  };
  std::string text;
  std::vector<Gap> gaps;

  // REQUIRES: nothing has run in the state since the outlines were made, so that the blobs are what they
  // were.
  bool reads_as(const JsonOutline& other, lua_State* state) const;
  std::string filled(lua_State* state) &&;
};

// As json_encode() writes it.
Result<JsonOutline> json_outline(lua_State* state, int index);

}  // namespace pollux
