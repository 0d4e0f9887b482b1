// `request.query`: the pairs of a query string as a Lua table, and the way back. Internal to src/script.
#pragma once

#include <string>
#include <string_view>

#include "script/script_run.h"

namespace pollux {

// Pushes {name = value}, percent-decoded; of a name that comes twice, the first.
void push_query_table(lua_State* state, std::string_view query);

// The query as it reads after the changes in the table at `index`: pairs that were not touched keep their
// bytes and places, new ones follow in the order of their names. An error names a value that is no string,
// number or boolean.
Result<std::string> changed_query(lua_State* state, int index, std::string_view query);

}  // namespace pollux
