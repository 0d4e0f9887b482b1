// What differs between two texts, line by line, as `diff -u` writes it.
#pragma once

#include <string>
#include <string_view>

namespace pollux {

// "--- OLD_NAME\n+++ NEW_NAME\n@@ -1,3 +1,4 @@\n ..." with three lines around every change; empty where the
// texts are the same. The shortest there is for up to 1000 lines of changes (Myers, O(ND)); where they differ
// more, everything between their common beginning and end is one change.
std::string unified_diff(std::string_view old_text, std::string_view new_text, std::string_view old_name,
                         std::string_view new_name);

}  // namespace pollux
