// Bodies as text that people can read and JSON can hold, whatever they were; and texts that became too long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pollux {

// UTF-8: each run of bytes that is none, or of control characters, becomes one replacement character.
std::string readable_text(std::string_view bytes);

// The beginning, of at most so many bytes; no character is cut in two.
std::string_view cut_text(std::string_view text, std::size_t most);

}  // namespace pollux
