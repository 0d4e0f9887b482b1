// Tokens in, none out: what a client presents is read and taken away before anything is forwarded.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace pollux {

// The token that a client presents: Authorization: Bearer, x-goog-api-key, x-api-key, or ?key=, in this
// order; empty if it presents none.
std::string presented_token(const Headers& headers, std::string_view query);

// The query without `key` and `access_token`, and without what stands in for headers and method: the rest
// stays byte for byte.
std::string without_credentials(std::string_view query);

// Whether a client's header must not reach Google: credentials, cookies, hop-by-hop fields, what would tell
// Google of the client's own site or address, and what would make it read another method than Pollux has.
bool stays_here(std::string_view name) noexcept;

// What is forwarded of a client's headers, in their order.
Headers forwardable(const Headers& from_client);

// What of Google's answer a client must not get: hop-by-hop fields, framing, Alt-Svc (it would lead browsers
// past Pollux), Google's CORS fields.
bool stays_behind(std::string_view name) noexcept;

}  // namespace pollux
