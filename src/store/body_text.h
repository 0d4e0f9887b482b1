// Bodies as text that people can read and JSON can hold, whatever they were.
#pragma once

#include <string>
#include <string_view>

namespace pollux {

// UTF-8: each run of bytes that is none, or of control characters, becomes one replacement character.
std::string readable_text(std::string_view bytes);

}  // namespace pollux
