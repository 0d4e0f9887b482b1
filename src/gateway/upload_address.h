// Upload addresses: Google's, made Pollux's own.
//
// Google answers the start of a resumable upload with an address whose upload_id is the credential of all
// that follows. Pollux hands out the same address under its own origin, and adds which
// key began the upload, signed: later requests need no token, go to that key, and an address that Pollux did
// not hand out is refused. Nothing needs to be remembered, so it survives restarts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pollux {

// `google_address`: absolute. `origin`: as the client called Pollux, "http://host:8000".
std::string own_upload_address(std::string_view google_address, std::string_view origin,
                               std::string_view key_id, std::string_view secret);

// Whether a query continues an upload (has an upload_id).
bool continues_upload(std::string_view query);
// The key that began it; nothing if the address is not one of ours.
std::optional<std::string> key_of_upload(std::string_view query, std::string_view secret);
// The query as Google knows it.
std::string google_upload_query(std::string_view query);

}  // namespace pollux
