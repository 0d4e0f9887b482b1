// Which conversation a native request goes on with, for those who keep a conversation with one key.
#pragma once

#include <string>
#include <string_view>

namespace pollux {

// 16 hexadecimal digits, the same for each request of a conversation: of the client and the first element of
// the body's "contents", which every later turn repeats. Empty if there is no such element within the first
// MiB of the body. Any bytes are taken, in linear time.
std::string conversation_of(std::string_view body, std::string_view client_id);

// Whether the model has had a turn already.
bool continues_conversation(std::string_view body) noexcept;

}  // namespace pollux
