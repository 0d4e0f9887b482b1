// Where the files that ship with the program lie: policies and the page.
#pragma once

#include <string>

#include "base/result.h"

namespace pollux {

struct Places {
  std::string policies;
  std::string web;  // Empty: there is no page.
};

// `share` (the environment's POLLUX_SHARE) where it is set; else beside the program: the repository around a
// build folder, or PREFIX/share/pollux around an installed PREFIX/bin. `program` is the path of the running
// program.
Result<Places> find_places(const std::string& share, const std::string& program);

// The path of this process's program, symbolic links followed; `argv0` where the system does not tell.
std::string path_of_program(const char* argv0);

}  // namespace pollux
