// `pollux keys`: the keys in the data folder, without a running gateway. One that runs sees the change when
// it starts anew; to change keys under way there is the admin API.
#pragma once

#include "app/command_line.h"
#include "base/settings.h"

namespace pollux {

// REQUIRES: one of the keys commands. Returns the exit code; what happened is on standard output, what failed
// on standard error.
int run_keys_command(const CommandLine& said, const Settings& settings);

}  // namespace pollux
