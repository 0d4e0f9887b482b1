// The properties of keys in the bodies of calls.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>

#include "admin/admin_call.h"
#include "pool/key_pool.h"

namespace pollux {

// Reads what a body says of a key; an error names the property. `allowed`: which properties may stand there;
// those of them that are none of a key's are the caller's to read.
std::optional<AdminAnswer> read_key_properties(const Json& body,
                                               std::initializer_list<std::string_view> allowed,
                                               KeyPool::Patch& patch);

// A refusal of the pool's, which begins with what it is about: "name: longer than 100 bytes".
AdminAnswer refused_by_pool(const Error& error);

AdminAnswer no_such_key(std::string_view key_id);

}  // namespace pollux
