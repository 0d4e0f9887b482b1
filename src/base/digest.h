// Hashes and random bytes. Safe for any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace pollux {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

std::string hex(std::string_view bytes);
std::string hex(const Sha256& digest);

std::string random_bytes(std::size_t count);       // From the system's generator.
std::string random_token(std::size_t bytes = 32);  // URL-safe base64 of as many random bytes.
std::string uuid();                                // Version 4, RFC 9562.

// Takes as long whether or not they agree; the length alone may show.
bool equal_in_constant_time(std::string_view one, std::string_view other) noexcept;

}  // namespace pollux
