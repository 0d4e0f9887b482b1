// Writing heads: lines that no value can break out of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace pollux {

// Whether the text may stand as a method or a field's name (RFC 9110 section 5.6.2); true if empty.
bool is_token(std::string_view text) noexcept;
bool has_control_character(std::string_view text) noexcept;  // A tab is none.

// "HTTP/1.1 200 OK" and the line's end.
void append_status_line(std::string& out, int status);
// "name: value" and the line's end. A name that is no token is left out; control characters become blanks:
// whatever a policy or a peer put there, it stays one line.
void append_field(std::string& out, std::string_view name, std::string_view value);
void append_number(std::string& out, std::uint64_t number);
// Bytes that may not stand in a request line are percent-encoded.
void append_target(std::string& out, std::string_view target);
// One chunk of a chunked body, its frame and all. REQUIRES: !bytes.empty().
std::string as_chunk(std::string_view bytes);
// Its frame alone, for what is not copied into one.
std::string chunk_head(std::size_t size);
inline constexpr std::string_view chunk_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

// Roughly what the fields take when written.
std::size_t written_size(const Headers& headers) noexcept;

}  // namespace pollux
