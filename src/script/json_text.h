// JSON's spelling of texts and numbers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pollux {

// How many bytes from `at` on are printable ASCII other than '"' and '\\'.
std::size_t plain_run(const char* at, const char* end) noexcept;

// The length of the UTF-8 sequence at `at` (a byte of 0x80 or more), or 0 if it is none.
std::size_t utf8_length(const char* at, const char* end) noexcept;
void append_utf8(std::string& text, char32_t character);

// As JSON has it, in quotes; false if it is not UTF-8.
bool append_json_text(std::string& out, std::string_view text);
// An integer up to 2^53 without exponent, other numbers in their shortest form; false if it is not finite.
bool append_json_number(std::string& out, double number);

// Of a text that is a JSON number.
double number_of(std::string_view text) noexcept;        // The nearest; too large: infinite.
bool is_held_by_double(std::string_view text) noexcept;  // Written again it is the same number.
bool is_same_number(std::string_view one, std::string_view other) noexcept;  // "1e2" and "100.0".

}  // namespace pollux
