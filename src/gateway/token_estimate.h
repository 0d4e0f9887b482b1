// How many tokens a request may cost, guessed from its size before anybody has counted them.
#pragma once

#include <cstdint>
#include <string_view>

namespace pollux {

// Of a JSON request body: about a token for 4 bytes of ASCII text or 3 bytes of other text, at least 1. A
// long string of base64 counts as a picture, and as more only where it is too long to be one. Any bytes are
// taken; 32 MiB take milliseconds.
std::int64_t estimate_input_tokens(std::string_view body) noexcept;

}  // namespace pollux
