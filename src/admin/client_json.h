// A client as JSON, and what the API's caller says of one.
#pragma once

#include "admin/admin_call.h"
#include "pool/clients.h"

namespace pollux {

Json client_json(const Client& client, const Moment& now);

// Reads the properties of `body`, but for those of `others`. An error names the property; what the values may
// be, Clients itself says.
std::optional<AdminAnswer> read_client_patch(const Json& body, ClientPatch& patch,
                                             std::string_view other_property = {});

}  // namespace pollux
