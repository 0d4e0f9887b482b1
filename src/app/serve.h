// `pollux serve`: builds the parts of the program, hands them to each other, and runs until told to stop.
#pragma once

#include "app/settings_reader.h"

namespace pollux {

// Returns the exit code: 0 after an orderly stop, 1 if it could not start.
int serve(SettingsReading reading);

}  // namespace pollux
