// The headers by which a browser keeps the page and the answers of the administration apart from everybody
// else's. None of them asks for TLS: a Pollux in a home network has none.
#pragma once

#include <string_view>

#include "http/server.h"

namespace pollux {

enum class Content { page, data };  // data: what a page loads, or calls for.

void add_security_headers(Content content, const Headers& request, const ClientInfo& client, Headers& answer);

}  // namespace pollux
