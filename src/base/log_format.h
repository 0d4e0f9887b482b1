// How one log line is spelled, in either form.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

namespace pollux {

// Appends one line and its line feed. Values are cut at 4 KiB; what is not UTF-8, and characters that would
// steer a terminal, are replaced or escaped; what looks like a Google key is masked.
void append_log_line(std::string& out, bool json, WallTime time, LogLevel level, std::string_view message,
                     std::span<const LogField> fields);

}  // namespace pollux
