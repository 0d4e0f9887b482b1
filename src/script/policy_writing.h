// Owner's policies on disk, as the administration writes them. Internal to src/script.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pollux {

// Both follow no symbolic link below `folder`, and leave no half-written file behind. Writing makes folders
// that are missing; it goes into a file beside the old one, which it then replaces, both synced to the disk.
Result<void> write_policy_file(const std::string& folder, std::string_view file, std::string_view text);
Result<void> remove_policy_file(const std::string& folder, std::string_view file);

}  // namespace pollux
